// Blending of one 16 x 16 tile, forward and backward.
//
// A tile is cut into blocks of 4 x (kWidth / 4) pixels, one register each; a splat visits only the
// blocks its ellipse reaches: for each of the four block columns the exact span of rows.
#include "simd.h"  // first: the shared headers look its vector operations up

#include "../core/blend.h"
#include "../core/footprint.h"

#include "kernels.h"

namespace gh::GH_ISA {

namespace {

constexpr int kBlockRows = kWidth / 4;           // pixel rows of a block
constexpr int kBlocksDown = kTile / kBlockRows;  // blocks in a column
constexpr int kBlocks = 4 * kBlocksDown;         // blocks in a tile, column by column
constexpr int kMaxChannels = kChannelLimit;
constexpr int kAliveInterval = 8;  // splats between looks at whether a tile is finished

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

struct LaneOffsets {
  Vec x, y;
};

inline LaneOffsets lane_offsets() {
  LaneOffsets offsets;
  for (int lane = 0; lane < kWidth; ++lane) offsets.x[lane] = float(lane % 4), offsets.y[lane] = float(lane / 4);
  return offsets;
}

// Rows of blocks [first, last] of each block column that the splat reaches; empty ones have first > last.
struct Reach {
  VecInt4 first, last;
};

inline Reach reach_of(const float* splat, float x0, float y0) {
  const Vec4 columns = {0.0f, 4.0f, 8.0f, 12.0f};
  const Vec4 left = columns + (x0 - splat[0]);
  Vec4 low, high;
  slab_span(Vec4{} + splat[6], Vec4{} + splat[7], Vec4{} + splat[8], Vec4{} + splat[9], Vec4{} + splat[10], left,
            left + 3.0f, low, high);
  // Row coordinates of pixel centres: row r covers r exactly, so round inwards.
  const float to_row = splat[1] - y0;
  const Vec4 top = minimum(maximum(low + to_row, Vec4{} - 1.0f), Vec4{} + float(kTile));
  const Vec4 bottom = minimum(maximum(high + to_row, Vec4{} - 2.0f), Vec4{} + float(kTile - 1));
  const VecInt4 bottom_row = __builtin_convertvector(bottom + 2.0f, VecInt4) - 2;  // floor
  const VecInt4 top_row = 17 - __builtin_convertvector(17.0f - top, VecInt4);      // ceil
  const VecInt4 empty = (top_row > bottom_row) | (bottom_row < 0) | (low > high);
  const VecInt4 clipped = top_row & (top_row > 0);
  Reach reach;
  reach.first = (empty & 99) | (~empty & (clipped / kBlockRows));
  reach.last = (empty & -1) | (~empty & (bottom_row / kBlockRows));
  return reach;
}

struct ColumnPower {  // log2(alpha) along one block column, as a quadratic in dy
  Vec dx, base, linear;
  float quadratic;

