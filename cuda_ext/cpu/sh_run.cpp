// SH colours over threads; a Gaussian's numbers never depend on the chunk it is in.
#include "sh.h"

#include <algorithm>

#include "rasterizer.h"

namespace gh {

namespace {

constexpr std::int64_t kChunk = 1024;  // Gaussians

template <class F>
void over_chunks(std::int64_t N, int threads, F&& chunk) {
  const std::int64_t chunks = (N + kChunk - 1) / kChunk;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (std::int64_t c = 0; c < chunks; ++c) chunk(c * kChunk, std::min((c + 1) * kChunk, N));
}

}  // namespace

void sh_colors(const ShView& view, float* rgb, int threads) {
  const auto stage = active_stages().sh;
  over_chunks(view.N, threads, [&](std::int64_t begin, std::int64_t end) { stage(view, rgb, begin, end); });
}

void sh_colors_vjp(const ShView& view, const float* v_rgb, const ShGradients& out, int threads) {
  const auto stage = active_stages().sh_vjp;
  over_chunks(view.N, threads, [&](std::int64_t begin, std::int64_t end) { stage(view, v_rgb, out, begin, end); });
}

}  // namespace gh
