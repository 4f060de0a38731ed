#include "probes.h"

#include <cuda_runtime_api.h>

#include <stdexcept>

#include "emulator.h"

namespace {

constexpr unsigned kAll = 0xffffffffu;

// Reverses 64 numbers through shared memory; `careful` waits between writing and reading.
__global__ void reverse(int* out, bool careful) {
  __shared__ int shared[64];
  const int i = int(threadIdx.x);
  shared[i] = 0;
  __syncthreads();
  shared[i] = i + 1;
  if (careful) __syncthreads();
  atomicAdd(out, shared[63 - i] == 64 - i ? 1 : 0);
}

__global__ void warp_sum(int* out) {
  int value = int(threadIdx.x);
  for (int offset = 16; offset; offset /= 2) value += __shfl_down_sync(kAll, value, offset);
  const int up = __shfl_up_sync(kAll, int(threadIdx.x), 1), other = __shfl_xor_sync(kAll, int(threadIdx.x), 1);
  const unsigned odd = __ballot_sync(kAll, threadIdx.x % 2);
  const bool right = up == (threadIdx.x ? int(threadIdx.x) - 1 : 0) && other == int(threadIdx.x ^ 1) &&
                     odd == 0xaaaaaaaau && __any_sync(kAll, threadIdx.x == 5) && !__all_sync(kAll, threadIdx.x == 5);
  const int wrong = __syncthreads_count(!right);
  if (threadIdx.x == 0) *out = wrong ? -1 : value;
}

__global__ void divergent_barrier(int* out) {
  if (threadIdx.x < 32) {
    *out += 1;
    __syncthreads();
  } else {
    __syncthreads();
    *out += 1;
  }
}

__global__ void absent_lane(int* out) {
  if (threadIdx.x == 3) return;
  *out = int(__ballot_sync(kAll, true));
}

__global__ void half_at_barrier(int*) {
  if (threadIdx.x % 2) __syncthreads();
  if (threadIdx.x % 2 == 0) __syncwarp();
}

}  // namespace

int probe(const std::string& name, unsigned order) {
  int out = 0;
  gpu::use_order(order);
  cudaLaunchConfig_t config = {};
  config.gridDim = 1, config.blockDim = name == "warp_sum" || name == "absent_lane" ? 32 : 64;
  cudaError_t status = cudaErrorInvalidValue;
  if (name == "reverse") status = cudaLaunchKernelEx(&config, reverse, &out, true);
  if (name == "reverse carelessly") status = cudaLaunchKernelEx(&config, reverse, &out, false);
  if (name == "warp_sum") status = cudaLaunchKernelEx(&config, warp_sum, &out);
  if (name == "divergent barrier") status = cudaLaunchKernelEx(&config, divergent_barrier, &out);
  if (name == "absent_lane") status = cudaLaunchKernelEx(&config, absent_lane, &out);
  if (name == "half at barrier") status = cudaLaunchKernelEx(&config, half_at_barrier, &out);
  if (status != cudaSuccess) throw std::invalid_argument("no such probe, or it could not be launched: " + name);
  return out;
}
