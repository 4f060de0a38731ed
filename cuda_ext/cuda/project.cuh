// Projection, tile lists and the projection's gradient: one thread per Gaussian.
#pragma once

#include "../core/splat.h"
#include "rasterizer.h"

namespace gh::GH_ISA {

struct LoadedGaussian {
  float mean[3], quat[4], scale[3], opacity;
};

__device__ inline LoadedGaussian load_gaussian(const SceneView& scene, int64_t n) {
  LoadedGaussian g;
  for (int k = 0; k < 3; ++k) g.mean[k] = scene.means[3 * n + k], g.scale[k] = scene.scales[3 * n + k];
  for (int k = 0; k < 4; ++k) g.quat[k] = scene.quats[4 * n + k];
  g.opacity = scene.opacities[n];
  return g;
}

// counts [C, N]: tiles touched, 0 = invisible.
__global__ void project_gaussians(CudaScene scene, float* headers, uint32_t* counts, float* means2d, int32_t* radii) {
  const int64_t index = int64_t(blockIdx.x) * blockDim.x + threadIdx.x, N = scene.first.N;
  if (index >= N * scene.cameras) return;
  const int64_t n = index % N;
  const SceneView camera = scene.camera(int(index / N));
  const LoadedGaussian g = load_gaussian(camera, n);
  const View<float> view = make_view(camera.viewmat, camera.K, float(camera.width), float(camera.height));
  const auto p = project(g.mean, g.quat, g.scale, view, camera.eps2d);
  const float log2_opacity = log2f(g.opacity);
  const auto footprint = make_footprint(p.cov_xx, p.cov_xy, p.cov_yy, p.det, cutoff_level(log2_opacity));
  const ScreenGaussian s = {p.x,        p.y,        p.depth,   p.det,        p.conic_xx,
                            p.conic_xy, p.conic_yy, g.opacity, log2_opacity, footprint};
  const bool visible = is_visible(camera, s, n);
  means2d[2 * index] = visible ? p.x : 0.0f, means2d[2 * index + 1] = visible ? p.y : 0.0f;
  radii[index] = visible ? pixel_radius(footprint) : 0;
  uint32_t touched = 0;
  if (visible) {
    float* header = headers + index * kSplatHeader;
    write_header(s, header);
    const Span columns = tile_columns(header, camera.tiles_x());
    for (int c = columns.first; c <= columns.last; ++c) {
      const Span rows = tile_rows(header, c, camera.tiles_y());
      touched += uint32_t(max(rows.last - rows.first + 1, 0));
    }
  }
  counts[index] = touched;
}

// keys: (camera, tile) above, depth bits below.
__global__ void list_tiles(CudaScene scene, const float* headers, const uint32_t* counts, const uint32_t* offsets,
                           uint64_t* keys, uint32_t* values) {
  const int64_t index = int64_t(blockIdx.x) * blockDim.x + threadIdx.x, N = scene.first.N;
  if (index >= N * scene.cameras || counts[index] == 0) return;
  const float* header = headers + index * kSplatHeader;
  const int tiles_x = scene.first.tiles_x(), tiles_y = scene.first.tiles_y();
  const uint64_t first_tile = uint64_t(index / N) * tiles_x * tiles_y;
  uint32_t next = offsets[index];
  const Span columns = tile_columns(header, tiles_x);
  for (int c = columns.first; c <= columns.last; ++c) {
    const Span rows = tile_rows(header, c, tiles_y);
    for (int r = rows.first; r <= rows.last; ++r, ++next) {
      keys[next] = (first_tile + uint64_t(r) * tiles_x + c) << 32 | __float_as_uint(header[kDepth]);
      values[next] = uint32_t(index);
    }
  }
}

// ranges [tiles + 1], zeroed before: start of each tile among the sorted keys.
__global__ void find_ranges(const uint64_t* keys, uint32_t pairs, uint32_t tiles, uint32_t* ranges) {
  const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= pairs) return;
  const uint32_t tile = uint32_t(keys[i] >> 32), before = i ? uint32_t(keys[i - 1] >> 32) : 0;
  for (uint32_t t = i ? before + 1 : 0; t <= tile; ++t) ranges[t] = i;
  if (i == pairs - 1)
    for (uint32_t t = tile + 1; t <= tiles; ++t) ranges[t] = pairs;
}

// Gradients of one Gaussian from all cameras; `moments` [C N, kMoments + channels].
__global__ void project_gaussians_vjp(CudaScene scene, const uint32_t* counts, const float* moments, SceneGradients out,
                                      float* v_viewmats) {
  const int64_t n = int64_t(blockIdx.x) * blockDim.x + threadIdx.x, N = scene.first.N;
  const bool active = n < N;
  const int D = scene.first.D, E = scene.first.E, row = kMoments + scene.first.channels();
  ProjectionGradient<float> total = {};
  float v_opacity = 0.0f;
  if (active && !scene.colors_per_camera)
    for (int k = 0; k < D; ++k) out.colors[n * D + k] = 0.0f;
  for (int k = 0; active && k < E; ++k) out.extra[n * E + k] = 0.0f;
  for (int c = 0; c < scene.cameras; ++c) {
    const int64_t index = c * N + n;
    float view_share[12] = {};
    if (active) out.means2d[2 * index] = 0.0f, out.means2d[2 * index + 1] = 0.0f;
    if (active && counts[index]) {
      const float* m = moments + index * row;
      float* v_colors = out.colors + (scene.colors_per_camera ? index : n) * D;
      for (int k = 0; k < D; ++k) v_colors[k] += m[kMoments + k];
      for (int k = 0; k < E; ++k) out.extra[n * E + k] += m[kMoments + D + k];
      const SceneView camera = scene.camera(c);
      const LoadedGaussian g = load_gaussian(camera, n);
      const View<float> view = make_view(camera.viewmat, camera.K, float(camera.width), float(camera.height));
      const auto p = project(g.mean, g.quat, g.scale, view, camera.eps2d);
      const auto v = cotangent_of_moments(p, m, m[kMoments + D + E]);
      const auto grad = project_vjp(g.mean, p, view, v);
      for (int k = 0; k < 3; ++k) total.mean[k] += grad.mean[k], total.scale[k] += grad.scale[k];
      for (int k = 0; k < 4; ++k) total.quat[k] += grad.quat[k];
      v_opacity += m[0] / g.opacity;
      out.means2d[2 * index] = v.x, out.means2d[2 * index + 1] = v.y;
      for (int k = 0; k < 9; ++k) view_share[k] = grad.R[k];
      for (int k = 0; k < 3; ++k) view_share[9 + k] = grad.t[k];
    }
    if (!v_viewmats) continue;
    for (int k = 0; k < 12; ++k) {
      float sum = view_share[k];
      for (int offset = 16; offset; offset /= 2) sum += __shfl_down_sync(0xffffffffu, sum, offset);
      const int slot = k < 9 ? 4 * (k / 3) + k % 3 : 4 * (k - 9) + 3;
      if (threadIdx.x % 32 == 0) atomicAdd(v_viewmats + 16 * c + slot, sum);
    }
  }
  if (!active) return;
  for (int k = 0; k < 3; ++k) out.means[3 * n + k] = total.mean[k], out.scales[3 * n + k] = total.scale[k];
  for (int k = 0; k < 4; ++k) out.quats[4 * n + k] = total.quat[k];
  out.opacities[n] = v_opacity;
}

}  // namespace gh::GH_ISA
