// Stands in for the CUDA toolkit: the kernels' own sources, compiled by a C++ compiler, run on the CPU.
//
// Threads of a block are fibers of one operating-system thread; blocks run one after the other.
// A fiber runs until it meets a barrier or a warp operation. Which one runs next is up to the
// scheduler (emulator.cpp), so different orders expose what a kernel forgot to synchronise.
// Wrong use of barriers and of warp masks, undefined on a device, is an error here.
#pragma once

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __shared__ static
#define __forceinline__ inline
#define __launch_bounds__(...)

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

// ---- device functions

template <class T>
T min(T a, T b) {
  return b < a ? b : a;
}
template <class T>
T max(T a, T b) {
  return a < b ? b : a;
}
// With GH_EMULATION_ULP a device's own exp2f and log2f, which are off by up to as many units in the last place.
#if defined(GH_EMULATION_ULP)
inline float gpu_off(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  if (value == 0.0f || !(value - value == 0.0f)) return value;
  bits += uint32_t(int(bits * 2654435761u >> 16) % (2 * GH_EMULATION_ULP + 1)) - GH_EMULATION_ULP;
  memcpy(&value, &bits, sizeof bits);
  return value;
}
inline float gpu_exp2(float a) { return gpu_off(exp2f(a)); }
inline float gpu_log2(float a) { return gpu_off(log2f(a)); }
#define exp2f gpu_exp2
#define log2f gpu_log2
#endif
template <class To, class From>
To gpu_bits(From from) {
  static_assert(sizeof(To) == sizeof(From), "as many bits");
  To to;
  memcpy(&to, &from, sizeof to);
  return to;
}
inline unsigned __float_as_uint(float a) { return gpu_bits<unsigned>(a); }
inline float __uint_as_float(unsigned a) { return gpu_bits<float>(a); }
inline int __popc(unsigned a) { return __builtin_popcount(a); }
inline int __ffs(int a) { return __builtin_ffs(a); }
template <class T>
T __ldg(const T* a) {
  return *a;
}
inline void __threadfence() {}

// A fiber is never interrupted between reading and writing.
template <class T>
T atomicAdd(T* target, std::common_type_t<T> value) {
  const T before = *target;
  *target += value;
  return before;
}
template <class T>
T atomicMax(T* target, std::common_type_t<T> value) {
  const T before = *target;
  if (before < value) *target = value;
  return before;
}
template <class T>
T atomicOr(T* target, std::common_type_t<T> value) {
  const T before = *target;
  *target |= value;
  return before;
}

