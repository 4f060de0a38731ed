// The similarity map over threads, in strips of rows; a row's numbers never depend on the strip it is in.
#include "ssim.h"

#include <algorithm>
#include <vector>

#include "rasterizer.h"

namespace gh {

namespace {

constexpr int kStrip = 16;  // rows

template <class F>
void over_strips(const SsimView& view, int threads, F&& strip) {
  const std::vector<float> zeros(view.row());
  const int strips = (view.H + kStrip - 1) / kStrip;
#pragma omp parallel num_threads(threads)
  {
    std::vector<float> scratch(ssim_scratch(view));
#pragma omp for schedule(static)
    for (int s = 0; s < strips; ++s)
      strip(zeros.data(), scratch.data(), s * kStrip, std::min((s + 1) * kStrip, view.H));
  }
}

}  // namespace

void ssim_map(const SsimView& view, float* similarity, const SsimPartials* partials, int threads) {
  const auto stage = active_stages().ssim;
  over_strips(view, threads, [&](const float* zeros, float* scratch, int begin, int end) {
    stage(view, zeros, scratch, similarity, partials, begin, end);
  });
}

void ssim_map_vjp(const SsimView& view, const SsimPartials& partials, const float* v_similarity, float* v_a, float* v_b,
                  int threads) {
  const auto stage = active_stages().ssim_vjp;
  over_strips(view, threads, [&](const float* zeros, float* scratch, int begin, int end) {
    stage(view, zeros, scratch, partials, v_similarity, v_a, v_b, begin, end);
  });
}

}  // namespace gh
