// Sums that come out the same, bit by bit, in every run.
#pragma once

#include "launch.cuh"

namespace gh {

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
