// Projection of kWidth Gaussians at a time, and its backward twin.
#include "simd.h"  // first: the shared headers look its vector operations up

#include "../core/footprint.h"
#include "../core/projection.h"

#include "kernels.h"

namespace gh::GH_ISA {

namespace {

struct Lanes {  // kWidth Gaussians from index `first`; lanes past the end repeat the last
  Vec mean[3], quat[4], scale[3], opacity;
};

template <int K>
inline void load_rows(const float* rows, int64_t first, int64_t end, Vec* out) {
  for (int lane = 0; lane < kWidth; ++lane) {
    const int64_t n = first + lane < end ? first + lane : end - 1;
    for (int k = 0; k < K; ++k) out[k][lane] = rows[K * n + k];
  }
}

inline Lanes load_lanes(const SceneView& scene, int64_t first, int64_t end) {
  Lanes g;
  load_rows<3>(scene.means, first, end, g.mean);
  load_rows<4>(scene.quats, first, end, g.quat);
  load_rows<3>(scene.scales, first, end, g.scale);
  load_rows<1>(scene.opacities, first, end, &g.opacity);
  return g;
}

inline bool channels_finite(const SceneView& scene, int64_t n) {
  float zero = 0.0f;  // x * 0 is NaN for NaN and infinity
  for (int k = 0; k < scene.D; ++k) zero += scene.colors[n * scene.D + k] * 0.0f;
  for (int k = 0; k < scene.E; ++k) zero += scene.extra[n * scene.E + k] * 0.0f;
  return zero == 0.0f;
}

inline int clamp_tile(float pixel, int tiles) {
  const float tile = __builtin_floorf(pixel * (1.0f / kTile));
  return tile < 0.0f ? 0 : tile > float(tiles - 1) ? tiles - 1 : int(tile);
}

}  // namespace

void project_range(const SceneView& scene, const Projected& out, float* means2d, int32_t* radii, int64_t begin,
                   int64_t end) {
  const View<float> view = make_view(scene.viewmat, scene.K, float(scene.width), float(scene.height));
  const int tiles_x = (scene.width + kTile - 1) / kTile, tiles_y = (scene.height + kTile - 1) / kTile;
  for (int64_t first = begin; first < end; first += kWidth) {
    const Lanes g = load_lanes(scene, first, end);
    const auto p = project(g.mean, g.quat, g.scale, view, scene.eps2d);
    const Vec level = Vec{} + 2.0f / kLog2E;
    Vec log2_opacity;
    for (int lane = 0; lane < kWidth; ++lane) log2_opacity[lane] = __builtin_log2f(g.opacity[lane]);
    const auto f = make_footprint(p.cov_xx, p.cov_xy, p.cov_yy, p.det, level * (log2_opacity - kLog2AlphaMin));
    const int count = end - first < kWidth ? int(end - first) : kWidth;
    for (int lane = 0; lane < count; ++lane) {
      const int64_t n = first + lane;
      const float x = p.x[lane], y = p.y[lane], depth = p.depth[lane];
      const float half_width = f.half_width[lane], half_height = f.half_height[lane];
      const float everything = p.conic_xx[lane] + p.conic_xy[lane] + p.conic_yy[lane] + x + y + half_width +
                               half_height + f.x_top[lane] + f.bend[lane] + f.height[lane] + log2_opacity[lane];
      const bool visible = depth > scene.near_plane && depth < scene.far_plane && p.det[lane] > 0.0f &&
                           g.opacity[lane] >= kAlphaMin && everything * 0.0f == 0.0f && x + half_width > 0.0f &&
                           x - half_width < float(scene.width) && y + half_height > 0.0f &&
                           y - half_height < float(scene.height) && channels_finite(scene, n);
      means2d[2 * n] = visible ? x : 0.0f, means2d[2 * n + 1] = visible ? y : 0.0f;
      const float radius = half_width > half_height ? half_width : half_height;
      radii[n] = visible ? (radius < 1e9f ? int32_t(__builtin_ceilf(radius)) : 1000000000) : 0;
      if (!visible) {
        out.depth_keys[n] = 0, out.tile_bound[n] = 0;
        continue;
      }
      float* h = out.splat_headers + n * kSplatHeader;
      h[0] = x, h[1] = y;
      h[2] = -0.5f * kLog2E * p.conic_xx[lane], h[3] = -kLog2E * p.conic_xy[lane];
      h[4] = -0.5f * kLog2E * p.conic_yy[lane], h[5] = log2_opacity[lane];
      h[6] = f.slope[lane], h[7] = f.bend[lane], h[8] = f.height[lane], h[9] = half_width, h[10] = f.x_top[lane];
      h[11] = depth;
      memcpy(&out.depth_keys[n], &depth, 4);  // depth > 0: its bits order like it
      const float margin = 1.0f;
      const int columns =
          clamp_tile(x + half_width + margin, tiles_x) - clamp_tile(x - half_width - margin, tiles_x) + 1;
      const int rows =
          clamp_tile(y + half_height + margin, tiles_y) - clamp_tile(y - half_height - margin, tiles_y) + 1;
      out.tile_bound[n] = uint32_t(columns) * uint32_t(rows);
    }
  }
}

namespace {

// Sum a Gaussian's partial rows over its tiles, always in the same order.
inline void sum_partials(const Binned& binned, const float* partial, int row, int32_t rank, int used, float* sums) {
  for (int k = 0; k < used; ++k) sums[k] = 0.0f;
  if (rank < 0) return;
  const uint32_t* slots = binned.pair_slot + binned.first_pair[rank];
  for (uint32_t i = 0; i < binned.pair_count[rank]; ++i) {
    const float* source = partial + int64_t(slots[i]) * row;
    for (int k = 0; k < used; ++k) sums[k] += source[k];
  }
}

inline void put(float* target, float value, bool accumulate) { *target = accumulate ? *target + value : value; }

template <int K>
inline void put_rows(float* rows, int64_t first, int count, const Vec* values, bool accumulate) {
  for (int lane = 0; lane < count; ++lane)
    for (int k = 0; k < K; ++k) put(&rows[K * (first + lane) + k], values[k][lane], accumulate);
}

}  // namespace

void project_vjp_range(const SceneView& scene, const Sorted& sorted, const Binned& binned, const float* partial,
                       const SceneGradients& out, float* v_view, int64_t begin, int64_t end) {
  const View<float> view = make_view(scene.viewmat, scene.K, float(scene.width), float(scene.height));
  const int channels = scene.channels(), row = partial_row(channels), used = kMoments + channels;
  Vec view_sum[12] = {};
  constexpr int kMaxRow = kMoments + kChannelLimit;
  float sums[kMaxRow];
  for (int64_t first = begin; first < end; first += kWidth) {
    const int count = end - first < kWidth ? int(end - first) : kWidth;
    Vec m[kMoments] = {}, v_depth = {}, seen = {};
    for (int lane = 0; lane < count; ++lane) {
      const int64_t n = first + lane;
      sum_partials(binned, partial, row, sorted.rank[n], used, sums);
      for (int k = 0; k < kMoments; ++k) m[k][lane] = sums[k];
      for (int k = 0; k < scene.D; ++k) put(&out.colors[n * scene.D + k], sums[kMoments + k], out.accumulate);
      for (int k = 0; k < scene.E; ++k) put(&out.extra[n * scene.E + k], sums[kMoments + scene.D + k], out.accumulate);
      v_depth[lane] = sums[kMoments + scene.D + scene.E];
      seen[lane] = sorted.rank[n] >= 0 ? 1.0f : 0.0f;
    }
    const Lanes g = load_lanes(scene, first, end);
    const auto p = project(g.mean, g.quat, g.scale, view, scene.eps2d);
    // m are moments of g = dL/dlog(alpha), with log(alpha) = log(opacity) - d^T conic d / 2.
    ProjectionCotangent<Vec> v;
    v.x = p.conic_xx * m[1] + p.conic_xy * m[2], v.y = p.conic_xy * m[1] + p.conic_yy * m[2];
    v.depth = v_depth;
    v.conic_xx = -0.5f * m[3], v.conic_xy = -m[4], v.conic_yy = -0.5f * m[5];
    const auto grad = project_vjp(g.mean, p, view, v);
    const Mask drawn = less(Vec{}, seen);
    Vec values[4];
    auto keep = [&](const Vec* source, int K) {  // an invisible Gaussian may hold NaN: its gradient is 0
      for (int k = 0; k < K; ++k) values[k] = select(drawn, source[k], Vec{});
      return values;
    };
    put_rows<3>(out.means, first, count, keep(grad.mean, 3), out.accumulate);
    put_rows<4>(out.quats, first, count, keep(grad.quat, 4), out.accumulate);
    put_rows<3>(out.scales, first, count, keep(grad.scale, 3), out.accumulate);
    const Vec v_opacity = m[0] / g.opacity, screen[2] = {v.x, v.y};
    put_rows<1>(out.opacities, first, count, keep(&v_opacity, 1), out.accumulate);
    put_rows<2>(out.means2d, first, count, keep(screen, 2), false);
    for (int k = 0; k < 9; ++k) view_sum[k] += select(drawn, grad.R[k], Vec{});
    for (int k = 0; k < 3; ++k) view_sum[9 + k] += select(drawn, grad.t[k], Vec{});
  }
  if (v_view)
    for (int k = 0; k < 12; ++k) {
      v_view[k] = 0.0f;
      for (int lane = 0; lane < kWidth; ++lane) v_view[k] += view_sum[k][lane];
    }
}

}  // namespace gh::GH_ISA
