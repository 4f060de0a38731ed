// Blending of one 16 x 16 tile by one block of 256 threads, forward and backward.
//
// A pass blends kGroup channels at most; further channels are blended by further passes, whose
// contributions simply add up.
#pragma once

#include "../core/blend.h"
#include "../core/splat.h"
#include "rasterizer.h"

namespace gh::GH_ISA {

constexpr unsigned kFullWarp = 0xffffffffu;

struct TileJob {
  const float* headers;    // [C, N, kSplatHeader]
  const uint32_t* values;  // sorted pairs: index c N + n
  const uint32_t* ranges;  // [C tiles + 1]
  int first_channel;       // of this pass
};

struct TilePixel {
  int camera, x, y;
  bool inside;
  int64_t index;  // pixel index over all cameras
};

__device__ inline TilePixel tile_pixel(const CudaScene& scene) {
  const int tiles_x = scene.first.tiles_x(), tiles = tiles_x * scene.first.tiles_y();
  const int tile = blockIdx.x % tiles;
  TilePixel p;
  p.camera = blockIdx.x / tiles;
  p.x = tile % tiles_x * kTile + threadIdx.x % kTile;
  p.y = tile / tiles_x * kTile + threadIdx.x / kTile;
  p.inside = p.x < scene.first.width && p.y < scene.first.height;
  p.index = p.camera * scene.first.pixels() + int64_t(p.y) * scene.first.width + p.x;
  return p;
}

__device__ inline float channel_of(const CudaScene& scene, const float* header, uint32_t index, int k) {
  const SceneView& s = scene.first;
  const int64_t n = index % s.N;
  if (k < s.D) return s.colors[(scene.colors_per_camera ? int64_t(index) : n) * s.D + k];
  if (k < s.D + s.E) return s.extra[n * s.E + k - s.D];
  return header[kDepth];
}

// Where channel k of pixel `index` lies among the images; null if there is no such image.
template <class T, class I>
__device__ inline T* channel_image(const I& images, const SceneView& s, int64_t index, int k) {
  if (k < s.D) return images.rgb ? images.rgb + index * s.D + k : nullptr;
  if (k < s.D + s.E) return images.extra ? images.extra + index * s.E + k - s.D : nullptr;
  return images.depth ? images.depth + index : nullptr;
}

// A batch of splats in shared memory, one loaded by each thread.
template <int CH>
struct SharedBatch {
  float header[kTilePixels][kLog2Opacity + 1];
  float channels[kTilePixels][CH];
  uint32_t index[kTilePixels];

