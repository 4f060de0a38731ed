// Blending of one 16 x 16 tile, forward and backward.
//
// A tile is cut into blocks of 4 x (kWidth / 4) pixels, one register each. A splat visits only the
// blocks that its ellipse reaches: kWidth splats at a time, the exact span of rows in each of the
// four block columns becomes a bit mask of blocks. A second mask holds the blocks still unfinished.
#include "simd.h"  // first: the shared headers look its vector operations up

#include "../core/blend.h"
#include "../core/splat.h"

#include "kernels.h"

namespace gh::GH_ISA {

namespace {

constexpr int kBlockRows = kWidth / 4;           // pixel rows of a block
constexpr int kBlocksDown = kTile / kBlockRows;  // blocks in a column
constexpr int kBlocks = 4 * kBlocksDown;         // blocks in a tile, column by column
constexpr int kMaxChannels = kChannelLimit;
constexpr int kAliveInterval = 8;  // splats between looks at whether a tile is finished

typedef uint64_t BlockMask;  // bit b: block b
constexpr int kMaskWords = kBlocks > 32 ? 2 : 1;

struct TileArea {
  int x0, y0, columns, rows;  // pixels; columns and rows inside the image
};

inline TileArea tile_area(const SceneView& scene, const Binned& binned, int tile) {
  const int x0 = tile % binned.tiles_x * kTile, y0 = tile / binned.tiles_x * kTile;
  const int columns = scene.width - x0, rows = scene.height - y0;
  return {x0, y0, columns < kTile ? columns : kTile, rows < kTile ? rows : kTile};
}

// Block and lane of pixel (column, row) of a tile, as one offset in units of lanes.
inline int block_of(int column, int row) { return column / 4 * kBlocksDown + row / kBlockRows; }
inline int lane_of(int column, int row) { return row % kBlockRows * 4 + column % 4; }

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

// Transmittance of every block before the first splat: pixels outside the image are finished.
inline Vec initial_T(const TileArea& area, int block) {
  if (area.columns == kTile && area.rows == kTile) return Vec{} + 1.0f;
  Vec T;
  for (int lane = 0; lane < kWidth; ++lane) {
    const int column = block / kBlocksDown * 4 + lane % 4, row = block % kBlocksDown * kBlockRows + lane / 4;
    T[lane] = column < area.columns && row < area.rows ? 1.0f : -1.0f;
  }
  return T;
}

template <int CH>
void blend_channels(const SceneView& scene, const Sorted& sorted, const Binned& binned, const TileArea& area, int tile,
                    Vec* state) {
  const int channels = CH ? CH : scene.channels(), stride = channels + 1;
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
        for (int k = 0; k < channels; ++k) block[1 + k] += step.weight * splat[kSplatHeader + k];
        alive &= ~(BlockMask(all_negative(step.T)) << b);
      }
    }
  }
}

void write_tile(const SceneView& scene, const Images& out, const TileArea& area, const Vec* state) {
  const int D = scene.D, E = scene.E, stride = scene.channels() + 1;
  for (int row = 0; row < area.rows; ++row) {
    int64_t pixel = int64_t(area.y0 + row) * scene.width + area.x0;
    for (int column = 0; column < area.columns; ++column, ++pixel) {
      const float* lane = (const float*)(state + block_of(column, row) * stride) + lane_of(column, row);
      const float T = __builtin_fabsf(lane[0]);
      for (int k = 0; k < D; ++k)
        out.rgb[pixel * D + k] = lane[(1 + k) * kWidth] + (scene.background ? T * scene.background[k] : 0.0f);
      for (int k = 0; k < E; ++k) out.extra[pixel * E + k] = lane[(1 + D + k) * kWidth];
      out.depth[pixel] = lane[(1 + D + E) * kWidth];
      out.alpha[pixel] = 1.0f - T;
    }
  }
}

void write_empty_tile(const SceneView& scene, const Images& out, const TileArea& area) {
  for (int row = 0; row < area.rows; ++row) {
    const int64_t pixel = int64_t(area.y0 + row) * scene.width + area.x0;
    for (int i = 0; i < area.columns; ++i)
      for (int k = 0; k < scene.D; ++k)
        out.rgb[(pixel + i) * scene.D + k] = scene.background ? scene.background[k] : 0.0f;
    memset(out.extra + pixel * scene.E, 0, sizeof(float) * area.columns * scene.E);
    memset(out.depth + pixel, 0, sizeof(float) * area.columns);
    memset(out.alpha + pixel, 0, sizeof(float) * area.columns);
  }
}

}  // namespace

void blend_tile(const SceneView& scene, const Sorted& sorted, const Binned& binned, const Images& out, int tile) {
  const TileArea area = tile_area(scene, binned, tile);
  if (binned.tile_start[tile] == binned.tile_start[tile + 1]) return write_empty_tile(scene, out, area);
  const int channels = scene.channels(), stride = channels + 1;
  Vec state[kBlocks * (kMaxChannels + 1)];
  for (int b = 0; b < kBlocks; ++b) {
    state[b * stride] = initial_T(area, b);
    for (int k = 1; k < stride; ++k) state[b * stride + k] = Vec{};
  }
  switch (channels) {
    case 4:
      blend_channels<4>(scene, sorted, binned, area, tile, state);
      break;
    case 5:
      blend_channels<5>(scene, sorted, binned, area, tile, state);
      break;
    case 6:
      blend_channels<6>(scene, sorted, binned, area, tile, state);
      break;
    case 7:
      blend_channels<7>(scene, sorted, binned, area, tile, state);
      break;
    case 8:
      blend_channels<8>(scene, sorted, binned, area, tile, state);
      break;
    default:
      blend_channels<0>(scene, sorted, binned, area, tile, state);
      break;
  }
  write_tile(scene, out, area, state);
}

