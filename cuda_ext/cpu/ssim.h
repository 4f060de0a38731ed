// The arrays of the similarity map and its run over threads. Pictures are [H, W, C] float32, row-major.
#pragma once

#include <stdint.h>

namespace gh {

constexpr int kSsimTaps = 11;
constexpr int kSsimMinWidth = 16;  // floats in a row: narrower pictures are not covered

struct SsimView {
  const float *a, *b;
  const float* taps;  // [kSsimTaps] the window along one axis
  int H, W, C;
  float c1, c2;

  int row() const { return W * C; }
};

struct SsimPartials {  // derivatives of the similarity by its window means, [H, W, C] each
  float *mean_a, *squares, *product;
  float* mean_b;  // null where b takes no gradient
};

// Floats of scratch memory that one thread needs.
inline int64_t ssim_scratch(const SsimView& view) { return 16 * (int64_t(view.row()) + (kSsimTaps - 1) * view.C); }

// `partials` is null where no gradient will be asked for.
void ssim_map(const SsimView& view, float* similarity, const SsimPartials* partials, int threads);
void ssim_map_vjp(const SsimView& view, const SsimPartials& partials, const float* v_similarity, float* v_a,
                  float* v_b /* null unless mean_b is there */, int threads);

}  // namespace gh
