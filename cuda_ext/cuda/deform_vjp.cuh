// Gradients of the deformation. Sums over moments run inside a thread, sums over Gaussians through rows: no atomics.
#pragma once

#include "pose_branch.cuh"
#include "sums.cuh"

namespace gh::GH_ISA {

constexpr int kMomentSums = kPoseSums + 9;  // of one moment: for the poses, then for the turn of the colours
static_assert(sizeof(PoseSums<float>) == kPoseSums * sizeof(float) && kMomentSums <= kThreads, "");

struct RestGradient {  // of one Gaussian, over the moments
  float mean[3] = {}, quat[4] = {}, log_scale[3] = {}, logit_opacity = 0.0f, colors[12] = {};
};

__device__ inline DeformCotangent<float> load_cotangent(const DeformCotangents& v, int64_t place) {
  DeformCotangent<float> c = {};
  for (int k = 0; v.means && k < 3; ++k) c.mean[k] = v.means[3 * place + k];
  for (int k = 0; v.quats && k < 4; ++k) c.quat[k] = v.quats[4 * place + k];
  for (int k = 0; v.scales && k < 3; ++k) c.scale[k] = v.scales[3 * place + k];
  if (v.opacities) c.opacity = v.opacities[place];
  return c;
}

// Adds to the gradient of the coefficients at rest and to that of the turn.
__device__ inline void turned_colors_vjp(const BranchView& b, const float* turn, int64_t n, const float* v_colors,
                                         float* v_rest, float* v_turn) {
  for (int k = 0; k < 3; ++k) v_rest[k] += v_colors[k];
  if (!b.degree1) return;
  const float *v = v_colors + 3, *shN = b.shN + 9 * n;
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j)
      for (int k = 0; k < 3; ++k) {
        v_rest[3 + 3 * j + k] += turn[3 * i + j] * v[3 * i + k];
        v_turn[3 * i + j] += v[3 * i + k] * shN[3 * j + k];
      }
}

__device__ inline void write_rest(const BranchView& b, const BranchGradients& out, int64_t n, const RestGradient& g) {
  for (int k = 0; out.means && k < 3; ++k) out.means[3 * n + k] = g.mean[k];
  for (int k = 0; out.quats && k < 4; ++k) out.quats[4 * n + k] = g.quat[k];
  for (int k = 0; out.log_scales && k < 3; ++k) out.log_scales[3 * n + k] = g.log_scale[k];
  if (out.logit_opacities && !b.logit_row) out.logit_opacities[n] = g.logit_opacity;
  for (int k = 0; out.sh0 && k < 3; ++k) out.sh0[3 * n + k] = g.colors[k];
  for (int k = 0; out.shN && b.degree1 && k < 9; ++k) out.shN[9 * n + k] = g.colors[3 + k];
}

// v_offsets [F, n, 9]; partials [F, warps, kMomentSums]: each warp's share of the poses' gradient, or null.
static __global__ void __launch_bounds__(kThreads)
    deform_branch_vjp(BranchView b, Moments moments, DeformCotangents v, BranchGradients out, float* v_offsets,
                      float* partials) {
  __shared__ SharedMoment shared;
  const int64_t n = int64_t(blockIdx.x) * kThreads + threadIdx.x;
  RestGradient rest;
  for (int f = 0; f < moments.frames; ++f) {
    load_moment(shared, moments.poses + 14 * f, b.torso_colors);
    float sums[kMomentSums] = {};
    if (n < b.N) {
      const int64_t place = int64_t(f) * moments.N + b.first + n;
      const RestGaussian<float> g = load_rest(b, f, n, v.moved + 3 * place, v.stretched + 6 * place);
      const DeformedGaussian<float> d = deform(g, shared.pose);
      const DeformCotangent<float> cotangent = load_cotangent(v, place);
      const DeformGradient<float> grad = deform_vjp(g, d, shared.pose, cotangent);
      float* target = v_offsets + (int64_t(f) * b.N + n) * kOffsets;
      for (int k = 0; k < 3; ++k) {
        target[k] = grad.mean[k], target[3 + k] = grad.turned[k], target[6 + k] = grad.log_scale[k];
        rest.mean[k] += grad.mean[k], rest.log_scale[k] += grad.log_scale[k];
      }
      for (int k = 0; k < 4; ++k) rest.quat[k] += grad.quat[k];
      rest.logit_opacity += grad.logit_opacity;
      if (out.logit_opacities && b.logit_row) out.logit_opacities[f * b.logit_row + n] = grad.logit_opacity;
      if (v.colors)
        turned_colors_vjp(b, shared.turn, n, v.colors + b.color_row() * place, rest.colors, sums + kPoseSums);
      PoseSums<float> pose = {};
      add_to_pose(g, d, cotangent, grad, pose);
      memcpy(sums, &pose, sizeof pose);
    }
    if (!partials) continue;
    const int warp = int(blockIdx.x) * (kThreads / 32) + int(threadIdx.x) / 32;
    float* row = partials + (int64_t(f) * gridDim.x * (kThreads / 32) + warp) * kMomentSums;
    for (int k = 0; k < kMomentSums; ++k) {
      const float sum = warp_sum(sums[k]);
      if (threadIdx.x % 32 == 0) row[k] = sum;
    }
  }
  if (n < b.N) write_rest(b, out, n, rest);
}

