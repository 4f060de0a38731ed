// Blending of one 16 x 16 tile by one block of 256 threads, a pixel each.
//
// A pass blends kGroup channels at most; further channels are blended by further passes.
#pragma once

#include "../core/blend.h"
#include "../core/splat.h"
#include "launch.cuh"
#include "rasterizer.h"

namespace gh::GH_ISA {

constexpr int kGroup = 8;  // channels of one pass

struct TileJob {
  const float* rows;       // [C N, splat_row]
  const uint32_t* owners;  // [pairs] the splat c N + n of each pair
  const uint32_t* pairs;   // pairs, sorted
  const uint32_t* ranges;  // [C tiles + 1]
  int first_channel;       // of this pass
};

struct TilePixel {
  int camera, x0, y0, x, y;  // x0, y0: corner of the tile
  bool inside;
  int64_t index;  // pixel index over all images
};

__device__ inline TilePixel tile_pixel(const CudaScene& scene) {
  const int tiles_x = scene.first.tiles_x(), tiles = scene.tiles(), tile = int(blockIdx.x) % tiles;
  TilePixel p;
  p.camera = int(blockIdx.x) / tiles;
  p.x0 = tile % tiles_x * kTile, p.y0 = tile / tiles_x * kTile;
  p.x = p.x0 + int(threadIdx.x) % kTile, p.y = p.y0 + int(threadIdx.x) / kTile;
  p.inside = p.x < scene.first.width && p.y < scene.first.height;
  p.index = p.camera * scene.first.pixels() + int64_t(p.y) * scene.first.width + p.x;
  return p;
}

// Where channel k of pixel `index` lies among the images; null if there is no such image.
template <class T, class I>
__device__ inline T* channel_image(const I& images, const SceneView& s, int64_t index, int k) {
  if (k < s.D) return images.rgb ? images.rgb + index * s.D + k : nullptr;
  if (k < s.D + s.E) return images.extra ? images.extra + index * s.E + k - s.D : nullptr;
  return images.depth ? images.depth + index : nullptr;
}

constexpr int kBatchHeader = 8;  // floats: as many as are read in blending, and two more for whole 16-byte reads
static_assert(kLog2Opacity < kBatchHeader && kBatchHeader % 4 == 0 && kSplatHeader % 4 == 0, "");

// A batch of splats in shared memory, one loaded by each thread.
template <int CH>
struct SharedBatch {
  alignas(16) float header[kTilePixels][kBatchHeader];
  alignas(16) float channels[kTilePixels][CH];

  __device__ void load(const CudaScene& scene, const TileJob& job, uint32_t at) {
    const float* source = job.rows + int64_t(job.owners[job.pairs[at]]) * scene.splat_row();
    const float4* whole = reinterpret_cast<const float4*>(source);
    float4* target = reinterpret_cast<float4*>(header[threadIdx.x]);
    for (int i = 0; i < kBatchHeader / 4; ++i) target[i] = whole[i];
    for (int k = 0; k < CH; ++k) channels[threadIdx.x][k] = source[kSplatHeader + job.first_channel + k];
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
    if (__syncthreads_count(T > 0.0f) == 0) break;  // also: everyone is done with the batch before
    if (first + threadIdx.x < end) batch.load(scene, job, first + threadIdx.x);
    __syncthreads();
    const int count = int(min(uint32_t(kTilePixels), end - first));
    for (int j = 0; j < count && T > 0.0f; ++j) {
      const float* splat = batch.header[j];
      const float power = log2_alpha(splat, x - splat[kX], y - splat[kY]);
      if (!(power >= kLog2AlphaMin)) continue;
      const auto step = blend_step(power, T);
      T = step.T;
      for (int k = 0; k < CH; ++k) sums[k] += step.weight * batch.channels[j][k];
    }
  }
  if (!pixel.inside) return;
  const SceneView view = scene.camera(pixel.camera);
  const float* background = view.background;
  if (view.has_plate) background += (int64_t(pixel.y) * view.width + pixel.x) * view.D;
  for (int k = 0; k < CH; ++k) {
    const int channel = job.first_channel + k;
    const bool lit = background && channel < view.D;
    *channel_image<float>(out, view, pixel.index, channel) = sums[k] + (lit ? fabsf(T) * background[channel] : 0.0f);
  }
  if (job.first_channel == 0) out.alpha[pixel.index] = 1.0f - fabsf(T);
}

}  // namespace gh::GH_ISA
