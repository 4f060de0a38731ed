// The VJP of blending one tile, without atomics: front to back once more, a pixel a thread, its state in registers.
//
// A warp walks the splats that reach its patch. What its 32 pixels give to one splat is summed by a transposed
// butterfly, which leaves each sum with two lanes, and laid into shared memory; after every kChunk splats the patches
// are added in their order, so the same bits come out every time.
#pragma once

#include "blend.cuh"

namespace gh::GH_ISA {

template <bool kWithPulls>
constexpr int kChunk = kWithPulls ? 32 : 64;  // splats whose sums lie in shared memory at once, 48 KiB at most
constexpr int kTerms = 16;                    // at least kMoments + CH + kPulls, a power of two below a warp
static_assert(kMoments + kGroup + kPulls <= kTerms, "");

// What is summed over a splat's pixels: moments, gradients of channels, and with kWithPulls the pulls.
template <int CH, bool kWithPulls>
constexpr int kSumsOf = kMoments + CH + (kWithPulls ? kPulls : 0);

template <int CH, bool kWithPulls>
struct SharedTile {
  SharedBatch<CH> batch;
  float sums[kPatches][kChunk<kWithPulls>][kSumsOf<CH, kWithPulls>];
  uint32_t given[kPatches][kChunk<kWithPulls> / kWarp];  // a bit for each splat that the patch gave something to
};

// A pixel between two splats: what is left of it, what is behind, and the cotangents of this pass's channels.
template <int CH>
struct PixelState {
  float x, y, T, behind;
  float v_out[CH + 1];  // the last is that of alpha
};

// Before the first splat <v_out, out> + v_alpha alpha, of this pass's channels, is behind.
template <int CH>
__device__ PixelState<CH> first_state(const CudaScene& scene, const TileJob& job, const TilePixel& pixel,
                                      const Images& images, const ImageGradients& v) {
  PixelState<CH> state = {float(pixel.x) + 0.5f, float(pixel.y) + 0.5f, pixel.inside ? 1.0f : -1.0f, 0.0f, {}};
  if (!pixel.inside) return state;
  for (int k = 0; k < CH; ++k) {
    const int channel = job.first_channel + k;
    const float* g = channel_image<const float>(v, scene.first, pixel.index, channel);
    if (!g) continue;
    state.v_out[k] = *g;
    state.behind += *g * *channel_image<float>(images, scene.first, pixel.index, channel);
  }
  if (v.alpha && job.first_channel == 0) {
    state.v_out[CH] = v.alpha[pixel.index];
    state.behind += state.v_out[CH] * images.alpha[pixel.index];
  }
  return state;
}

// Moves the pixel past one splat; `terms` are what it gives to the splat's sums, all 0 where the splat is too faint or
// the pixel finished. Returns whether it gives anything.
template <int CH, bool kWithPulls>
__device__ inline bool pass_splat(const float* splat, const float* channels, PixelState<CH>& pixel,
                                  float (&terms)[kTerms]) {
  const float dx = pixel.x - splat[kX], dy = pixel.y - splat[kY];
  const float power = log2_alpha(splat, dx, dy);
  const auto step = blend_step(power, pixel.T);
  float along = pixel.v_out[CH];
  for (int k = 0; k < CH; ++k) along += pixel.v_out[k] * channels[k];
  pixel.behind -= step.weight * along;
  const float g = blend_step_vjp(power, pixel.T, step, along, pixel.behind), g_dx = g * dx, g_dy = g * dy;
  terms[0] = g, terms[1] = g_dx, terms[2] = g_dy;
  terms[3] = g_dx * dx, terms[4] = g_dx * dy, terms[5] = g_dy * dy;
  for (int k = 0; k < CH; ++k) terms[kMoments + k] = step.weight * pixel.v_out[k];
  if constexpr (kWithPulls) pulls_of(splat, g, dx, dy, terms + kMoments + CH);
  pixel.T = step.T;
  return step.weight > 0.0f;
}

// Lanes 2k and 2k + 1 get the sum of all lanes' terms[k], k < N. Each round a lane keeps half of what it has and gives
// the other half to the lane across, which keeps that; a term without a partner is summed on both sides.
template <int N, int kHalf = kTerms / 2, int kAcross = kWarp / 2>
__device__ inline float transposed_sum(float (&terms)[kTerms]) {
  const bool upper = threadIdx.x & kAcross;
#pragma unroll
  for (int i = 0; i < kHalf; ++i) {
    if (i >= N) continue;
    const bool alone = i + kHalf >= N;
    const float kept = !alone && upper ? terms[i + kHalf] : terms[i];
    const float given = alone || upper ? terms[i] : terms[i + kHalf];
    terms[i] = kept + __shfl_xor_sync(kFullWarp, given, kAcross);
  }
  if constexpr (kHalf > 1)
    return transposed_sum<(N < kHalf ? N : kHalf), kHalf / 2, kAcross / 2>(terms);
  else
    return terms[0] + __shfl_xor_sync(kFullWarp, terms[0], 1);
}

// This warp's patch past the splats of one chunk.
template <int CH, bool kWithPulls>
__device__ inline void pass_chunk(SharedTile<CH, kWithPulls>& tile, int chunk, int count, PixelState<CH>& pixel) {
  const int lane = int(threadIdx.x) % kWarp, patch = int(threadIdx.x) / kWarp;
  for (int b = 0; b < kChunk<kWithPulls> / kWarp; ++b) {
    const int first = chunk + b * kWarp;
    uint32_t given = 0;
    const bool alive = first < count && __any_sync(kFullWarp, pixel.T > 0.0f);
    for (uint32_t left = alive ? tile.batch.seen(first, count) : 0; left; left &= left - 1) {
      const int at = __ffs(int(left)) - 1, j = first + at;
      float terms[kTerms];
      const bool any = pass_splat<CH, kWithPulls>(tile.batch.header[j], tile.batch.channels[j], pixel, terms);
      if (!__any_sync(kFullWarp, any)) continue;
      constexpr int kSums = kSumsOf<CH, kWithPulls>;
      const float sum = transposed_sum<kSums>(terms);
      if (lane % 2 == 0 && lane / 2 < kSums) tile.sums[patch][j - chunk][lane / 2] = sum;
      given |= 1u << at;
    }
    if (lane == 0) tile.given[patch][b] = given;
  }
}

// The first pass writes the moments, further ones add to them. (Pulls come in one pass, behind its channels: a sum of
// absolute values needs all channels at once.)
template <int CH>
__device__ inline void write_partial(float* row, int first_channel, int k, float sum) {
  if (k >= kMoments)
    row[first_channel + k] = sum;
  else
    row[k] = first_channel ? row[k] + sum : sum;
}

// partials [pairs, partial_row]: gradient sums of each (splat, tile), in the order before sorting.
template <int CH, bool kWithPulls>
__global__ void __launch_bounds__(kTilePixels, kWithPulls ? 4 : 0)
    blend_tiles_vjp(CudaScene scene, TileJob job, Images images, ImageGradients v, float* partials) {
  constexpr int kSums = kSumsOf<CH, kWithPulls>, kAtOnce = kChunk<kWithPulls>;
  __shared__ SharedTile<CH, kWithPulls> tile;
  const TilePixel place = tile_pixel(scene);
  const uint32_t begin = job.ranges[blockIdx.x], end = job.ranges[blockIdx.x + 1];
  const int row = scene.partial_row();
  PixelState<CH> pixel = first_state<CH>(scene, job, place, images, v);
  uint32_t first = begin;
  for (; first < end; first += kTilePixels) {
    if (__syncthreads_count(pixel.T > 0.0f) == 0) break;  // also: everyone is done with the batch before
    if (first + threadIdx.x < end) tile.batch.load(scene, job, place, first + threadIdx.x);
    __syncthreads();
    const int count = int(min(uint32_t(kTilePixels), end - first));
    for (int chunk = 0; chunk < count; chunk += kAtOnce) {
      pass_chunk<CH, kWithPulls>(tile, chunk, count, pixel);
      __syncthreads();
      for (int i = int(threadIdx.x); i < min(kAtOnce, count - chunk) * kSums; i += kTilePixels) {
        const int j = i / kSums, k = i % kSums;
        float sum = 0.0f;
        for (int p = 0; p < kPatches; ++p)
          if (tile.given[p][j / kWarp] >> j % kWarp & 1) sum += tile.sums[p][j][k];
        write_partial<CH>(partials + int64_t(job.pairs[first + chunk + j]) * row, job.first_channel, k, sum);
      }
      __syncthreads();
    }
  }
  for (uint32_t at = first + threadIdx.x; at < end; at += kTilePixels)  // behind what all pixels see
    for (int k = 0; k < kSums; ++k)
      write_partial<CH>(partials + int64_t(job.pairs[at]) * row, job.first_channel, k, 0.0f);
}

}  // namespace gh::GH_ISA
