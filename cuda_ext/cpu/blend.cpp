// Blending of one 16 x 16 tile, forward and backward.
//
// A tile is cut into blocks of 4 x (kWidth / 4) pixels, one register each. A splat visits only the
// blocks that its ellipse reaches: kWidth splats at a time, the exact span of rows in each of the
// four block columns becomes a bit mask of blocks. A second mask holds the blocks still unfinished.
#include "tile.h"  // first: the shared headers look its vector operations up

#include "../core/blend.h"
#include "../core/splat.h"

#include "kernels.h"

namespace gh::GH_ISA {

namespace {

constexpr int kMaxChannels = kChannelLimit;

typedef uint64_t BlockMask;  // bit b: block b
constexpr int kMaskWords = kBlocks > 32 ? 2 : 1;

struct TileCentres {  // pixel centres of the blocks of each block column and row
  Vec x[4], y[kBlocksDown];

  explicit TileCentres(const TileArea& area) {
    for (int lane = 0; lane < kWidth; ++lane) {
      for (int c = 0; c < 4; ++c) x[c][lane] = float(area.x0 + 4 * c + lane % 4) + 0.5f;
      for (int b = 0; b < kBlocksDown; ++b) y[b][lane] = float(area.y0 + b * kBlockRows + lane / 4) + 0.5f;
    }
  }
};

// The splats of a tile's list, kWidth at a time, each with the mask of the blocks it reaches.
struct Batch {
  const float* splats[kWidth];
  VecInt blocks[kMaskWords] = {};  // 32 bits of each splat's mask
  int count;

  Batch(const Sorted& sorted, const Binned& binned, const TileArea& area, uint32_t begin, uint32_t end) {
    count = end - begin < uint32_t(kWidth) ? int(end - begin) : kWidth;
    const uint32_t* next = binned.lists + begin + kWidth;
    for (int i = 0; i < kWidth && begin + kWidth + i < end; ++i)  // the wait for memory overlaps this batch's work
      __builtin_prefetch(sorted.splats + int64_t(next[i]) * sorted.splat_stride);
    Vec x, y, slope, bend, height, half_width, x_top;
    for (int lane = 0; lane < kWidth; ++lane) {
      const float* s = sorted.splats + int64_t(binned.lists[begin + (lane < count ? lane : 0)]) * sorted.splat_stride;
      splats[lane] = s;
      x[lane] = s[kX], y[lane] = s[kY], slope[lane] = s[kSlope], bend[lane] = s[kBend], height[lane] = s[kHeight];
      half_width[lane] = s[kHalfWidth], x_top[lane] = s[kXTop];
    }
    // Coordinates in which pixel centres are the integers 0 to 15.
    const Vec left = float(area.x0) + 0.5f - x, top = float(area.y0) + 0.5f - y;
    for (int c = 0; c < 4; ++c) {
      const Vec x0 = left + float(4 * c);
      Vec low, high;
      slab_span(slope, bend, height, half_width, x_top, x0, x0 + 3.0f, low, high);
      const Vec first = minimum(maximum(low - top, Vec{} - 1.0f), Vec{} + float(kTile));
      const Vec last = minimum(maximum(high - top, Vec{} - 1.0f), Vec{} + float(kTile - 1));
      const VecInt last_row = to_int(last + 1.0f) - 1;                    // floor
      VecInt first_row = (kTile + 1) - to_int(float(kTile + 1) - first);  // ceil
      const VecInt reached = (VecInt)(first_row <= last_row) & (VecInt)(last_row >= 0) & (VecInt)(low <= high);
      first_row &= (VecInt)(first_row > 0);
      const VecInt bits = (2 << (last_row / kBlockRows)) - (1 << (first_row / kBlockRows));
      blocks[c * kBlocksDown / 32] |= (bits & reached) << (c * kBlocksDown % 32);
    }
  }

  BlockMask mask(int i) const {
    const BlockMask low = uint32_t(blocks[0][i]);
    return kMaskWords == 1 ? low : low | BlockMask(uint32_t(blocks[kMaskWords - 1][i])) << 32;
  }
};

struct Exponent {  // log2(alpha) of one splat over one block
  Vec dx, dy, value;

