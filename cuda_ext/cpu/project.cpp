// Projection of kWidth Gaussians at a time, and its backward twin.
#include "simd.h"  // first: the shared headers look its vector operations up

#include "../core/splat.h"

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

}  // namespace

void project_range(const SceneView& scene, const Projected& out, float* means2d, int32_t* radii, int64_t begin,
                   int64_t end) {
  const View<float> view = make_view(scene.viewmat, scene.K, float(scene.width), float(scene.height));
  for (int64_t first = begin; first < end; first += kWidth) {
    const Lanes g = load_lanes(scene, first, end);
    const auto p = project(g.mean, g.quat, g.scale, view, scene.eps2d);
    const Vec log2_opacity = logarithm_2(g.opacity);
    const auto f = make_footprint(p.cov_xx, p.cov_xy, p.cov_yy, p.det, cutoff_level(log2_opacity));
    const int count = end - first < kWidth ? int(end - first) : kWidth;
    for (int i = 0; i < count; ++i) {
      const int64_t n = first + i;
      const ScreenGaussian s = {
          p.x[i],          p.y[i],
          p.depth[i],      p.det[i],
          p.conic_xx[i],   p.conic_xy[i],
          p.conic_yy[i],   g.opacity[i],
          log2_opacity[i], {f.slope[i], f.bend[i], f.height[i], f.half_width[i], f.x_top[i], f.half_height[i]}};
      const bool visible = is_visible(scene, s, n);
      means2d[2 * n] = visible ? s.x : 0.0f, means2d[2 * n + 1] = visible ? s.y : 0.0f;
      radii[n] = visible ? pixel_radius(s.footprint) : 0;
      out.depth_keys[n] = 0, out.tile_bound[n] = 0;
      if (!visible) continue;
      float* header = out.splat_headers + n * kSplatHeader;
      write_header(s, header);
      memcpy(&out.depth_keys[n], &header[kDepth], 4);  // depth > 0: its bits order like it
      const Span columns = tile_columns(header, scene.tiles_x());
      const float scale = 1.0f / kTile, high = float(scene.tiles_y() - 1), reach = s.footprint.half_height + 1.0f;
      const int rows =
          clamped_int(floorf((s.y + reach) * scale), high) - clamped_int(floorf((s.y - reach) * scale), high) + 1;
      out.tile_bound[n] = uint32_t(columns.last - columns.first + 1) * uint32_t(rows);
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
    const auto v = cotangent_of_moments(p, m, v_depth);
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
