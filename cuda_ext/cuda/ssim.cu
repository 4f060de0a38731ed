// One block blurs one channel of 16 x 16 pixels: across into shared memory, then down, then combines.
#include "ssim.h"

#include "../core/ssim.h"
#include "launch.cuh"

namespace gh {

using namespace GH_ISA;

namespace {

constexpr int kTaps = kSsimTaps, kReach = kTaps / 2;
constexpr int kWindow = kTile + 2 * kReach;

struct SsimBlock {
  int x0, y0, channel;
  int H, W, C;

  __device__ explicit SsimBlock(const SsimView& view) : H(view.H), W(view.W), C(view.C) {
    const int across = (W + kTile - 1) / kTile, down = (H + kTile - 1) / kTile,
              tile = int(blockIdx.x) % (across * down);
    x0 = tile % across * kTile, y0 = tile / across * kTile, channel = int(blockIdx.x) / (across * down);
  }
  // Where pixel (column, row) of the block lies, or -1 outside of the picture.
  __device__ int64_t place(int column, int row) const {
    const int x = x0 + column, y = y0 + row;
    return x >= 0 && x < W && y >= 0 && y < H ? (int64_t(y) * W + x) * C + channel : -1;
  }
};

template <int Q>
struct SharedWindow {
  float raw[Q][kWindow][kWindow], across[Q][kWindow][kTile];
};

// Blurs Q quantities; `quantities(place, out)` gives those of a pixel inside the picture. The whole block comes.
template <int Q, class F>
__device__ void blur(const SsimBlock& block, const float* taps, SharedWindow<Q>& shared, float* out,
                     const F& quantities) {
  for (int i = int(threadIdx.x); i < kWindow * kWindow; i += kTilePixels) {
    const int column = i % kWindow, row = i / kWindow;
    const int64_t place = block.place(column - kReach, row - kReach);
    float values[Q] = {};
    if (place >= 0) quantities(place, values);
    for (int q = 0; q < Q; ++q) shared.raw[q][row][column] = values[q];
  }
  __syncthreads();
  for (int i = int(threadIdx.x); i < kWindow * kTile; i += kTilePixels)
    for (int q = 0; q < Q; ++q) {
      float sum = 0.0f;
      for (int t = 0; t < kTaps; ++t) sum += taps[t] * shared.raw[q][i / kTile][i % kTile + t];
      shared.across[q][i / kTile][i % kTile] = sum;
    }
  __syncthreads();
  for (int q = 0; q < Q; ++q) {
    float sum = 0.0f;
    for (int t = 0; t < kTaps; ++t)
      sum += taps[t] * shared.across[q][int(threadIdx.x) / kTile + t][int(threadIdx.x) % kTile];
    out[q] = sum;
  }
}

__global__ void __launch_bounds__(kTilePixels)
    map_block(SsimView view, float* similarity, SsimPartials partials, bool keep) {
  __shared__ SharedWindow<4> shared;
  const SsimBlock block(view);
  float means[4];
  blur<4>(block, view.taps, shared, means, [&](int64_t place, float* q) {
    const float a = view.a[place], b = view.b[place];
    q[0] = a, q[1] = b, q[2] = a * a + b * b, q[3] = a * b;
  });
  const int64_t place = block.place(int(threadIdx.x) % kTile, int(threadIdx.x) / kTile);
  if (place < 0) return;
  const auto pixel = ssim_pixel<float>({means[0], means[1], means[2], means[3]}, {view.c1, view.c2});
  similarity[place] = pixel.similarity;
  if (!keep) return;
  partials.mean_a[place] = pixel.partial.a, partials.squares[place] = pixel.partial.squares;
  partials.product[place] = pixel.partial.product;
  if (partials.mean_b) partials.mean_b[place] = pixel.partial.b;
}

// Q is 3, or 4 where b takes a gradient too.
template <int Q>
__global__ void __launch_bounds__(kTilePixels)
    map_block_vjp(SsimView view, SsimPartials partials, const float* v_similarity, float* v_a, float* v_b) {
  __shared__ SharedWindow<Q> shared;
  const SsimBlock block(view);
  float blurred[Q];
  blur<Q>(block, view.taps, shared, blurred, [&](int64_t place, float* q) {
    const float v = v_similarity[place];
    q[0] = v * partials.mean_a[place], q[1] = v * partials.squares[place], q[2] = v * partials.product[place];
    if (Q == 4) q[Q - 1] = v * partials.mean_b[place];
  });
  const int64_t place = block.place(int(threadIdx.x) % kTile, int(threadIdx.x) / kTile);
  if (place < 0) return;
  const float a = view.a[place], b = view.b[place];
  v_a[place] = blurred[0] + 2.0f * a * blurred[1] + b * blurred[2];
  if (Q == 4) v_b[place] = blurred[Q - 1] + 2.0f * b * blurred[1] + a * blurred[2];
}

unsigned blocks_of(const SsimView& view) {
  return unsigned((view.W + kTile - 1) / kTile) * ((view.H + kTile - 1) / kTile) * view.C;
}

}  // namespace

void cuda_ssim(const SsimView& view, float* similarity, const SsimPartials* partials, cudaStream_t stream) {
  launch(map_block, blocks_of(view), kTilePixels, stream, view, similarity, partials ? *partials : SsimPartials{},
         partials != nullptr);
}

void cuda_ssim_vjp(const SsimView& view, const SsimPartials& partials, const float* v_similarity, float* v_a,
                   float* v_b, cudaStream_t stream) {
  launch(v_b ? map_block_vjp<4> : map_block_vjp<3>, blocks_of(view), kTilePixels, stream, view, partials, v_similarity,
         v_a, v_b);
}

}  // namespace gh
