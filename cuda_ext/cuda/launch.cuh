// Starting kernels, and deterministic sums over rows.
#pragma once

#include "../core/config.h"
#include "runtime.h"

namespace gh {

constexpr int kThreads = 256;
constexpr unsigned kFullWarp = 0xffffffffu;

inline unsigned blocks_for(std::int64_t count, int threads = kThreads) {
  return unsigned((count + threads - 1) / threads);
}

// The only place that launches. An empty grid runs nothing.
template <class... P, class... A>
void launch(void (*kernel)(P...), unsigned blocks, unsigned threads, cudaStream_t stream, const A&... arguments) {
  if (blocks == 0) return;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(blocks), config.blockDim = dim3(threads), config.stream = stream;
  check(cudaLaunchKernelEx(&config, kernel, static_cast<P>(arguments)...), "launching a kernel");
}

namespace GH_ISA {

// Sum over a warp, the same bits in every run; all lanes must come.
__device__ inline float warp_sum(float value) {
  for (int offset = 16; offset; offset /= 2) value += __shfl_down_sync(kFullWarp, value, offset);
  return value;
}

// out[block][k] = sum over r of rows[block][r][k], k < columns <= kThreads, in an order fixed by the sizes.
static __global__ void __launch_bounds__(kThreads) sum_rows(const float* rows, int count, int columns, float* out) {
  __shared__ float sums[kThreads];
  const int groups = kThreads / columns, group = threadIdx.x / columns, k = threadIdx.x % columns;
  const float* mine = rows + int64_t(blockIdx.x) * count * columns + k;
  float sum = 0.0f;
  if (group < groups)
    for (int r = group; r < count; r += groups) sum += mine[int64_t(r) * columns];
  sums[threadIdx.x] = sum;
  __syncthreads();
  if (group) return;
  for (int g = 1; g < groups; ++g) sum += sums[g * columns + k];
  out[int64_t(blockIdx.x) * columns + k] = sum;
}

}  // namespace GH_ISA
}  // namespace gh
