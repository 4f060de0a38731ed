// SH coefficients to the colours seen along directions, and the gradients of that.
#pragma once

#include <stdint.h>

namespace gh {

struct ShView {
  const float* coefficients;  // [N, B, 3]
  const float* dirs;          // [C, N, 3] of any length
  int64_t N;
  int C, B, degree;
};

struct ShGradients {
  float* coefficients;  // [N, B, 3]
  float* dirs;          // [C, N, 3] or null
};

// rgb [C, N, 3] = max(SH(dir) + 0.5, 0).
void sh_colors(const ShView& view, float* rgb, int threads);
void sh_colors_vjp(const ShView& view, const float* v_rgb, const ShGradients& out, int threads);

}  // namespace gh
