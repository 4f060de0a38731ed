// The VJP of blending one tile, without atomics and without sums over threads.
//
// A batch of 256 splats is blended forward once more, pixel by pixel, noting every pixel's state
// before each bucket of 32 splats. Then each warp takes a bucket, a splat a lane, and the pixels
// stream through the warp: lane i has pixel s - i at step s and hands its state on to lane i + 1.
// So one thread meets all pixels of its splat and keeps the sums in registers.
#pragma once

#include "blend.cuh"

namespace gh::GH_ISA {

constexpr int kBucket = 32, kBuckets = kTilePixels / kBucket;

template <int CH>
struct SharedTile {
  SharedBatch<CH> batch;
  float T[kBuckets][kTilePixels], behind[kBuckets][kTilePixels];  // before each bucket
  float v_out[CH + 1][kTilePixels];                               // cotangents; the last is that of alpha
};

template <int CH>
struct SplatSums {
  float moments[kMoments] = {}, channels[CH] = {};
};

// What is behind the first splat: <v_out, out> + v_alpha alpha, of this pass's channels.
template <int CH>
__device__ float load_cotangents(const CudaScene& scene, const TileJob& job, const TilePixel& pixel,
                                 const Images& images, const ImageGradients& v, float (*v_out)[kTilePixels]) {
  float behind = 0.0f;
  for (int k = 0; k <= CH; ++k) {
    float value = 0.0f;
    if (pixel.inside && k < CH) {
      const int channel = job.first_channel + k;
      const float* g = channel_image<const float>(v, scene.first, pixel.index, channel);
      if (g) value = *g, behind += value * *channel_image<float>(images, scene.first, pixel.index, channel);
    } else if (pixel.inside && v.alpha && job.first_channel == 0) {
      value = v.alpha[pixel.index], behind += value * images.alpha[pixel.index];
    }
    v_out[k][threadIdx.x] = value;
  }
  return behind;
}

template <int CH>
__device__ inline float dot_cotangents(const float (*v_out)[kTilePixels], int pixel, const float* channels) {
  float along = v_out[CH][pixel];
  for (int k = 0; k < CH; ++k) along += v_out[k][pixel] * channels[k];
  return along;
}

// This thread's pixel through the batch, noting its state before each bucket.
template <int CH>
__device__ void blend_again(SharedTile<CH>& tile, float x, float y, int count, float& T, float& behind) {
  for (int bucket = 0; bucket * kBucket < count; ++bucket) {
    tile.T[bucket][threadIdx.x] = T, tile.behind[bucket][threadIdx.x] = behind;
    const int last = min(count, (bucket + 1) * kBucket);
    for (int j = bucket * kBucket; j < last && T > 0.0f; ++j) {
      const float* splat = tile.batch.header[j];
      const float power = log2_alpha(splat, x - splat[kX], y - splat[kY]);
      if (!(power >= kLog2AlphaMin)) continue;
      const auto step = blend_step(power, T);
      behind -= step.weight * dot_cotangents<CH>(tile.v_out, int(threadIdx.x), tile.batch.channels[j]);
      T = step.T;
    }
  }
}

// All pixels of the tile past this lane's splat. The whole warp comes, `splats` lanes have one.
template <int CH>
__device__ SplatSums<CH> stream_pixels(const SharedTile<CH>& tile, const TilePixel& pixel, int bucket, int splats) {
  SplatSums<CH> sums;
  const int lane = int(threadIdx.x) % 32;
  bool any = false;
  for (int p = lane; p < kTilePixels; p += 32) any |= tile.T[bucket][p] > 0.0f;
  if (!__any_sync(kFullWarp, any)) return sums;
  const int j = bucket * kBucket + min(lane, splats - 1);
  float splat[kLog2Opacity + 1], channels[CH];
  for (int k = 0; k <= kLog2Opacity; ++k) splat[k] = tile.batch.header[j][k];
  for (int k = 0; k < CH; ++k) channels[k] = tile.batch.channels[j][k];
  float T = -1.0f, behind = 0.0f;
  for (int s = 0; s < kTilePixels + splats - 1; ++s) {
    T = __shfl_up_sync(kFullWarp, T, 1), behind = __shfl_up_sync(kFullWarp, behind, 1);
    if (lane == 0) {
      T = s < kTilePixels ? tile.T[bucket][s] : -1.0f;
      behind = s < kTilePixels ? tile.behind[bucket][s] : 0.0f;
    }
    const int p = s - lane;  // within the tile wherever T > 0
    if (!(T > 0.0f) || lane >= splats) continue;
    const float dx = float(pixel.x0 + p % kTile) + 0.5f - splat[kX],
                dy = float(pixel.y0 + p / kTile) + 0.5f - splat[kY];
    const float power = log2_alpha(splat, dx, dy);
    if (!(power >= kLog2AlphaMin)) continue;
    const auto step = blend_step(power, T);
    const float along = dot_cotangents<CH>(tile.v_out, p, channels);
    behind -= step.weight * along;
    const float g = blend_step_vjp(power, T, step, along, behind), g_dx = g * dx, g_dy = g * dy;
    const float terms[kMoments] = {g, g_dx, g_dy, g_dx * dx, g_dx * dy, g_dy * dy};
    for (int k = 0; k < kMoments; ++k) sums.moments[k] += terms[k];
    for (int k = 0; k < CH; ++k) sums.channels[k] += step.weight * tile.v_out[k][p];
    T = step.T;
  }
  return sums;
}

// The first pass writes the moments, further ones add to them.
template <int CH>
__device__ void write_partial(float* row, int first_channel, const SplatSums<CH>& sums) {
  for (int k = 0; k < kMoments; ++k) row[k] = first_channel ? row[k] + sums.moments[k] : sums.moments[k];
  for (int k = 0; k < CH; ++k) row[kMoments + first_channel + k] = sums.channels[k];
}

// partials [pairs, partial_row]: gradient sums of each (splat, tile), in the order before sorting.
template <int CH>
__global__ void __launch_bounds__(kTilePixels)
    blend_tiles_vjp(CudaScene scene, TileJob job, Images images, ImageGradients v, float* partials) {
  __shared__ SharedTile<CH> tile;
  const TilePixel pixel = tile_pixel(scene);
  const uint32_t begin = job.ranges[blockIdx.x], end = job.ranges[blockIdx.x + 1];
  const float x = float(pixel.x) + 0.5f, y = float(pixel.y) + 0.5f;
  const int bucket = int(threadIdx.x) / kBucket, lane = int(threadIdx.x) % kBucket, row = scene.partial_row();
  float T = pixel.inside ? 1.0f : -1.0f;
  float behind = load_cotangents<CH>(scene, job, pixel, images, v, tile.v_out);
  uint32_t first = begin;
  for (; first < end; first += kTilePixels) {
    if (__syncthreads_count(T > 0.0f) == 0) break;  // also: everyone is done with the batch before
    if (first + threadIdx.x < end) tile.batch.load(scene, job, first + threadIdx.x);
    __syncthreads();
    const int count = int(min(uint32_t(kTilePixels), end - first));
    blend_again<CH>(tile, x, y, count, T, behind);
    __syncthreads();
    const int splats = min(kBucket, count - bucket * kBucket);
    if (splats <= 0) continue;
    const SplatSums<CH> sums = stream_pixels<CH>(tile, pixel, bucket, splats);
    if (lane >= splats) continue;
    write_partial<CH>(partials + int64_t(job.pairs[first + threadIdx.x]) * row, job.first_channel, sums);
  }
  for (uint32_t at = first + threadIdx.x; at < end; at += kTilePixels)  // behind what all pixels see
    write_partial<CH>(partials + int64_t(job.pairs[at]) * row, job.first_channel, SplatSums<CH>());
}

}  // namespace gh::GH_ISA