  ColumnPower(const float* splat, Vec left) {
    dx = left - splat[0];
    base = splat[2] * dx * dx + splat[5];
    linear = splat[3] * dx;
    quadratic = splat[4];
  }
  Vec at(Vec dy) const { return dy * (quadratic * dy + linear) + base; }
};

inline bool finished(const Vec* T, int stride) {
  for (int b = 0; b < kBlocks; ++b)
    if (!all_negative(T[b * stride])) return false;
  return true;
}

// Transmittance of every block before the first splat: pixels outside the image are finished.
inline Vec initial_T(const TileArea& area, int block) {
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
  const LaneOffsets offsets = lane_offsets();
  const float x0 = float(area.x0) + 0.5f, y0 = float(area.y0) + 0.5f;
  const uint32_t begin = binned.tile_start[tile], end = binned.tile_start[tile + 1];
  for (uint32_t i = begin; i < end; ++i) {
    const float* splat = sorted.splats + int64_t(binned.lists[i]) * sorted.splat_stride;
    const Reach reach = reach_of(splat, x0, y0);
    for (int c = 0; c < 4; ++c) {
      if (reach.first[c] > reach.last[c]) continue;
      const ColumnPower power(splat, offsets.x + (x0 + float(4 * c)));
      for (int b = reach.first[c]; b <= reach.last[c]; ++b) {
        Vec* block = state + (c * kBlocksDown + b) * stride;
        if (all_negative(block[0])) continue;
        const Vec dy = offsets.y + (y0 + float(b * kBlockRows) - splat[1]);
        const auto step = blend_step(power.at(dy), block[0]);
        block[0] = step.T;
        for (int k = 0; k < channels; ++k) block[1 + k] += step.weight * splat[kSplatHeader + k];
      }
    }
    if ((i - begin) % kAliveInterval == kAliveInterval - 1 && finished(state, stride)) break;
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

// Add one block column's contribution of one splat to its sums.
template <int CH>
inline void blend_column_vjp(const float* splat, const ColumnPower& power, Vec dy, int first, int last, int channels,
                             Vec* column, Vec* sums) {
  const int stride = channels + kBackwardHeader;
  Vec g0 = {}, g1 = {}, g2 = {};
  dy += float(first * kBlockRows);
  for (int b = first; b <= last; ++b, dy += float(kBlockRows)) {
    Vec* block = column + b * stride;
    if (all_negative(block[0])) continue;
    const Vec p = power.at(dy), T = block[0];
    const auto step = blend_step(p, T);
    Vec along = block[2];
    for (int k = 0; k < channels; ++k) {
      const Vec v_out = block[kBackwardHeader + k];
      along += v_out * splat[kSplatHeader + k];
      sums[kMoments + k] += v_out * step.weight;
    }
    const Vec behind = block[1] - step.weight * along;
    const Vec g = blend_step_vjp(p, T, step, along, behind);
    block[0] = step.T, block[1] = behind;
    const Vec g_dy = g * dy;
    g0 += g, g1 += g_dy, g2 += g_dy * dy;
  }
  sums[0] += g0, sums[2] += g1, sums[5] += g2;
  const Vec g_dx = g0 * power.dx;
  sums[1] += g_dx, sums[3] += g_dx * power.dx, sums[4] += g1 * power.dx;
}

template <int CH>
void blend_channels_vjp(const SceneView& scene, const Sorted& sorted, const Binned& binned, const TileArea& area,
                        int tile, Vec* state, float* partial) {
  const int channels = CH ? CH : scene.channels(), stride = channels + kBackwardHeader;
  const int row = partial_row(channels);
  const LaneOffsets offsets = lane_offsets();
  const float x0 = float(area.x0) + 0.5f, y0 = float(area.y0) + 0.5f;
  const uint32_t begin = binned.tile_start[tile], end = binned.tile_start[tile + 1];
  constexpr int kSums = CH ? (kMoments + CH + 15) / 16 * 16 : (kMoments + kMaxChannels + 15) / 16 * 16;
  Vec sums[kSums];
  bool alive = true;
  for (uint32_t i = begin; i < end; ++i) {
    float* out = partial + int64_t(i) * row;
    if (!alive) {
      memset(out, 0, sizeof(float) * row);
      continue;
    }
    const float* splat = sorted.splats + int64_t(binned.lists[i]) * sorted.splat_stride;
    const Reach reach = reach_of(splat, x0, y0);
    for (int k = 0; k < row; ++k) sums[k] = Vec{};
    for (int c = 0; c < 4; ++c) {
      if (reach.first[c] > reach.last[c]) continue;
      const ColumnPower power(splat, offsets.x + (x0 + float(4 * c)));
      blend_column_vjp<CH>(splat, power, offsets.y + (y0 - splat[1]), reach.first[c], reach.last[c], channels,
                           state + c * kBlocksDown * stride, sums);
    }
    for (int k = 0; k < row; k += kWidth) lane_sums(sums + k, out + k);
    if ((i - begin) % kAliveInterval == kAliveInterval - 1) alive = !finished(state, stride);
  }
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
