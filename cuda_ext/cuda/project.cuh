// Projection of one Gaussian to a splat: its row of numbers and the tiles that it touches.
#pragma once

#include "../core/splat.h"
#include "launch.cuh"
#include "rasterizer.h"

namespace gh::GH_ISA {

struct LoadedGaussian {
  float mean[3], form[kForm], opacity;
};

__device__ inline LoadedGaussian load_gaussian(const SceneView& scene, int64_t n) {
  LoadedGaussian g;
  for (int k = 0; k < 3; ++k) g.mean[k] = scene.means[3 * n + k];
  if (scene.covariances) {
    for (int k = 0; k < kCovariance; ++k) g.form[k] = scene.quats[kCovariance * n + k];
  } else {
    for (int k = 0; k < 4; ++k) g.form[k] = scene.quats[4 * n + k];
    for (int k = 0; k < 3; ++k) g.form[4 + k] = scene.scales[3 * n + k];
  }
  g.opacity = scene.opacities[n];
  return g;
}

// Intrinsics that are none of a pinhole camera without skew cannot be refused here: nothing is seen through them.
__device__ inline View<float> view_of(const SceneView& camera) {
  View<float> view = make_view(camera.viewmat, camera.K, float(camera.width), float(camera.height));
  const float* K = camera.K;
  if (K[1] != 0.0f || K[3] != 0.0f || K[6] != 0.0f || K[7] != 0.0f || K[8] != 1.0f) view.fx = nanf("");
  return view;
}

__device__ inline uint32_t tiles_touched(const float* header, int tiles_x, int tiles_y) {
  uint32_t touched = 0;
  const Span columns = tile_columns(header, tiles_x);
  for (int c = columns.first; c <= columns.last; ++c) {
    const Span rows = tile_rows(header, c, tiles_y);
    touched += uint32_t(max(rows.last - rows.first + 1, 0));
  }
  return touched;
}

// `channel(k)` gives the channels but for depth, which is the last.
template <class Channel>
__device__ void write_splat(const CudaScene& scene, const SceneView& camera, const View<float>& view,
                            const LoadedGaussian& g, int64_t index, const CudaSplats& out, const Channel& channel) {
  const auto p = project(g.mean, g.form, camera.covariances, view, camera.eps2d);
  const float log2_opacity = log2f(g.opacity);
  const auto footprint = make_footprint(p.cov_xx, p.cov_xy, p.cov_yy, p.det, cutoff_level(log2_opacity));
  const ScreenGaussian s = {p.x,        p.y,        p.depth,   p.det,        p.conic_xx,
                            p.conic_xy, p.conic_yy, g.opacity, log2_opacity, footprint};
  SceneView shape = camera;
  shape.D = shape.E = 0;  // the channels are checked as they pass
  bool visible = is_visible(shape, s, 0);
  uint32_t touched = 0;
  if (visible) {
    float* row = out.rows + index * scene.splat_row();
    float zero = 0.0f;  // x * 0 is NaN for NaN and infinity
    const int own = scene.first.channels() - 1;
    for (int k = 0; k < own; ++k) {
      const float value = channel(k);
      row[kSplatHeader + k] = value, zero += value * 0.0f;
    }
    row[kSplatHeader + own] = p.depth;
    write_header(s, row);
    visible = zero == 0.0f;
    if (visible) touched = tiles_touched(row, camera.tiles_x(), camera.tiles_y());
  }
  if (out.means2d) out.means2d[2 * index] = visible ? p.x : 0.0f, out.means2d[2 * index + 1] = visible ? p.y : 0.0f;
  if (out.radii) out.radii[index] = visible ? pixel_radius(footprint) : 0;
  // In sight but between all pixel centres: nothing is drawn, yet it is no culled one.
  out.counts[index] = touched;
}

}  // namespace gh::GH_ISA
