// One branch at one moment, a thread for each Gaussian; its offsets are dot products of whole warps.
#pragma once

#include "../core/deform.h"
#include "../core/sh.h"
#include "deform.h"
#include "launch.cuh"

namespace gh::GH_ISA {

constexpr int kPosedThreads = 128;
constexpr int kOffsets = 9;   // 3 of the centre, a rotation vector, 3 log-scale changes
constexpr int kRowLanes = 8;  // threads that share a dot product

struct SharedMoment {
  BodyPose<float> pose;
  float turn[9];  // how SH coefficients of degree 1 turn
};

// The whole block comes.
__device__ inline void load_moment(SharedMoment& shared, const float* numbers, bool torso_colors) {
  __syncthreads();
  if (threadIdx.x == 0) {
    shared.pose = make_body_pose<float>(numbers);
    sh1_rotation(torso_colors ? shared.pose.torso.R : shared.pose.head.R, shared.turn);
  }
  __syncthreads();
}

// rows [count, J] times c: row r goes to out[r / per][at + r % per]. The whole warp comes.
__device__ inline void dot_rows(const float* rows, int count, int J, const float* c, int per, int at,
                                float (*out)[kOffsets]) {
  const int lane = int(threadIdx.x) % 32, group = lane / kRowLanes, column = lane % kRowLanes;
  for (int first = 0; first < count; first += 32 / kRowLanes) {
    const int r = first + group;
    float sum = 0.0f;
    if (r < count)
      for (int j = column; j < J; j += kRowLanes) sum += rows[int64_t(r) * J + j] * c[j];
    for (int offset = kRowLanes / 2; offset; offset /= 2) sum += __shfl_xor_sync(kFullWarp, sum, offset);
    if (r < count && column == 0) out[r / per][at + r % per] = sum;
  }
}

// Offsets of the warp's 32 Gaussians from n0 on, a row each in `out`. The whole warp comes.
__device__ inline void dot_offsets(const BranchView& b, int frame, int64_t n0, float (*out)[kOffsets]) {
  const int count = int(min(int64_t(32), max(b.N - n0, int64_t(0))));
  const float* c = b.coefficients + int64_t(frame) * b.J;
  dot_rows(b.basis + 3 * n0 * b.J, 3 * count, b.J, c, 3, 0, out);
  dot_rows(b.stretch + 6 * n0 * b.J, 6 * count, b.J, c, 6, 3, out);
  __syncwarp();
}

__device__ inline RestGaussian<float> load_rest(const BranchView& b, int frame, int64_t n, const float* moved,
                                                const float* stretched) {
  RestGaussian<float> g;
  for (int k = 0; k < 3; ++k) g.mean[k] = b.means[3 * n + k], g.log_scale[k] = b.log_scales[3 * n + k];
  for (int k = 0; k < 4; ++k) g.quat[k] = b.quats[4 * n + k];
  g.logit_opacity = b.logit_opacities[frame * b.logit_row + n], g.head_weight = b.head_weights[n];
  for (int k = 0; k < 3; ++k) g.moved[k] = moved[k], g.turned[k] = stretched[k], g.grown[k] = stretched[3 + k];
  return g;
}

// SH coefficients [B, 3] of Gaussian n in the world.
__device__ inline void turned_colors(const BranchView& b, const float* turn, int64_t n, float* colors) {
  for (int k = 0; k < 3; ++k) colors[k] = b.sh0[3 * n + k];
  if (!b.degree1) return;
  const float* shN = b.shN + 9 * n;
  for (int a = 0; a < 3; ++a)
    for (int k = 0; k < 3; ++k)
      colors[3 + 3 * a + k] = turn[3 * a] * shN[k] + turn[3 * a + 1] * shN[3 + k] + turn[3 * a + 2] * shN[6 + k];
}

// Blocks run moment by moment within a chunk of Gaussians, so that the bases come from the cache.
struct PosedPlace {
  int frame;
  int64_t n, n0;  // this thread's Gaussian, its warp's first
};

__device__ inline PosedPlace posed_place(const Moments& moments) {
  PosedPlace place;
  place.frame = int(blockIdx.x) % moments.frames;
  place.n = int64_t(blockIdx.x) / moments.frames * kPosedThreads + threadIdx.x;
  place.n0 = place.n - threadIdx.x % 32;
  return place;
}

}  // namespace gh::GH_ISA
