// Depth-ordered splats and the exact list of tiles that each one touches.
#include "simd.h"  // first: the shared headers look its vector operations up

#include "../core/footprint.h"

#include "kernels.h"

namespace gh::GH_ISA {

void gather_range(const SceneView& scene, const Projected& projected, const Sorted& sorted, int64_t begin,
                  int64_t end) {
  const int D = scene.D, E = scene.E;
  for (int64_t r = begin; r < end; ++r) {
    const int64_t n = int64_t(sorted.keys[r] & 0xffffffffu);
    float* splat = sorted.splats + r * sorted.splat_stride;
    const float* header = projected.splat_headers + n * kSplatHeader;
    memcpy(splat, header, sizeof(float) * kSplatHeader);
    for (int k = 0; k < D; ++k) splat[kSplatHeader + k] = scene.colors[n * D + k];
    for (int k = 0; k < E; ++k) splat[kSplatHeader + D + k] = scene.extra[n * E + k];
    splat[kSplatHeader + D + E] = header[11];
    sorted.rank[n] = int32_t(r);
  }
}

namespace {

inline int to_int(float value, float low, float high) {  // value may be far outside int
  return int(value < low ? low : value > high ? high : value);
}

}  // namespace

void list_tiles_range(const Sorted& sorted, const Binned& binned, int64_t begin, int64_t end, uint32_t next_pair,
                      uint32_t* histogram) {
  const float last_column = float(binned.tiles_x - 1), last_pixel = float(binned.tiles_y * kTile - 1);
  for (int64_t r = begin; r < end; ++r) {
    const float* s = sorted.splats + r * sorted.splat_stride;
    const float x = s[0], y = s[1], half_width = s[9];
    const uint32_t first = next_pair;
    const int c0 = to_int(__builtin_floorf((x - half_width) * (1.0f / kTile)), 0.0f, last_column);
    const int c1 = to_int(__builtin_floorf((x + half_width) * (1.0f / kTile)), 0.0f, last_column);
    for (int c = c0; c <= c1; ++c) {
      const float x0 = float(c * kTile) + 0.5f - x;
      float low, high;
      slab_span(s[6], s[7], s[8], half_width, s[10], x0, x0 + float(kTile - 1), low, high);
      const float top = __builtin_ceilf(low + y - 0.5f), bottom = __builtin_floorf(high + y - 0.5f);
      if (!(top <= bottom) || bottom < 0.0f || top > last_pixel) continue;
      const int r0 = to_int(top, 0.0f, last_pixel) / kTile, r1 = to_int(bottom, 0.0f, last_pixel) / kTile;
      for (int row = r0; row <= r1; ++row) {
        const uint32_t tile = uint32_t(row * binned.tiles_x + c);
        binned.pair_tile[next_pair++] = tile;
        ++histogram[tile];
      }
    }
    binned.first_pair[r] = first;
    binned.pair_count[r] = next_pair - first;
  }
}

}  // namespace gh::GH_ISA