  __device__ void load(const CudaScene& scene, const TileJob& job, uint32_t at) {
    const uint32_t i = job.values[at];
    const float* source = job.headers + int64_t(i) * kSplatHeader;
    index[threadIdx.x] = i;
    for (int k = 0; k <= kLog2Opacity; ++k) header[threadIdx.x][k] = source[k];
    for (int k = 0; k < CH; ++k) channels[threadIdx.x][k] = channel_of(scene, source, i, job.first_channel + k);
  }
};

template <int CH>
__global__ void __launch_bounds__(kTilePixels) blend_tiles(CudaScene scene, TileJob job, Images out) {
  __shared__ SharedBatch<CH> batch;
  const TilePixel pixel = tile_pixel(scene);
  const uint32_t begin = job.ranges[blockIdx.x], end = job.ranges[blockIdx.x + 1];
  const float x = float(pixel.x) + 0.5f, y = float(pixel.y) + 0.5f;
  float T = pixel.inside ? 1.0f : -1.0f, sums[CH] = {};
  for (uint32_t first = begin; first < end; first += kTilePixels) {
    if (__syncthreads_count(T > 0.0f) == 0) break;
    if (first + threadIdx.x < end) batch.load(scene, job, first + threadIdx.x);
    __syncthreads();
    const int count = int(min(uint32_t(kTilePixels), end - first));
    for (int j = 0; j < count && T > 0.0f; ++j) {
      const float* splat = batch.header[j];
      const auto step = blend_step(log2_alpha(splat, x - splat[kX], y - splat[kY]), T);
      T = step.T;
      for (int k = 0; k < CH; ++k) sums[k] += step.weight * batch.channels[j][k];
    }
  }
  if (!pixel.inside) return;
  const SceneView view = scene.camera(pixel.camera);
  for (int k = 0; k < CH; ++k) {
    const int channel = job.first_channel + k;
    const bool lit = view.background && channel < view.D;
    *channel_image<float>(out, view, pixel.index, channel) =
        sums[k] + (lit ? fabsf(T) * view.background[channel] : 0.0f);
  }
  if (job.first_channel == 0) out.alpha[pixel.index] = 1.0f - fabsf(T);
}

__device__ inline float warp_sum(float value) {
  for (int offset = 16; offset; offset /= 2) value += __shfl_down_sync(kFullWarp, value, offset);
  return value;
}

// Adds to `moments` [C N, kMoments + channels].
template <int CH>
__global__ void __launch_bounds__(kTilePixels)
    blend_tiles_vjp(CudaScene scene, TileJob job, Images images, ImageGradients v, float* moments) {
  __shared__ SharedBatch<CH> batch;
  const TilePixel pixel = tile_pixel(scene);
  const int row = kMoments + scene.first.channels();
  const uint32_t begin = job.ranges[blockIdx.x], end = job.ranges[blockIdx.x + 1];
  const float x = float(pixel.x) + 0.5f, y = float(pixel.y) + 0.5f;
  float T = pixel.inside ? 1.0f : -1.0f, v_alpha = 0.0f, v_out[CH] = {}, behind = 0.0f;
  if (pixel.inside) {
    if (v.alpha && job.first_channel == 0) {
      v_alpha = v.alpha[pixel.index];
      behind = v_alpha * images.alpha[pixel.index];
    }
    for (int k = 0; k < CH; ++k) {
      const float* g = channel_image<const float>(v, scene.first, pixel.index, job.first_channel + k);
      if (!g) continue;
      v_out[k] = *g;
      behind += *g * *channel_image<float>(images, scene.first, pixel.index, job.first_channel + k);
    }
  }
  for (uint32_t first = begin; first < end; first += kTilePixels) {
    if (__syncthreads_count(T > 0.0f) == 0) break;
    if (first + threadIdx.x < end) batch.load(scene, job, first + threadIdx.x);
    __syncthreads();
    const int count = int(min(uint32_t(kTilePixels), end - first));
    for (int j = 0; j < count; ++j) {
      if (!__any_sync(kFullWarp, T > 0.0f)) break;
      const float* splat = batch.header[j];
      const float dx = x - splat[kX], dy = y - splat[kY], exponent = log2_alpha(splat, dx, dy);
      const auto step = blend_step(exponent, T);
      if (__any_sync(kFullWarp, step.weight > 0.0f)) {
        float along = v_alpha;
        for (int k = 0; k < CH; ++k) along += v_out[k] * batch.channels[j][k];
        behind -= step.weight * along;
        const float g = blend_step_vjp(exponent, T, step, along, behind);
        const float terms[kMoments] = {g, g * dx, g * dy, g * dx * dx, g * dx * dy, g * dy * dy};
        float* target = moments + int64_t(batch.index[j]) * row;
        const bool leader = threadIdx.x % 32 == 0;
        for (int k = 0; k < kMoments; ++k) {
          const float sum = warp_sum(terms[k]);
          if (leader) atomicAdd(target + k, sum);
        }
        for (int k = 0; k < CH; ++k) {
          const float sum = warp_sum(step.weight * v_out[k]);
          if (leader) atomicAdd(target + kMoments + job.first_channel + k, sum);
        }
      }
      T = step.T;
    }
  }
}

}  // namespace gh::GH_ISA
