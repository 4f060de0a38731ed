// The similarity map on a CUDA device. Pictures are [H, W, C] float32, row-major.
#pragma once

#include "../core/ssim_views.h"
#include "runtime.h"

namespace gh {

// `partials` is null where no gradient will be asked for.
void cuda_ssim(const SsimView& view, float* similarity, const SsimPartials* partials, cudaStream_t stream);
void cuda_ssim_vjp(const SsimView& view, const SsimPartials& partials, const float* v_similarity, float* v_a,
                   float* v_b /* null unless mean_b is there */, cudaStream_t stream);

}  // namespace gh
