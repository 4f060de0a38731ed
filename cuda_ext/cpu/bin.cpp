// Depth-ordered splats and the exact list of tiles that each one touches.
#include "simd.h"  // first: the shared headers look its vector operations up

#include "../core/splat.h"

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
    splat[kSplatHeader + D + E] = header[kDepth];
    sorted.rank[n] = int32_t(r);
  }
}

void list_tiles_range(const Sorted& sorted, const Binned& binned, int64_t begin, int64_t end, uint32_t next_pair,
                      uint32_t* histogram) {
  for (int64_t r = begin; r < end; ++r) {
    const float* splat = sorted.splats + r * sorted.splat_stride;
    const uint32_t first = next_pair;
    const Span columns = tile_columns(splat, binned.tiles_x);
    for (int c = columns.first; c <= columns.last; ++c) {
      const Span rows = tile_rows(splat, c, binned.tiles_y);
      for (int row = rows.first; row <= rows.last; ++row) {
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
