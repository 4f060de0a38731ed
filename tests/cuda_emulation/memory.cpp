// Memory and the host's part of the emulated device: streams run at once, and one may pretend to be captured.
#include <Python.h>
#include <cuda_runtime_api.h>

#include <cstdlib>
#include <unordered_map>

#include "emulator.h"

namespace gpu {

namespace {

struct Block {
  size_t bytes;
  int device;
};

std::unordered_map<void*, Block>& blocks = *new std::unordered_map<void*, Block>;
uint64_t wait_count = 0, selfish_count = 0, allocation_count = 0, misplaced_count = 0;
int current = 0;
int64_t held = 0;
bool capturing = false;
unsigned long long capture_count = 0;
int more_counted = 0, driver = 13000, allocations_left = -1;
bool holds_code = true;
uint64_t stream_wait_count = 0;

cudaError_t wait() {
  if (capturing) return cudaErrorStreamCaptureUnsupported;
  ++wait_count;
  selfish_count += PyGILState_Check();
  return cudaSuccess;
}

}  // namespace

void use_capture(bool wanted) { capturing = wanted, capture_count += wanted; }
std::uint64_t waits() { return wait_count; }
std::uint64_t waits_with_gil() { return selfish_count; }
std::int64_t allocated() { return held; }
std::uint64_t allocations() { return allocation_count; }
std::uint64_t misplaced() { return misplaced_count; }
void use_device(int device) { current = device; }
void use_miscount(int more) { more_counted = more; }
std::uint64_t miscount(std::uint64_t count) { return count ? uint64_t(int64_t(count) + more_counted) : 0; }
void use_driver(int version, bool code) { driver = version, holds_code = code; }
void use_memory(int allocations) { allocations_left = allocations; }
std::uint64_t stream_waits() { return stream_wait_count; }
int current_device() { return current; }

}  // namespace gpu

const char* cudaGetErrorString(cudaError_t error) {
  if (error == cudaErrorStreamCaptureUnsupported) return "operation not permitted when stream is capturing";
  if (error == cudaErrorMemoryAllocation) return "out of memory";
  return error == cudaSuccess ? "no error" : "invalid argument";
}
cudaError_t cudaGetLastError() { return cudaSuccess; }
cudaError_t cudaSetDevice(int device) { return gpu::current = device, cudaSuccess; }
cudaError_t cudaGetDevice(int* device) { return *device = gpu::current, cudaSuccess; }
cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int) { return *pool = nullptr, cudaSuccess; }
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void*) { return cudaSuccess; }

// Fresh memory is full of NaN, so that reading what nothing wrote shows.
cudaError_t cudaMallocAsync(void** memory, size_t bytes, cudaStream_t) {
  if (gpu::capturing) return cudaErrorStreamCaptureUnsupported;
  if (gpu::allocations_left >= 0 && gpu::allocations_left-- == 0) return cudaErrorMemoryAllocation;
  *memory = malloc(bytes);
  memset(*memory, 0xff, bytes);
  gpu::blocks[*memory] = {bytes, gpu::current};
  gpu::held += int64_t(bytes), ++gpu::allocation_count;
  return cudaSuccess;
}
cudaError_t cudaFreeAsync(void* memory, cudaStream_t) {
  const gpu::Block& block = gpu::blocks.at(memory);
  gpu::misplaced_count += block.device != gpu::current;
  gpu::held -= int64_t(block.bytes);
  gpu::blocks.erase(memory);
  free(memory);
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* memory, int value, size_t bytes, cudaStream_t) {
  gpu::misplaced_count += gpu::current != 0;  // arrays from Python lie on device 0
  memset(memory, value, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t) {
  gpu::misplaced_count += gpu::current != 0;
  memcpy(to, from, bytes);
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t) { return gpu::wait(); }
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) { return *event = nullptr, cudaSuccess; }
cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) { return cudaSuccess; }
cudaError_t cudaEventDestroy(cudaEvent_t) { return cudaSuccess; }
cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) { return ++gpu::stream_wait_count, cudaSuccess; }
cudaError_t cudaHostAlloc(void** memory, size_t bytes, unsigned) {
  if (gpu::capturing) return cudaErrorStreamCaptureUnsupported;
  return *memory = malloc(bytes), cudaSuccess;
}
cudaError_t cudaFreeHost(void* memory) { return free(memory), cudaSuccess; }
cudaError_t cudaDriverGetVersion(int* version) { return *version = gpu::driver, cudaSuccess; }
cudaError_t cudaRuntimeGetVersion(int* version) { return *version = 13000, cudaSuccess; }
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes*, const void*) {
  return gpu::holds_code ? cudaSuccess : cudaErrorInvalidDeviceFunction;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  return *value = attribute == cudaDevAttrComputeCapabilityMajor ? 8 : 6, cudaSuccess;
}
cudaError_t cudaDeviceSynchronize() { return gpu::wait(); }
cudaError_t cudaStreamGetCaptureInfo(cudaStream_t stream, cudaStreamCaptureStatus* status, unsigned long long* id) {
  return *id = gpu::capture_count, cudaStreamIsCapturing(stream, status);
}
cudaError_t cudaStreamIsCapturing(cudaStream_t, cudaStreamCaptureStatus* status) {
  *status = gpu::capturing ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
  return cudaSuccess;
}
