// Projection of kWidth Gaussians at a time, and its backward twin.
#include "lanes.h"  // first: the shared headers look its vector operations up

#include "../core/splat.h"

#include "kernels.h"

namespace gh::GH_ISA {

namespace {

struct Lanes {  // kWidth Gaussians from index `first`; lanes past the end repeat the last
  Vec mean[3], form[kForm], opacity;

  Lanes(const SceneView& scene, int64_t first, int count) {
    rows_to_lanes<3>(scene.means + 3 * first, count, mean);
    if (scene.covariances) {
      rows_to_lanes<kCovariance>(scene.quats + kCovariance * first, count, form);
    } else {
      rows_to_lanes<4>(scene.quats + 4 * first, count, form);
      rows_to_lanes<3>(scene.scales + 3 * first, count, form + 4);
    }
    rows_to_lanes<1>(scene.opacities + first, count, &opacity);
  }
};

}  // namespace

void project_range(const SceneView& scene, const Projected& out, float* means2d, int32_t* radii, int64_t begin,
                   int64_t end) {
  const View<float> view = make_view(scene.viewmat, scene.K, float(scene.width), float(scene.height));
  for (int64_t first = begin; first < end; first += kWidth) {
    const int count = end - first < kWidth ? int(end - first) : kWidth;
    const Lanes g(scene, first, count);
    const auto p = project(g.mean, g.form, scene.covariances, view, scene.eps2d);
    const Vec log2_opacity = logarithm_2(g.opacity);
    const auto f = make_footprint(p.cov_xx, p.cov_xy, p.cov_yy, p.det, cutoff_level(log2_opacity));
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

constexpr int kBatch = 64;  // Gaussians whose partial rows are asked for together, so that the waits overlap

struct PartialRows {  // where the rows of a batch of Gaussians stand
  const uint32_t* slots[kBatch];
  uint32_t count[kBatch];

  PartialRows(const Sorted& sorted, const Binned& binned, const float* partial, int row, int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const int32_t rank = sorted.rank[n];
      slots[n - begin] = rank < 0 ? nullptr : binned.pair_slot + binned.first_pair[rank];
      count[n - begin] = rank < 0 ? 0 : binned.pair_count[rank];
    }
    for (int64_t i = 0; i < end - begin; ++i)
      for (uint32_t j = 0; j < count[i]; ++j)
        for (int k = 0; k < row; k += 16) __builtin_prefetch(partial + int64_t(slots[i][j]) * row + k);
  }

  // Sum one Gaussian's rows over its tiles, always in the same order.
  void sum(int64_t i, const float* partial, int row, float* sums) const {
    for (int k = 0; k < row; k += kWidth) {
      Vec total = {};
      for (uint32_t j = 0; j < count[i]; ++j) total += load(partial + int64_t(slots[i][j]) * row + k);
      store(sums + k, total);
    }
  }
};

template <int K>
inline void put_rows(Vec* values, int count, bool accumulate, float* rows) {
  if (accumulate) {
    Vec before[K];
    rows_to_lanes<K>(rows, count, before);
    for (int k = 0; k < K; ++k) values[k] += before[k];
  }
  lanes_to_rows<K>(values, count, rows);
}

inline void put(const float* values, int count, bool accumulate, float* target) {
  for (int k = 0; k < count; ++k) target[k] = accumulate ? target[k] + values[k] : values[k];
}

// What flows back to kWidth Gaussians through their splats.
struct SplatGradients {
  Vec moments[kMoments] = {}, pulls[kPulls] = {}, depth = {}, seen = {};

  // Also hands the channels' gradients on.
  SplatGradients(const SceneView& scene, const Sorted& sorted, const PartialRows& rows, int in_batch,
                 const float* partial, const SceneGradients& out, int64_t first, int count) {
    float sums[kMoments + kChannelLimit + kPulls + 15];
    const float *channels = sums + kMoments, *behind = channels + scene.channels();
    const int row = partial_row(scene.channels(), out.absgrad);
    for (int lane = 0; lane < count; ++lane) {
      const int64_t n = first + lane;
      rows.sum(in_batch + lane, partial, row, sums);
      for (int k = 0; k < kMoments; ++k) moments[k][lane] = sums[k];
      put(channels, scene.D, out.accumulate, out.colors + n * scene.D);
      put(channels + scene.D, scene.E, out.accumulate, out.extra + n * scene.E);
      depth[lane] = channels[scene.D + scene.E];
      for (int k = 0; out.absgrad && k < kPulls; ++k) pulls[k][lane] = behind[k];
      seen[lane] = sorted.rank[n] >= 0 ? 1.0f : 0.0f;
    }
  }
};

// Gradients of kWidth Gaussians; adds their share of the view's.
inline void project_vjp_lanes(const SceneView& scene, const View<float>& view, const SplatGradients& splats,
                              const SceneGradients& out, int64_t first, int count, Vec* view_sum) {
  const Lanes g(scene, first, count);
  const auto p = project(g.mean, g.form, scene.covariances, view, scene.eps2d);
  const auto v = cotangent_of_moments(p, splats.moments, splats.depth);
  const auto grad = project_vjp(g.mean, p, scene.covariances, view, v);
  const Mask drawn = less(Vec{}, splats.seen);
  Vec values[kCovariance];
  const auto keep = [&](const Vec* source, int K) {  // an invisible Gaussian may hold NaN: its gradient is 0
    for (int k = 0; k < K; ++k) values[k] = select(drawn, source[k], Vec{});
    return values;
  };
  put_rows<3>(keep(grad.mean, 3), count, out.accumulate, out.means + 3 * first);
  if (scene.covariances) {
    put_rows<kCovariance>(keep(grad.form, kCovariance), count, out.accumulate, out.quats + kCovariance * first);
  } else {
    put_rows<4>(keep(grad.form, 4), count, out.accumulate, out.quats + 4 * first);
    put_rows<3>(keep(grad.form + 4, 3), count, out.accumulate, out.scales + 3 * first);
  }
  const Vec v_opacity = splats.moments[0] / g.opacity, screen[2] = {v.x, v.y};
  put_rows<1>(keep(&v_opacity, 1), count, out.accumulate, out.opacities + first);
  put_rows<2>(keep(screen, 2), count, false, out.means2d + 2 * first);
  if (out.absgrad) put_rows<kPulls>(keep(splats.pulls, kPulls), count, false, out.absgrad + kPulls * first);
  for (int k = 0; k < 9; ++k) view_sum[k] += select(drawn, grad.R[k], Vec{});
  for (int k = 0; k < 3; ++k) view_sum[9 + k] += select(drawn, grad.t[k], Vec{});
}

}  // namespace

void project_vjp_range(const SceneView& scene, const Sorted& sorted, const Binned& binned, const float* partial,
                       const SceneGradients& out, float* v_view, int64_t begin, int64_t end) {
  const View<float> view = make_view(scene.viewmat, scene.K, float(scene.width), float(scene.height));
  const int row = partial_row(scene.channels(), out.absgrad);
  Vec view_sum[12] = {};
  for (int64_t start = begin; start < end; start += kBatch) {
    const int64_t stop = start + kBatch < end ? start + kBatch : end;
    const PartialRows rows(sorted, binned, partial, row, start, stop);
    for (int64_t first = start; first < stop; first += kWidth) {
      const int count = stop - first < kWidth ? int(stop - first) : kWidth;
      const SplatGradients splats(scene, sorted, rows, int(first - start), partial, out, first, count);
      project_vjp_lanes(scene, view, splats, out, first, count, view_sum);
    }
  }
  if (v_view)
    for (int k = 0; k < 12; ++k) v_view[k] = lane_sum(view_sum[k]);
}

}  // namespace gh::GH_ISA
