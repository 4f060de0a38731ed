// Gradients of the Gaussians from the rows that the tiles left.
#pragma once

#include "project.cuh"
#include "sums.cuh"

namespace gh::GH_ISA {

constexpr int kSumLanes = 16;  // threads that share one Gaussian's rows, a column each
constexpr int kViewNumbers = 16;

// moments [C N, partial_row]: sums over the rows of each splat's pairs, always in the order of its pairs.
static __global__ void __launch_bounds__(kThreads)
    sum_partials(CudaScene scene, const uint64_t* counts, const uint64_t* offsets, uint64_t capacity,
                 const float* partials, float* moments) {
  const int64_t index = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) / kSumLanes;
  if (index >= scene.splats() || counts[index] == 0) return;
  const int row = scene.partial_row(), used = scene.sums();
  const uint64_t begin = offsets[index], end = min(begin + counts[index], capacity);
  for (int k = threadIdx.x % kSumLanes; k < used; k += kSumLanes) {
    float sums[4] = {};  // four loads on their way at once
    uint64_t pair = begin;
    for (; pair + 4 <= end; pair += 4)
      for (int i = 0; i < 4; ++i) sums[i] += partials[(pair + i) * row + k];
    for (; pair < end; ++pair) sums[0] += partials[pair * row + k];
    moments[index * row + k] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  }
}

__device__ inline void put(float* target, float value, bool accumulate) {
  *target = accumulate ? *target + value : value;
}

// One image's share of a Gaussian's gradient; returns false where it is not seen.
struct GaussianShare {
  ProjectionGradient<float> grad;
  ProjectionCotangent<float> v;
  float opacity;
};

__device__ inline GaussianShare share_of(const SceneView& camera, int64_t n, const float* m) {
  const LoadedGaussian g = load_gaussian(camera, n);
  const View<float> view = view_of(camera);
  const auto p = project(g.mean, g.form, camera.covariances, view, camera.eps2d);
  GaussianShare share;
  share.v = cotangent_of_moments(p, m, m[kMoments + camera.D + camera.E]);
  share.grad = project_vjp(g.mean, p, camera.covariances, view, share.v);
  share.opacity = m[0] / g.opacity;
  return share;
}

// A block serves one set of Gaussians: the only one, seen by all images, or that of one image.
// view_partials [C, warps per set, 16]: each warp's part of the gradient of the view matrices, or null.
static __global__ void __launch_bounds__(kThreads)
    project_gaussians_vjp(CudaScene scene, int blocks_per_set, const uint64_t* counts, const float* moments,
                          SceneGradients out, float* view_partials) {
  const int64_t N = scene.first.N, set = blockIdx.x / blocks_per_set;
  const int block = blockIdx.x % blocks_per_set;
  const int64_t n = int64_t(block) * blockDim.x + threadIdx.x, place = set * N + n;
  const bool active = n < N, each = scene.gaussians_per_camera;
  const int D = scene.first.D, E = scene.first.E, row = scene.partial_row();
  const int first = each ? int(set) : 0, last = each ? int(set) : scene.cameras - 1;
  ProjectionGradient<float> total = {};
  float v_opacity = 0.0f;
  for (int c = first; c <= last; ++c) {
    const int64_t index = c * N + n;
    float share_of_view[kViewNumbers] = {};
    if (active) {
      const bool drawn = counts[index] != 0;
      const float* m = moments + index * row;
      const bool own_colors = each || scene.colors_per_camera;
      float *v_colors = out.colors + (own_colors ? index : n) * D, *v_extra = out.extra + (each ? index : n) * E;
      for (int k = 0; k < D; ++k) put(v_colors + k, drawn ? m[kMoments + k] : 0.0f, !own_colors && c > first);
      for (int k = 0; k < E; ++k) put(v_extra + k, drawn ? m[kMoments + D + k] : 0.0f, c > first);
      float screen[2] = {};
      if (drawn) {
        const GaussianShare share = share_of(scene.camera(c), n, m);
        for (int k = 0; k < 3; ++k) total.mean[k] += share.grad.mean[k];
        for (int k = 0; k < kForm; ++k) total.form[k] += share.grad.form[k];
        v_opacity += share.opacity;
        screen[0] = share.v.x, screen[1] = share.v.y;
        for (int k = 0; k < 9; ++k) share_of_view[4 * (k / 3) + k % 3] = share.grad.R[k];
        for (int k = 0; k < 3; ++k) share_of_view[4 * k + 3] = share.grad.t[k];
      }
      out.means2d[2 * index] = screen[0], out.means2d[2 * index + 1] = screen[1];
      for (int k = 0; scene.pulls && k < kPulls; ++k)
        out.absgrad[kPulls * index + k] = drawn ? m[kMoments + scene.first.channels() + k] : 0.0f;
    }
    if (!view_partials) continue;
    const int warps = blocks_per_set * (kThreads / 32), warp = block * (kThreads / 32) + threadIdx.x / 32;
    float* target = view_partials + (int64_t(c) * warps + warp) * kViewNumbers;
    for (int k = 0; k < kViewNumbers; ++k) {
      const float sum = warp_sum(share_of_view[k]);
      if (threadIdx.x % 32 == 0) target[k] = sum;
    }
  }
  if (!active) return;
  for (int k = 0; k < 3; ++k) out.means[3 * place + k] = total.mean[k];
  if (scene.first.covariances) {
    for (int k = 0; k < kCovariance; ++k) out.quats[kCovariance * place + k] = total.form[k];
  } else {
    for (int k = 0; k < 4; ++k) out.quats[4 * place + k] = total.form[k];
    for (int k = 0; k < 3; ++k) out.scales[3 * place + k] = total.form[4 + k];
  }
  out.opacities[place] = v_opacity;
}

// v_plates [C, H, W, D].
static __global__ void __launch_bounds__(kThreads)
    plates_vjp(CudaScene scene, const float* alpha, const float* v_rgb, float* v_plates) {
  const int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x;
  if (i < scene.cameras * scene.first.pixels() * scene.first.D)
    v_plates[i] = (1.0f - alpha[i / scene.first.D]) * v_rgb[i];
}

constexpr int kBackgroundChunks = 64;  // blocks that share the pixels of one image

// partials [C, kBackgroundChunks, D]: sums of (1 - alpha) v_rgb over the pixels of each chunk.
static __global__ void __launch_bounds__(kThreads)
    background_vjp(CudaScene scene, const float* alpha, const float* v_rgb, float* partials) {
  __shared__ float sums[kThreads / 32];
  const int c = blockIdx.x / kBackgroundChunks, chunk = blockIdx.x % kBackgroundChunks, D = scene.first.D;
  const int64_t pixels = scene.first.pixels();
  for (int k = 0; k < D; ++k) {
    float sum = 0.0f;
    for (int64_t i = int64_t(chunk) * kThreads + threadIdx.x; i < pixels; i += int64_t(kBackgroundChunks) * kThreads)
      sum += (1.0f - alpha[c * pixels + i]) * v_rgb[(c * pixels + i) * D + k];
    sum = warp_sum(sum);
    if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = sum;
    __syncthreads();
    if (threadIdx.x == 0) {
      for (int w = 1; w < kThreads / 32; ++w) sum += sums[w];
      partials[int64_t(blockIdx.x) * D + k] = sum;
    }
    __syncthreads();
  }
}

}  // namespace gh::GH_ISA
