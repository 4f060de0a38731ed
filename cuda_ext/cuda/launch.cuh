// Starting kernels.
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

}  // namespace gh
