// One 16 x 16 tile between the images, where pixels lie row by row with their channels together, and the
// state of blending, where each channel of a block of 4 x (kWidth / 4) pixels is a register.
#pragma once

#include "simd.h"  // first: the shared headers look its vector operations up

#include "stages.h"

namespace gh::GH_ISA {

constexpr int kBlockRows = kWidth / 4;           // pixel rows of a block
constexpr int kBlocksDown = kTile / kBlockRows;  // blocks in a column
constexpr int kBlocks = 4 * kBlocksDown;         // blocks in a tile, column by column

// Forward state of a block: T, then the channels. Backward: T, what is still behind, the cotangents of alpha
// and of the channels.
constexpr int kForwardHeader = 1, kBackwardHeader = 3;

struct TileArea {
  int x0, y0, columns, rows;  // pixels; columns and rows inside the image
};

inline TileArea tile_area(const SceneView& scene, const Binned& binned, int tile) {
  const int x0 = tile % binned.tiles_x * kTile, y0 = tile / binned.tiles_x * kTile;
  const int columns = scene.width - x0, rows = scene.height - y0;
  return {x0, y0, columns < kTile ? columns : kTile, rows < kTile ? rows : kTile};
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

inline void clear_state(const TileArea& area, int stride, Vec* state) {
  for (int b = 0; b < kBlocks; ++b) {
    state[b * stride] = initial_T(area, b);
    for (int k = 1; k < stride; ++k) state[b * stride + k] = Vec{};
  }
}

typedef float Four __attribute__((vector_size(16)));  // four neighbouring pixels of a row

inline Four load_four(const float* p, int count) {
  Four a = {};
  if (count == 4)
    memcpy(&a, p, sizeof a);
  else
    memcpy(&a, p, sizeof(float) * count);
  return a;
}

inline void store_four(float* p, Four a, int count) {
  if (count == 4)
    memcpy(p, &a, sizeof a);
  else
    memcpy(p, &a, sizeof(float) * count);
}

// Pixels [count, D] to one Four per channel.
inline void split_channels(const float* pixels, int D, int count, Four* channels) {
  if (D == 3 && count == 4) {
    const Four a = load_four(pixels, 4), b = load_four(pixels + 4, 4), c = load_four(pixels + 8, 4);
    channels[0] = Four{a[0], a[3], b[2], c[1]};
    channels[1] = Four{a[1], b[0], b[3], c[2]};
    channels[2] = Four{a[2], b[1], c[0], c[3]};
    return;
  }
  for (int k = 0; k < D; ++k) {
    channels[k] = Four{};
    for (int i = 0; i < count; ++i) channels[k][i] = pixels[i * D + k];
  }
}

// The way back.
inline void join_channels(const Four* channels, int D, int count, float* pixels) {
  if (D == 3 && count == 4) {
    const Four r = channels[0], g = channels[1], b = channels[2];
    store_four(pixels, Four{r[0], g[0], b[0], r[1]}, 4);
    store_four(pixels + 4, Four{g[1], b[1], r[2], g[2]}, 4);
    store_four(pixels + 8, Four{b[2], r[3], g[3], b[3]}, 4);
    return;
  }
  for (int i = 0; i < count; ++i)
    for (int k = 0; k < D; ++k) pixels[i * D + k] = channels[k][i];
}

// Visits a tile's pixels four of a row at a time: visit(first pixel in the image, how many are inside it,
// where they stand in the first register of their block).
template <class Visit>
inline void for_fours(const SceneView& scene, const TileArea& area, int stride, Visit&& visit) {
  for (int row = 0; row < area.rows; ++row)
    for (int column = 0; column < area.columns; column += 4) {
      const int block = column / 4 * kBlocksDown + row / kBlockRows, lane = row % kBlockRows * 4;
      const int inside = area.columns - column < 4 ? area.columns - column : 4;
      visit(int64_t(area.y0 + row) * scene.width + area.x0 + column, inside, block * stride * kWidth + lane);
    }
}

// What lies behind four pixels, one Four per colour channel.
inline void load_background(const SceneView& scene, int64_t pixel, int count, Four* channels) {
  if (scene.has_plate) return split_channels(scene.background + pixel * scene.D, scene.D, count, channels);
  for (int k = 0; k < scene.D; ++k) channels[k] = Four{} + (scene.background ? scene.background[k] : 0.0f);
}

inline void write_tile(const SceneView& scene, const Images& out, const TileArea& area, const Vec* state) {
  const int D = scene.D, E = scene.E, stride = scene.channels() + kForwardHeader;
  for_fours(scene, area, stride, [&](int64_t pixel, int count, int place) {
    const float* lane = (const float*)state + place;
    const auto channel = [&](int k) { return load_four(lane + (kForwardHeader + k) * kWidth, 4); };
    Four T = load_four(lane, 4), values[kChannelLimit];
    for (int i = 0; i < 4; ++i) T[i] = __builtin_fabsf(T[i]);
    if (scene.background) {
      load_background(scene, pixel, count, values);
      for (int k = 0; k < D; ++k) values[k] = channel(k) + T * values[k];
    } else {
      for (int k = 0; k < D; ++k) values[k] = channel(k);
    }
    join_channels(values, D, count, out.rgb + pixel * D);
    for (int k = 0; k < E; ++k) values[k] = channel(D + k);
    join_channels(values, E, count, out.extra + pixel * E);
    store_four(out.depth + pixel, channel(D + E), count);
    store_four(out.alpha + pixel, 1.0f - T, count);
  });
}

inline void write_empty_tile(const SceneView& scene, const Images& out, const TileArea& area) {
  for (int row = 0; row < area.rows; ++row) {
    const int64_t pixel = int64_t(area.y0 + row) * scene.width + area.x0;
    float* rgb = out.rgb + pixel * scene.D;
    if (scene.has_plate)
      memcpy(rgb, scene.background + pixel * scene.D, sizeof(float) * area.columns * scene.D);
    else if (!scene.background)
      memset(rgb, 0, sizeof(float) * area.columns * scene.D);
    else
      for (int i = 0; i < area.columns; ++i) memcpy(rgb + i * scene.D, scene.background, sizeof(float) * scene.D);
    memset(out.extra + pixel * scene.E, 0, sizeof(float) * area.columns * scene.E);
    memset(out.depth + pixel, 0, sizeof(float) * area.columns);
    memset(out.alpha + pixel, 0, sizeof(float) * area.columns);
  }
}

// The state with which the backward pass of a tile starts; `v_background`: this tile's [D], the image's [H, W, D]
// where the scene has a plate, or null.
inline void read_tile(const SceneView& scene, const Images& images, const ImageGradients& v, const TileArea& area,
                      Vec* state, float* v_background) {
  const int D = scene.D, E = scene.E, stride = scene.channels() + kBackwardHeader;
  clear_state(area, stride, state);
  for_fours(scene, area, stride, [&](int64_t pixel, int count, int place) {
    float* lane = (float*)state + place;
    Four behind = {}, gradient[kChannelLimit], image[kChannelLimit];
    const auto put = [&](int first, int number) {
      for (int k = 0; k < number; ++k) {
        store_four(lane + (first + k) * kWidth, gradient[k], 4);
        behind += gradient[k] * image[k];
      }
    };
    const auto put_plane = [&](int place_of, const float* v_plane, const float* plane) {
      if (!v_plane) return;
      gradient[0] = load_four(v_plane + pixel, count), image[0] = load_four(plane + pixel, count);
      put(place_of, 1);
    };
    const auto put_channels = [&](int first, int number, const float* v_pixels, const float* pixels) {
      if (!v_pixels || !number) return;
      split_channels(v_pixels + pixel * number, number, count, gradient);
      split_channels(pixels + pixel * number, number, count, image);
      put(first, number);
    };
    put_plane(kBackwardHeader - 1, v.alpha, images.alpha);
    put_channels(kBackwardHeader + D, E, v.extra, images.extra);
    put_plane(kBackwardHeader + D + E, v.depth, images.depth);
    put_channels(kBackwardHeader, D, v.rgb, images.rgb);
    store_four(lane + kWidth, behind, 4);
    if (!v_background || !v.rgb) return;
    const Four T = 1.0f - load_four(images.alpha + pixel, count);
    for (int k = 0; k < D; ++k) gradient[k] *= T;
    if (scene.has_plate) return join_channels(gradient, D, count, v_background + pixel * D);
    for (int k = 0; k < D; ++k)
      for (int i = 0; i < count; ++i) v_background[k] += gradient[k][i];
  });
}

}  // namespace gh::GH_ISA
