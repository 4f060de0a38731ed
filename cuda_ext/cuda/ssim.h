// The similarity map on a CUDA device. Pictures are [H, W, C] float32, row-major.
#pragma once

#include "runtime.h"

namespace gh {

struct CudaSsimView {
  const float *a, *b;
  const float* taps;  // [11] the window along one axis
  int H, W, C;
  float c1, c2;
};

struct CudaSsimPartials {  // derivatives of the similarity by its window means, [H, W, C] each
  float *mean_a, *squares, *product;
  float* mean_b;  // null where b takes no gradient
};

// `partials` is null where no gradient will be asked for.
void cuda_ssim(const CudaSsimView& view, float* similarity, const CudaSsimPartials* partials, cudaStream_t stream);
void cuda_ssim_vjp(const CudaSsimView& view, const CudaSsimPartials& partials, const float* v_similarity, float* v_a,
                   float* v_b /* null unless mean_b is there */, cudaStream_t stream);

}  // namespace gh
