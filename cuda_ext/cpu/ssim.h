// The arrays of the similarity map and its run over threads. Pictures are [H, W, C] float32, row-major.
#pragma once

#include <stdint.h>

#include "../core/ssim_views.h"

namespace gh {

constexpr int kSsimMinWidth = 16;  // floats in a row: narrower pictures are not covered

// Floats of scratch memory that one thread needs.
inline int64_t ssim_scratch(const SsimView& view) { return 16 * (int64_t(view.row()) + (kSsimTaps - 1) * view.C); }

// `partials` is null where no gradient will be asked for.
void ssim_map(const SsimView& view, float* similarity, const SsimPartials* partials, int threads);
void ssim_map_vjp(const SsimView& view, const SsimPartials& partials, const float* v_similarity, float* v_a,
                  float* v_b /* null unless mean_b is there */, int threads);

}  // namespace gh
