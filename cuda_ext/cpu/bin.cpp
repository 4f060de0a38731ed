// Depth-ordered splats and the exact list of tiles that each one touches.
#include "simd.h"  // first: the shared headers look its vector operations up

#include "../core/splat.h"

#include "kernels.h"

namespace gh::GH_ISA {

namespace {

constexpr int64_t kAhead = 16;  // splats by which memory is asked for early

inline int64_t gaussian(const Sorted& sorted, int64_t rank) { return int64_t(sorted.keys[rank] & 0xffffffffu); }

// Tile rows whose pixel centres a splat reaches in kWidth neighbouring columns of tiles; empty if first > last.
struct RowSpans {
  VecInt first, last;

  RowSpans(const float* splat, int column, int tiles_y) {
    const Vec zero = {};
    const Vec left = __builtin_convertvector(lane_numbers() * kTile, Vec) + (float(column * kTile) + 0.5f - splat[kX]);
    Vec low, high;
    slab_span(zero + splat[kSlope], zero + splat[kBend], zero + splat[kHeight], zero + splat[kHalfWidth],
              zero + splat[kXTop], left, left + float(kTile - 1), low, high);
    // Coordinates in which pixel centres are the integers from 0 on.
    const int pixels = tiles_y * kTile;
    const Vec top = minimum(maximum(low + (splat[kY] - 0.5f), zero - 1.0f), zero + float(pixels));
    const Vec bottom = minimum(maximum(high + (splat[kY] - 0.5f), zero - 1.0f), zero + float(pixels - 1));
    const VecInt bottom_row = to_int(bottom + 1.0f) - 1;              // floor
    VecInt top_row = (pixels + 1) - to_int(float(pixels + 1) - top);  // ceil
    const VecInt reached = (VecInt)(top_row <= bottom_row) & (VecInt)(bottom_row >= 0) & (VecInt)(low <= high);
    top_row &= (VecInt)(top_row > 0);
    first = (top_row / kTile) & reached;
    last = ((bottom_row / kTile + 1) & reached) - 1;
  }
};

}  // namespace

void gather_range(const SceneView& scene, const Projected& projected, const Sorted& sorted, int64_t begin,
                  int64_t end) {
  const int D = scene.D, E = scene.E;
  for (int64_t r = begin; r < end; ++r) {
    if (r + kAhead < end) {
      const int64_t next = gaussian(sorted, r + kAhead);
      __builtin_prefetch(projected.splat_headers + next * kSplatHeader);
      __builtin_prefetch(projected.splat_headers + next * kSplatHeader + kSplatHeader - 1);
      __builtin_prefetch(scene.colors + next * D);
    }
    const int64_t n = gaussian(sorted, r);
    float* splat = sorted.splats + r * sorted.splat_stride;
    const float* header = projected.splat_headers + n * kSplatHeader;
    memcpy(splat, header, sizeof(float) * kSplatHeader);
    for (int k = 0; k < D; ++k) splat[kSplatHeader + k] = scene.colors[n * D + k];
    for (int k = 0; k < E; ++k) splat[kSplatHeader + D + k] = scene.extra[n * E + k];
    splat[kSplatHeader + D + E] = header[kDepth];
    sorted.rank[n] = int32_t(r);
  }
}

uint32_t list_tiles_range(const Sorted& sorted, const Binned& binned, int64_t begin, int64_t end, uint32_t next_pair,
                          uint32_t* histogram) {
  const uint32_t begin_pair = next_pair;
  const VecInt down = lane_numbers() * binned.tiles_x;
  for (int64_t r = begin; r < end; ++r) {
    const float* splat = sorted.splats + r * sorted.splat_stride;
    const uint32_t first = next_pair;
    const VecInt rank = VecInt{} + int32_t(r);
    const Span columns = tile_columns(splat, binned.tiles_x);
    for (int from = columns.first; from <= columns.last; from += kWidth) {
      const RowSpans rows(splat, from, binned.tiles_y);
      const int count = columns.last - from + 1 < kWidth ? columns.last - from + 1 : kWidth;
      for (int i = 0; i < count; ++i) {
        // Whole registers are written, the lanes past the last row in vain: cheaper than a loop over one or two rows.
        const int number = rows.last[i] - rows.first[i] + 1;
        VecInt tiles = down + (rows.first[i] * binned.tiles_x + from + i);
        for (int done = 0; done < number; done += kWidth, tiles += kWidth * binned.tiles_x) {
          memcpy(binned.pair_tile + next_pair + done, &tiles, sizeof tiles);
          memcpy(binned.pair_rank + next_pair + done, &rank, sizeof rank);
        }
        next_pair += uint32_t(number);
      }
    }
    binned.first_pair[r] = first;
    binned.pair_count[r] = next_pair - first;
  }
  for (uint32_t j = begin_pair; j < next_pair; ++j) ++histogram[binned.pair_tile[j]];
  return next_pair;
}

}  // namespace gh::GH_ISA
