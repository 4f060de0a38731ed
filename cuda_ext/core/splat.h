// From a projected Gaussian to the record that blending reads, and the tiles that it touches.
#pragma once

#include "footprint.h"
#include "projection.h"
#include "scene.h"

namespace gh::GH_ISA {

struct ScreenGaussian {  // one Gaussian of a Projection and its Footprint
  float x, y, depth, det, conic_xx, conic_xy, conic_yy, opacity, log2_opacity;
  Footprint<float> footprint;
};

// Ellipse level at which alpha falls to kAlphaMin: d^T cov^-1 d = 2 ln(opacity / kAlphaMin).
template <class S>
GH_FN S cutoff_level(S log2_opacity) {
  return (log2_opacity - kLog2AlphaMin) * (2.0f / kLog2E);
}

GH_FN bool channels_finite(const SceneView& scene, int64_t n) {
  float zero = 0.0f;  // x * 0 is NaN for NaN and infinity
  for (int k = 0; k < scene.D; ++k) zero += scene.colors[n * scene.D + k] * 0.0f;
  for (int k = 0; k < scene.E; ++k) zero += scene.extra[n * scene.E + k] * 0.0f;
  return zero == 0.0f;
}

GH_FN bool is_visible(const SceneView& scene, const ScreenGaussian& g, int64_t n) {
  const Footprint<float>& f = g.footprint;
  const float everything = g.conic_xx + g.conic_xy + g.conic_yy + g.x + g.y + f.half_width + f.half_height + f.x_top +
                           f.bend + f.height + g.opacity;
  return g.depth > scene.near_plane && g.depth < scene.far_plane && g.det > 0.0f && g.opacity >= kAlphaMin &&
         everything * 0.0f == 0.0f && g.x + f.half_width > 0.0f && g.x - f.half_width < float(scene.width) &&
         g.y + f.half_height > 0.0f && g.y - f.half_height < float(scene.height) && channels_finite(scene, n);
}

// Layout of a splat's header; its channels follow. The exponent is A dx^2 + B dx dy + C dy^2 + log2(opacity).
enum SplatField { kX, kY, kA, kB, kC, kLog2Opacity, kSlope, kBend, kHeight, kHalfWidth, kXTop, kDepth };
static_assert(kDepth + 1 == kSplatHeader, "");

GH_FN void write_header(const ScreenGaussian& g, float* header) {
  header[kX] = g.x, header[kY] = g.y;
  header[kA] = -0.5f * kLog2E * g.conic_xx, header[kB] = -kLog2E * g.conic_xy, header[kC] = -0.5f * kLog2E * g.conic_yy;
  header[kLog2Opacity] = g.log2_opacity;
  header[kSlope] = g.footprint.slope, header[kBend] = g.footprint.bend, header[kHeight] = g.footprint.height;
  header[kHalfWidth] = g.footprint.half_width, header[kXTop] = g.footprint.x_top;
  header[kDepth] = g.depth;
}

template <class S>
GH_FN S log2_alpha(const float* splat, S dx, S dy) {
  return (splat[kC] * dy + splat[kB] * dx) * dy + (splat[kA] * dx * dx + splat[kLog2Opacity]);
}

GH_FN int32_t pixel_radius(const Footprint<float>& f) {
  const float radius = maximum(f.half_width, f.half_height);
  return radius < 1e9f ? int32_t(ceilf(radius)) : 1000000000;
}

GH_FN int clamped_int(float value, float high) { return int(value < 0.0f ? 0.0f : value > high ? high : value); }

struct Span {
  int first, last;  // empty if first > last
};

GH_FN Span tile_columns(const float* splat, int tiles_x) {
  const float high = float(tiles_x - 1), scale = 1.0f / kTile;
  return {clamped_int(floorf((splat[kX] - splat[kHalfWidth]) * scale), high),
          clamped_int(floorf((splat[kX] + splat[kHalfWidth]) * scale), high)};
}

// Tile rows whose pixel centres the splat reaches within one column of tiles.
GH_FN Span tile_rows(const float* splat, int column, int tiles_y) {
  const float x0 = float(column * kTile) + 0.5f - splat[kX], last_pixel = float(tiles_y * kTile - 1);
  float low, high;
  slab_span(splat[kSlope], splat[kBend], splat[kHeight], splat[kHalfWidth], splat[kXTop], x0, x0 + float(kTile - 1),
            low, high);
  const float top = ceilf(low + splat[kY] - 0.5f), bottom = floorf(high + splat[kY] - 0.5f);
  if (!(top <= bottom) || bottom < 0.0f || top > last_pixel) return {1, 0};
  return {clamped_int(top, last_pixel) / kTile, clamped_int(bottom, last_pixel) / kTile};
}

// Sums beside the moments where they are asked for: of each pixel's gradient to a splat's position, without its sign.
// A splat that two pixels pull apart moves nowhere and yet lacks detail (AbsGS; Ye et al., 2024).
template <class S>
GH_FN void pulls_of(const float* splat, S g, S dx, S dy, S pulls[kPulls]) {
  const S scaled = g * (1.0f / kLog2E);  // the header's quadratic form is to base 2
  pulls[0] = absolute(scaled * (2.0f * splat[kA] * dx + splat[kB] * dy));
  pulls[1] = absolute(scaled * (splat[kB] * dx + 2.0f * splat[kC] * dy));
}

// Cotangents of a projection from the moments of g = dL/dlog(alpha) over a splat's pixels, where
// log(alpha) = log(opacity) - d^T conic d / 2: sums of g, g dx, g dy, g dx^2, g dx dy, g dy^2.
template <class S>
GH_FN ProjectionCotangent<S> cotangent_of_moments(const Projection<S>& p, const S* m, S v_depth) {
  ProjectionCotangent<S> v;
  v.x = p.conic_xx * m[1] + p.conic_xy * m[2], v.y = p.conic_xy * m[1] + p.conic_yy * m[2];
  v.depth = v_depth;
  v.conic_xx = -0.5f * m[3], v.conic_xy = -m[4], v.conic_yy = -0.5f * m[5];
  return v;
}

}  // namespace gh::GH_ISA
