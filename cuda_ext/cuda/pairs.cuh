// The pairs (splat, tile): listing them, and where each tile's begin once they are sorted.
#pragma once

#include "../core/splat.h"
#include "launch.cuh"
#include "rasterizer.h"

namespace gh::GH_ISA {

// keys: (image, tile) above, depth bits below. Pairs stand in the order of their splats; those beyond
// the capacity are dropped. The header comes back from memory here, where projection counted with it in registers:
// should a compiler round the two differently, a splat keeps to the room that was counted for it, what it leaves free
// belongs to no tile, and counts becomes what was listed.
static __global__ void __launch_bounds__(kThreads)
    list_tiles(CudaScene scene, CudaSplats splats, const uint64_t* offsets, uint64_t capacity, uint64_t* keys,
               uint32_t* pairs, uint32_t* owners) {
  const int64_t index = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (index >= scene.splats() || splats.counts[index] == 0) return;
  const uint64_t begin = offsets[index], end = min(begin + splats.counts[index], capacity);
  const float* header = splats.rows + index * scene.splat_row();
  const int tiles_x = scene.first.tiles_x(), tiles_y = scene.first.tiles_y();
  const uint64_t first_tile = uint64_t(index / scene.first.N) * scene.tiles();
  uint64_t next = begin;
  const Span columns = tile_columns(header, tiles_x);
  for (int c = columns.first; c <= columns.last; ++c) {
    const Span rows = tile_rows(header, c, tiles_y);
    for (int r = rows.first; r <= rows.last && next < end; ++r, ++next) {
      keys[next] = (first_tile + uint64_t(r) * tiles_x + c) << 32 | __float_as_uint(header[kDepth]);
      pairs[next] = uint32_t(next), owners[next] = uint32_t(index);
    }
  }
  splats.counts[index] = next - min(begin, next);
  for (; next < end; ++next) keys[next] = ~uint64_t(0), pairs[next] = uint32_t(next), owners[next] = uint32_t(index);
}

// ranges [tiles + 1], zeroed before: start of each tile among the sorted keys. Keys of no tile stand last.
static __global__ void __launch_bounds__(kThreads)
    find_ranges(const uint64_t* keys, const uint64_t* needed, uint64_t capacity, uint32_t tiles, uint32_t* ranges) {
  const uint64_t i = uint64_t(blockIdx.x) * blockDim.x + threadIdx.x, pairs = min(*needed, capacity);
  if (i >= pairs) return;
  const uint32_t tile = min(uint32_t(keys[i] >> 32), tiles), before = i ? min(uint32_t(keys[i - 1] >> 32), tiles) : 0;
  for (uint32_t t = i ? before + 1 : 0; t <= tile; ++t) ranges[t] = uint32_t(i);
  if (i == pairs - 1)
    for (uint32_t t = tile + 1; t <= tiles; ++t) ranges[t] = uint32_t(pairs);
}

}  // namespace gh::GH_ISA