  Exponent(const float* splat, Vec x, Vec y) {
    dx = x - splat[kX], dy = y - splat[kY];
    value = log2_alpha(splat, dx, dy);
  }
};

// Bit b set: block b has unfinished pixels.
inline BlockMask unfinished(const Vec* state, int stride) {
  BlockMask alive = 0;
  for (int b = 0; b < kBlocks; ++b) alive |= BlockMask(!all_negative(state[b * stride])) << b;
  return alive;
}

template <int CH>
struct Channels {
  static constexpr int value = CH;
};

// Calls `run` with the number of channels where a loop unrolled for it exists, else with 0.
template <class Run>
void for_channels(int channels, const Run& run) {
  switch (channels) {
    case 4:
      return run(Channels<4>{});
    case 5:
      return run(Channels<5>{});
    case 6:
      return run(Channels<6>{});
    case 7:
      return run(Channels<7>{});
    case 8:
      return run(Channels<8>{});
    default:
      return run(Channels<0>{});
  }
}

template <int CH>
void blend_channels(const SceneView& scene, const Sorted& sorted, const Binned& binned, const TileArea& area, int tile,
                    Vec* state) {
  const int channels = CH ? CH : scene.channels(), stride = channels + kForwardHeader;
  const TileCentres centres(area);
  BlockMask alive = unfinished(state, stride);
  const uint32_t end = binned.tile_start[tile + 1];
  for (uint32_t first = binned.tile_start[tile]; first < end && alive; first += kWidth) {
    const Batch batch(sorted, binned, area, first, end);
    for (int i = 0; i < batch.count; ++i) {
      const float* splat = batch.splats[i];
      for (BlockMask left = batch.mask(i) & alive; left; left &= left - 1) {
        const int b = __builtin_ctzll(left);
        Vec* block = state + b * stride;
        const Exponent exponent(splat, centres.x[b / kBlocksDown], centres.y[b % kBlocksDown]);
        const auto step = blend_step(exponent.value, block[0]);
        block[0] = step.T;
        for (int k = 0; k < channels; ++k) block[kForwardHeader + k] += step.weight * splat[kSplatHeader + k];
      }
    }
    alive = unfinished(state, stride);
  }
}

}  // namespace

void blend_tile(const SceneView& scene, const Sorted& sorted, const Binned& binned, const Images& out, int tile) {
  const TileArea area = tile_area(scene, binned, tile);
  if (binned.tile_start[tile] == binned.tile_start[tile + 1]) return write_empty_tile(scene, out, area);
  const int channels = scene.channels();
  Vec state[kBlocks * (kMaxChannels + kForwardHeader)];
  clear_state(area, channels + kForwardHeader, state);
  for_channels(channels,
               [&](auto own) { blend_channels<decltype(own)::value>(scene, sorted, binned, area, tile, state); });
  write_tile(scene, out, area, state);
}

namespace {

// Sums over one tile of a splat's gradient moments, of its channels' gradients and, where asked for, of its pulls.
template <int CH>
struct Sums {
  static constexpr int kCount = (kMoments + (CH ? CH : kChannelLimit) + kPulls + 15) / 16 * 16;
  Vec of[kCount];

