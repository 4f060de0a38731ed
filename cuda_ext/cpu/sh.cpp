// SH colours of kWidth Gaussians at a time, and their backward twin.
#include "lanes.h"  // first: the shared headers look its vector operations up

#include "../core/sh.h"

#include "kernels.h"

namespace gh::GH_ISA {

namespace {

// Coefficients [count, B, 3] of neighbouring Gaussians, the used ones as one register per number.
inline void load_coefficients(const ShView& view, int64_t n, int count, Vec* out) {
  const int used = 3 * sh_bases(view.degree), row = 3 * view.B;
  float turned[3 * kShBases][kWidth];
  for (int lane = 0; lane < kWidth; ++lane) {
    const float* source = view.coefficients + (n + (lane < count ? lane : count - 1)) * row;
    for (int k = 0; k < used; ++k) turned[k][lane] = source[k];
  }
  memcpy(out, turned, sizeof(float) * used * kWidth);
}

inline void color_sums(const Vec* coefficients, const Vec* basis, int bases, Vec rgb[3]) {
  for (int k = 0; k < 3; ++k) rgb[k] = Vec{} + kShOffset;
  for (int b = 0; b < bases; ++b)
    for (int k = 0; k < 3; ++k) rgb[k] += basis[b] * coefficients[3 * b + k];
}

}  // namespace

void sh_range(const ShView& view, float* rgb, int64_t begin, int64_t end) {
  const int bases = sh_bases(view.degree);
  Vec coefficients[3 * kShBases], basis[kShBases], dir[3], color[3];
  for (int64_t n = begin; n < end; n += kWidth) {
    const int count = end - n < kWidth ? int(end - n) : kWidth;
    load_coefficients(view, n, count, coefficients);
    for (int c = 0; c < view.C; ++c) {
      const int64_t first = c * view.N + n;
      rows_to_lanes<3>(view.dirs + 3 * first, count, dir);
      sh_basis(view.degree, sh_direction(dir), basis);
      color_sums(coefficients, basis, bases, color);
      for (int k = 0; k < 3; ++k) color[k] = maximum(color[k], Vec{});
      lanes_to_rows<3>(color, count, rgb + 3 * first);
    }
  }
}

void sh_vjp_range(const ShView& view, const float* v_rgb, const ShGradients& out, int64_t begin, int64_t end) {
  const int bases = sh_bases(view.degree), used = 3 * bases, row = 3 * view.B;
  Vec coefficients[3 * kShBases], basis[kShBases], v_basis[kShBases], dir[3], v_dir[3], color[3], v_color[3];
  for (int64_t n = begin; n < end; n += kWidth) {
    const int count = end - n < kWidth ? int(end - n) : kWidth;
    load_coefficients(view, n, count, coefficients);
    Vec v_coefficients[3 * kShBases] = {};
    for (int c = 0; c < view.C; ++c) {
      const int64_t first = c * view.N + n;
      rows_to_lanes<3>(view.dirs + 3 * first, count, dir);
      rows_to_lanes<3>(v_rgb + 3 * first, count, v_color);
      const ShDirection<Vec> unit = sh_direction(dir);
      sh_basis(view.degree, unit, basis);
      color_sums(coefficients, basis, bases, color);
      for (int k = 0; k < 3; ++k) v_color[k] = select(at_least(color[k], Vec{}), v_color[k], Vec{});
      for (int b = 0; b < bases; ++b) {
        v_basis[b] = Vec{};
        for (int k = 0; k < 3; ++k) {
          v_coefficients[3 * b + k] += basis[b] * v_color[k];
          v_basis[b] += coefficients[3 * b + k] * v_color[k];
        }
      }
      if (!out.dirs) continue;
      sh_basis_vjp(view.degree, unit, v_basis, v_dir);
      lanes_to_rows<3>(v_dir, count, out.dirs + 3 * first);
    }
    for (int lane = 0; lane < count; ++lane) {
      float* target = out.coefficients + (n + lane) * row;
      for (int k = 0; k < used; ++k) target[k] = v_coefficients[k][lane];
      for (int k = used; k < row; ++k) target[k] = 0.0f;
    }
  }
}

}  // namespace gh::GH_ISA
