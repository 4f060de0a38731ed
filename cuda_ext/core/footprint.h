// Where a splat's alpha can exceed the cut-off: an ellipse, cut exactly by vertical slabs.
#pragma once

#include "config.h"
#include "scalar.h"

namespace gh::GH_ISA {

// d^T cov^-1 d <= level, with d measured from the splat's centre. For a given dx the ellipse spans
// dy = slope dx +- sqrt(height - bend dx^2); its highest point lies at dx = x_top, its lowest at -x_top.
template <class S>
struct Footprint {
  S slope, bend, height, half_width, x_top, half_height;
};

template <class S>
GH_FN Footprint<S> make_footprint(S cov_xx, S cov_xy, S cov_yy, S det, S level) {
  Footprint<S> f;
  f.slope = cov_xy / cov_xx;
  const S spread = det / cov_xx;
  f.height = spread * level;
  f.bend = spread / cov_xx;
  f.half_width = square_root(level * cov_xx);
  f.half_height = square_root(level * cov_yy);
  f.x_top = cov_xy * square_root(level / cov_yy);
  return f;
}

constexpr float kFootprintMargin = 0.01f;  // pixels; covers rounding, the alpha test stays exact

// Span [low, high] of dy reached within dx in [x0, x1]; an empty one has low > high.
template <class S>
GH_FN void slab_span(S slope, S bend, S height, S half_width, S x_top, S x0, S x1, S& low, S& high) {
  const S left = maximum(x0, -half_width), right = minimum(x1, half_width);
  const S at_high = minimum(maximum(x_top, left), right), at_low = minimum(maximum(-x_top, left), right);
  const S zero = S{};
  high = slope * at_high + square_root(maximum(height - bend * at_high * at_high, zero)) + kFootprintMargin;
  low = slope * at_low - square_root(maximum(height - bend * at_low * at_low, zero)) - kFootprintMargin;
  low = select(less(right, left), high + 1.0f, low);
}

}  // namespace gh::GH_ISA