namespace gpu {

enum class Vote { kCount, kAnd, kOr };
int barrier(const char* site, bool predicate, Vote vote);

struct Deposit {  // what a lane brings to a warp operation
  uint64_t value;
  int argument;
  bool present;
};
using Exchange = uint64_t (*)(const Deposit* lanes, int lane);
uint64_t warp(const char* site, unsigned mask, uint64_t value, int argument, Exchange exchange);

template <class T>
uint64_t pack(T value) {
  static_assert(sizeof(T) <= sizeof(uint64_t), "as a register");
  uint64_t bits = 0;
  memcpy(&bits, &value, sizeof value);
  return bits;
}
template <class T>
T unpack(uint64_t bits) {
  T value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// A lane that is not there, or lies outside the warp, gives the asking lane's own value back.
inline uint64_t pick(const Deposit* lanes, int lane, int source) {
  return lanes[source >= 0 && source < 32 && lanes[source].present ? source : lane].value;
}

uint64_t ballot(const char* site, unsigned mask, bool predicate);

}  // namespace gpu

#define GPU_TEXT_(x) #x
#define GPU_TEXT(x) GPU_TEXT_(x)
#define GPU_SITE __FILE__ ":" GPU_TEXT(__LINE__)

#define __syncthreads() ((void)gpu::barrier(GPU_SITE, false, gpu::Vote::kCount))
#define __syncthreads_count(p) gpu::barrier(GPU_SITE, (p), gpu::Vote::kCount)
#define __syncthreads_and(p) gpu::barrier(GPU_SITE, (p), gpu::Vote::kAnd)
#define __syncthreads_or(p) gpu::barrier(GPU_SITE, (p), gpu::Vote::kOr)
#define __syncwarp(...) ((void)gpu::ballot(GPU_SITE, gpu_mask(__VA_ARGS__), false))
#define __ballot_sync(mask, p) unsigned(gpu::ballot(GPU_SITE, (mask), (p)))
#define __any_sync(mask, p) int(gpu::ballot(GPU_SITE, (mask), (p)) != 0)
#define __all_sync(mask, p) int(gpu::ballot(GPU_SITE, (mask), !(p)) == 0)
#define __shfl_sync(mask, v, source) gpu_shuffle<gpu::At>(GPU_SITE, mask, v, source)
#define __shfl_up_sync(mask, v, offset) gpu_shuffle<gpu::Up>(GPU_SITE, mask, v, offset)
#define __shfl_down_sync(mask, v, offset) gpu_shuffle<gpu::Down>(GPU_SITE, mask, v, offset)
#define __shfl_xor_sync(mask, v, offset) gpu_shuffle<gpu::Xor>(GPU_SITE, mask, v, offset)

namespace gpu {
struct At {
  static int source(int, int lane) { return lane % 32; }
};
struct Up {
  static int source(int lane, int offset) { return lane - offset; }
};
struct Down {
  static int source(int lane, int offset) { return lane + offset; }
};
struct Xor {
  static int source(int lane, int bits) { return lane ^ bits; }
};
}  // namespace gpu

inline unsigned gpu_mask(unsigned mask = 0xffffffffu) { return mask; }

template <class From, class T>
T gpu_shuffle(const char* site, unsigned mask, T value, int argument) {
  return gpu::unpack<T>(
      gpu::warp(site, mask, gpu::pack(value), argument, [](const gpu::Deposit* lanes, int lane) -> uint64_t {
        return gpu::pick(lanes, lane, From::source(lane, lanes[lane].argument));
      }));
}

// ---- host functions

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidDeviceFunction = 98,
  cudaErrorStreamCaptureUnsupported = 900
};
struct CUstream_st;
using cudaStream_t = CUstream_st*;
using cudaMemPool_t = void*;
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };
enum cudaMemPoolAttr { cudaMemPoolAttrReleaseThreshold };
enum cudaDeviceAttr { cudaDevAttrComputeCapabilityMajor = 75, cudaDevAttrComputeCapabilityMinor = 76 };
struct cudaFuncAttributes {
  int numRegs;
};
struct CUevent_st;
using cudaEvent_t = CUevent_st*;
constexpr unsigned cudaEventDisableTiming = 2, cudaHostAllocPortable = 1;
enum cudaStreamCaptureStatus { cudaStreamCaptureStatusNone, cudaStreamCaptureStatusActive };

const char* cudaGetErrorString(cudaError_t error);
cudaError_t cudaGetLastError();
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDevice(int* device);
cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int device);
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value);
cudaError_t cudaMallocAsync(void** memory, size_t bytes, cudaStream_t stream);
cudaError_t cudaFreeAsync(void* memory, cudaStream_t stream);
cudaError_t cudaMemsetAsync(void* memory, int value, size_t bytes, cudaStream_t stream);
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaDeviceSynchronize();
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status);
cudaError_t cudaStreamGetCaptureInfo(cudaStream_t stream, cudaStreamCaptureStatus* status, unsigned long long* id);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags);
cudaError_t cudaHostAlloc(void** memory, size_t bytes, unsigned flags);
cudaError_t cudaFreeHost(void* memory);
cudaError_t cudaDriverGetVersion(int* version);
cudaError_t cudaRuntimeGetVersion(int* version);
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* kernel);
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device);

struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes;
  cudaStream_t stream;
  void* attrs;
  unsigned numAttrs;
};

namespace gpu {
// Calls `body(arguments)` once for every thread of the grid; null kernels and empty grids are errors.
cudaError_t run(const cudaLaunchConfig_t& config, void (*body)(void*), void* arguments);
}  // namespace gpu

template <class... P, class... A>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(P...), A&&... arguments) {
  auto call = [&] { kernel(static_cast<P>(arguments)...); };
  using Call = decltype(call);
  return gpu::run(*config, [](void* it) { (*static_cast<Call*>(it))(); }, &call);
}
