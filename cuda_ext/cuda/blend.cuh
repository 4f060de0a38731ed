// Blending of one 16 x 16 tile by one block of 256 threads, a pixel each.
//
// A warp has a patch of 8 x 4 pixels and walks only the splats that reach it: a splat of a head reaches 2.4 of a tile's
// 8 patches. A pass blends kGroup channels at most; further channels are blended by further passes.
#pragma once

#include "../core/blend.h"
#include "../core/splat.h"
#include "launch.cuh"
#include "rasterizer.h"

namespace gh::GH_ISA {

constexpr int kGroup = 8;  // channels of one pass

constexpr int kWarp = 32, kPatchWidth = 8, kPatchHeight = kWarp / kPatchWidth, kPatchColumns = kTile / kPatchWidth;
constexpr int kPatches = kTilePixels / kWarp;  // of a tile, two in a row; each has a warp

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
  const int patch = int(threadIdx.x) / kWarp, lane = int(threadIdx.x) % kWarp;
  p.x = p.x0 + patch % kPatchColumns * kPatchWidth + lane % kPatchWidth;
  p.y = p.y0 + patch / kPatchColumns * kPatchHeight + lane / kPatchWidth;
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

// Bit p: the splat may reach a pixel centre of patch p of the tile whose corner is at x0, y0. None that it reaches is
// left out: the alpha test stays exact.
__device__ inline uint32_t patches_reached(const float* splat, int x0, int y0) {
  uint32_t reached = 0;
  for (int c = 0; c < kPatchColumns; ++c) {
    const float left = float(x0 + c * kPatchWidth) + 0.5f - splat[kX];
    float low, high;
    slab_span(splat[kSlope], splat[kBend], splat[kHeight], splat[kHalfWidth], splat[kXTop], left - kFootprintMargin,
              left + float(kPatchWidth - 1) + kFootprintMargin, low, high);
    const float below = splat[kY] - 0.5f - float(y0);
    const float top = fmaxf(ceilf(low + below), 0.0f), bottom = fminf(floorf(high + below), float(kTile - 1));
    if (!(top <= bottom)) continue;
    const int first = int(top) / kPatchHeight, last = int(bottom) / kPatchHeight;
    for (int r = first; r <= last; ++r) reached |= 1u << (r * kPatchColumns + c);
  }
  return reached;
}

constexpr int kBatchHeader = 8;  // floats: as many as are read in blending, and two more for whole 16-byte reads
static_assert(kLog2Opacity < kBatchHeader && kBatchHeader % 4 == 0 && kSplatHeader % 4 == 0, "");

// A batch of splats in shared memory, one loaded by each thread.
template <int CH>
struct SharedBatch {
  alignas(16) float header[kTilePixels][kBatchHeader];
  alignas(16) float channels[kTilePixels][CH];
  uint32_t reached[kTilePixels];  // a bit for each patch

  __device__ void load(const CudaScene& scene, const TileJob& job, const TilePixel& pixel, uint32_t at) {
    const float* source = job.rows + int64_t(job.owners[job.pairs[at]]) * scene.splat_row();
    alignas(16) float splat[kSplatHeader];
    const float4* whole = reinterpret_cast<const float4*>(source);
    float4 *own = reinterpret_cast<float4*>(splat), *target = reinterpret_cast<float4*>(header[threadIdx.x]);
    for (int i = 0; i < kSplatHeader / 4; ++i) own[i] = whole[i];
    for (int i = 0; i < kBatchHeader / 4; ++i) target[i] = own[i];
    for (int k = 0; k < CH; ++k) channels[threadIdx.x][k] = source[kSplatHeader + job.first_channel + k];
    reached[threadIdx.x] = patches_reached(splat, pixel.x0, pixel.y0);
  }

  // Which of the 32 splats from `first` on this warp's patch may see, a bit each; the whole warp comes.
  __device__ uint32_t seen(int first, int count) const {
    const int j = first + int(threadIdx.x) % kWarp, patch = int(threadIdx.x) / kWarp;
    return __ballot_sync(kFullWarp, j < count && (reached[j] >> patch & 1));
  }
};

template <int CH>
__global__ void __launch_bounds__(kTilePixels, 5) blend_tiles(CudaScene scene, TileJob job, Images out) {
  __shared__ SharedBatch<CH> batch;
  const TilePixel pixel = tile_pixel(scene);
  const uint32_t begin = job.ranges[blockIdx.x], end = job.ranges[blockIdx.x + 1];
  const float x = float(pixel.x) + 0.5f, y = float(pixel.y) + 0.5f;
  float T = pixel.inside ? 1.0f : -1.0f, sums[CH] = {};
  for (uint32_t first = begin; first < end; first += kTilePixels) {
    if (__syncthreads_count(T > 0.0f) == 0) break;  // also: everyone is done with the batch before
    if (first + threadIdx.x < end) batch.load(scene, job, pixel, first + threadIdx.x);
    __syncthreads();
    const int count = int(min(uint32_t(kTilePixels), end - first));
    for (int bucket = 0; bucket < count && __any_sync(kFullWarp, T > 0.0f); bucket += kWarp) {
      for (uint32_t left = batch.seen(bucket, count); left; left &= left - 1) {
        const int j = bucket + __ffs(int(left)) - 1;
        const float* splat = batch.header[j];
        // What is too faint here, and all where the pixel is finished, gets the weight 0: no branch is needed.
        const float power = log2_alpha(splat, x - splat[kX], y - splat[kY]);
        const auto step = blend_step(power, T);
        T = step.T;
        for (int k = 0; k < CH; ++k) sums[k] += step.weight * batch.channels[j][k];
      }
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