  void add_moments(Vec g, Vec dx, Vec dy) {
    const Vec g_dx = g * dx, g_dy = g * dy;
    of[0] += g, of[1] += g_dx, of[2] += g_dy;
    of[3] += g_dx * dx, of[4] += g_dx * dy, of[5] += g_dy * dy;
  }
};

template <int CH, bool kWithPulls>
void blend_channels_vjp(const SceneView& scene, const Sorted& sorted, const Binned& binned, const TileArea& area,
                        int tile, Vec* state, float* partial) {
  const int channels = CH ? CH : scene.channels(), stride = channels + kBackwardHeader;
  const int row = partial_row(channels, kWithPulls);
  const TileCentres centres(area);
  BlockMask alive = unfinished(state, stride);
  Sums<CH> sums;
  const uint32_t end = binned.tile_start[tile + 1];
  uint32_t first = binned.tile_start[tile];
  for (; first < end && alive; first += kWidth) {
    const Batch batch(sorted, binned, area, first, end);
    for (int i = 0; i < batch.count; ++i) {
      float* out = partial + int64_t(first + i) * row;
      const float* splat = batch.splats[i];
      BlockMask left = batch.mask(i) & alive;
      if (!left) {
        memset(out, 0, sizeof(float) * row);
        continue;
      }
      for (int k = 0; k < row; ++k) sums.of[k] = Vec{};
      for (; left; left &= left - 1) {
        const int b = __builtin_ctzll(left);
        Vec* block = state + b * stride;
        const Exponent exponent(splat, centres.x[b / kBlocksDown], centres.y[b % kBlocksDown]);
        const Vec T = block[0];
        const auto step = blend_step(exponent.value, T);
        Vec along = block[2];
        for (int k = 0; k < channels; ++k) {
          const Vec v_out = block[kBackwardHeader + k];
          along += v_out * splat[kSplatHeader + k];
          sums.of[kMoments + k] += v_out * step.weight;
        }
        const Vec behind = block[1] - step.weight * along;
        const Vec g = blend_step_vjp(exponent.value, T, step, along, behind);
        sums.add_moments(g, exponent.dx, exponent.dy);
        if constexpr (kWithPulls) {
          Vec pulls[kPulls];
          pulls_of(splat, g, exponent.dx, exponent.dy, pulls);
          for (int k = 0; k < kPulls; ++k) sums.of[kMoments + channels + k] += pulls[k];
        }
        block[0] = step.T, block[1] = behind;
      }
      for (int k = 0; k < row; k += kWidth) lane_sums(sums.of + k, out + k);
    }
    alive = unfinished(state, stride);
  }
  if (first < end) memset(partial + int64_t(first) * row, 0, sizeof(float) * row * (end - first));
}

}  // namespace

void blend_vjp_tile(const SceneView& scene, const Sorted& sorted, const Binned& binned, const Images& images,
                    const ImageGradients& v, bool pulls, float* partial, float* v_background, int tile) {
  const TileArea area = tile_area(scene, binned, tile);
  const bool empty = binned.tile_start[tile] == binned.tile_start[tile + 1];
  if (v_background && !scene.has_plate) memset(v_background, 0, sizeof(float) * scene.D);
  if (empty && !v_background) return;
  Vec state[kBlocks * (kMaxChannels + kBackwardHeader)];
  read_tile(scene, images, v, area, state, v_background);
  const auto run = [&](auto channels) {
    constexpr int CH = decltype(channels)::value;
    if (pulls)
      blend_channels_vjp<CH, true>(scene, sorted, binned, area, tile, state, partial);
    else
      blend_channels_vjp<CH, false>(scene, sorted, binned, area, tile, state, partial);
  };
  for_channels(scene.channels(), run);
}

void count_tile(const SceneView& scene, const Sorted& sorted, const Binned& binned, int tile, Work& work) {
  const TileArea area = tile_area(scene, binned, tile);
  const TileCentres centres(area);
  Vec state[kBlocks];
  clear_state(area, 1, state);
  const uint32_t begin = binned.tile_start[tile], end = binned.tile_start[tile + 1];
  work.pairs += end - begin;
  BlockMask alive = unfinished(state, 1);
  for (uint32_t first = begin; first < end && alive; first += kWidth) {
    const Batch batch(sorted, binned, area, first, end);
    for (int i = 0; i < batch.count; ++i)
      for (BlockMask left = batch.mask(i) & alive; left; left &= left - 1) {
        const int b = __builtin_ctzll(left);
        const Exponent exponent(batch.splats[i], centres.x[b / kBlocksDown], centres.y[b % kBlocksDown]);
        const auto step = blend_step(exponent.value, state[b]);
        state[b] = step.T;
        ++work.blocks;
        for (int lane = 0; lane < kWidth; ++lane) work.fragments += step.weight[lane] > 0.0f;
      }
    alive = unfinished(state, 1);
  }
}

}  // namespace gh::GH_ISA
