// The arrays of the similarity map, for the CPU and for CUDA alike. Pictures are [H, W, C] float32, row-major.
#pragma once

namespace gh {

constexpr int kSsimTaps = 11;

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

}  // namespace gh