// v_basis[n][r][j] = sum over moments of v_offsets[f][n][r] c[f][j].
static __global__ void __launch_bounds__(kThreads)
    basis_vjp(BranchView b, int frames, const float* v_offsets, float* v_basis) {
  const int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= 3 * b.N * b.J) return;
  const int64_t row = i / b.J, n = row / 3;
  const int j = int(i % b.J), r = int(row % 3);
  float sum = 0.0f;
  for (int f = 0; f < frames; ++f)
    sum += v_offsets[(f * b.N + n) * kOffsets + r] * b.coefficients[int64_t(f) * b.J + j];
  v_basis[i] = sum;
}

constexpr int kChunk = 64;  // Gaussians whose share of the coefficients' gradient one block sums

// shares [F, chunks, J]: sums over a chunk's 9 rows of basis and stretch times their offsets' gradients.
static __global__ void __launch_bounds__(kThreads)
    coefficients_vjp(BranchView b, int frames, const float* v_offsets, float* shares) {
  __shared__ float sums[kThreads];
  const int chunks = int(gridDim.x) / frames, frame = int(blockIdx.x) / chunks, chunk = int(blockIdx.x) % chunks;
  const int groups = kThreads / b.J, group = int(threadIdx.x) / b.J, j = int(threadIdx.x) % b.J;
  const int64_t begin = int64_t(chunk) * kChunk, end = min(begin + kChunk, b.N);
  float sum = 0.0f;
  for (int64_t n = begin + group; group < groups && n < end; n += groups) {
    const float* v = v_offsets + (frame * b.N + n) * kOffsets;
    for (int r = 0; r < 3; ++r) sum += v[r] * b.basis[(3 * n + r) * b.J + j];
    for (int r = 0; r < 6; ++r) sum += v[3 + r] * b.stretch[(6 * n + r) * b.J + j];
  }
  sums[threadIdx.x] = sum;
  __syncthreads();
  if (group) return;
  for (int g = 1; g < groups; ++g) sum += sums[g * b.J + j];
  shares[int64_t(blockIdx.x) * b.J + j] = sum;
}

// Chain rule of the summed gradients, one moment a thread; sums [branches, F, kMomentSums].
static __global__ void __launch_bounds__(kThreads)
    poses_vjp(Moments moments, const float* sums, int branches, uint64_t torso_colors, float* v_poses) {
  const int f = int(blockIdx.x) * kThreads + int(threadIdx.x);
  if (f >= moments.frames) return;
  const BodyPose<double> pose = make_body_pose<double>(moments.poses + 14 * f);
  PoseSums<double> total = {};
  double numbers[kPoseSums] = {}, v_turn[2][9] = {};
  for (int i = 0; i < branches; ++i) {
    const float* row = sums + (int64_t(i) * moments.frames + f) * kMomentSums;
    for (int k = 0; k < kPoseSums; ++k) numbers[k] += double(row[k]);
    for (int k = 0; k < 9; ++k) v_turn[torso_colors >> i & 1][k] += double(row[kPoseSums + k]);
  }
  memcpy(&total, numbers, sizeof total);
  sh1_rotation_vjp(v_turn[0], total.head_R);
  sh1_rotation_vjp(v_turn[1], total.torso_R);
  for (double& value : total.torso_blend) value *= pose.flip;
  rigid_pose_vjp(pose.head, total.head_R, total.head_blend, total.head_position, v_poses + 14 * f);
  rigid_pose_vjp(pose.torso, total.torso_R, total.torso_blend, total.torso_position, v_poses + 14 * f + 7);
}

}  // namespace gh::GH_ISA