namespace {

// Backward state of a block: T, what is still behind, then v_alpha and the channels' cotangents.
constexpr int kBackwardHeader = 3;

void read_tile(const SceneView& scene, const Images& images, const ImageGradients& v, const TileArea& area, Vec* state,
               float* v_background) {
  const int D = scene.D, E = scene.E, stride = scene.channels() + kBackwardHeader;
  for (int b = 0; b < kBlocks; ++b) {
    state[b * stride] = initial_T(area, b);
    for (int k = 1; k < stride; ++k) state[b * stride + k] = Vec{};
  }
  for (int row = 0; row < area.rows; ++row) {
    int64_t pixel = int64_t(area.y0 + row) * scene.width + area.x0;
    for (int column = 0; column < area.columns; ++column, ++pixel) {
      float* lane = (float*)(state + block_of(column, row) * stride) + lane_of(column, row);
      float behind = 0.0f;
      auto put = [&](int channel, const float* gradient, const float* image) {
        const float value = gradient ? *gradient : 0.0f;
        lane[(2 + channel) * kWidth] = value;
        behind += value * *image;
      };
      put(0, v.alpha ? v.alpha + pixel : nullptr, images.alpha + pixel);
      for (int k = 0; k < D; ++k) put(1 + k, v.rgb ? v.rgb + pixel * D + k : nullptr, images.rgb + pixel * D + k);
      for (int k = 0; k < E; ++k)
        put(1 + D + k, v.extra ? v.extra + pixel * E + k : nullptr, images.extra + pixel * E + k);
      put(1 + D + E, v.depth ? v.depth + pixel : nullptr, images.depth + pixel);
      lane[kWidth] = behind;
      if (v_background && v.rgb)
        for (int k = 0; k < D; ++k) v_background[k] += (1.0f - images.alpha[pixel]) * v.rgb[pixel * D + k];
    }
  }
}

// Sums over one tile of a splat's gradient moments and of its channels' gradients.
template <int CH>
struct Sums {
  static constexpr int kCount = (kMoments + (CH ? CH : kChannelLimit) + 15) / 16 * 16;
  Vec of[kCount];

  void add_moments(Vec g, Vec dx, Vec dy) {
    const Vec g_dx = g * dx, g_dy = g * dy;
    of[0] += g, of[1] += g_dx, of[2] += g_dy;
    of[3] += g_dx * dx, of[4] += g_dx * dy, of[5] += g_dy * dy;
  }
};

template <int CH>
void blend_channels_vjp(const SceneView& scene, const Sorted& sorted, const Binned& binned, const TileArea& area,
                        int tile, Vec* state, float* partial) {
  const int channels = CH ? CH : scene.channels(), stride = channels + kBackwardHeader;
  const int row = partial_row(channels);
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
        sums.add_moments(blend_step_vjp(exponent.value, T, step, along, behind), exponent.dx, exponent.dy);
        block[0] = step.T, block[1] = behind;
        alive &= ~(BlockMask(all_negative(step.T)) << b);
      }
      for (int k = 0; k < row; k += kWidth) lane_sums(sums.of + k, out + k);
    }
  }
  if (first < end) memset(partial + int64_t(first) * row, 0, sizeof(float) * row * (end - first));
}

}  // namespace

void blend_vjp_tile(const SceneView& scene, const Sorted& sorted, const Binned& binned, const Images& images,
                    const ImageGradients& v, float* partial, float* v_background, int tile) {
  const TileArea area = tile_area(scene, binned, tile);
  const bool empty = binned.tile_start[tile] == binned.tile_start[tile + 1];
  if (v_background) memset(v_background, 0, sizeof(float) * scene.D);
  if (empty && !v_background) return;
  Vec state[kBlocks * (kMaxChannels + kBackwardHeader)];
  read_tile(scene, images, v, area, state, v_background);
  switch (scene.channels()) {
    case 4:
      blend_channels_vjp<4>(scene, sorted, binned, area, tile, state, partial);
      break;
    case 5:
      blend_channels_vjp<5>(scene, sorted, binned, area, tile, state, partial);
      break;
    case 6:
      blend_channels_vjp<6>(scene, sorted, binned, area, tile, state, partial);
      break;
    case 7:
      blend_channels_vjp<7>(scene, sorted, binned, area, tile, state, partial);
      break;
    case 8:
      blend_channels_vjp<8>(scene, sorted, binned, area, tile, state, partial);
      break;
    default:
      blend_channels_vjp<0>(scene, sorted, binned, area, tile, state, partial);
      break;
  }
}

}  // namespace gh::GH_ISA
