// The deformation of all branches over threads, in chunks whose sums never depend on the threads.
#include <algorithm>
#include <cstring>
#include <vector>

#include "../core/deform.h"
#include "rasterizer.h"

namespace gh {

namespace {

constexpr std::int64_t kDeformChunk = 512;  // Gaussians

struct Chunk {
  int branch;
  std::int64_t begin, end;
};

std::vector<Chunk> chunks_of(const BranchView* branches, int count) {
  std::vector<Chunk> chunks;
  for (int i = 0; i < count; ++i)
    for (std::int64_t n = 0; n < branches[i].N; n += kDeformChunk)
      chunks.push_back({i, n, std::min(n + kDeformChunk, branches[i].N)});
  return chunks;
}

template <class T>
T* at(T* rows, std::int64_t n) {
  return rows ? rows + n : nullptr;
}

// A branch, and arrays of all Gaussians, at one moment: from its own first Gaussian on.
BranchView at(const BranchView& branch, int frame) {
  BranchView one = branch;
  one.coefficients += std::int64_t(frame) * branch.J;
  one.logit_opacities += frame * branch.logit_row;
  return one;
}

BranchGradients at(const BranchGradients& gradients, const BranchView& branch, int frame) {
  BranchGradients one = gradients;
  one.logit_opacities = at(gradients.logit_opacities, frame * branch.logit_row);
  return one;
}

template <class Arrays>
Arrays at(const Arrays& a, const BranchView& branch, const Moments& moments, int frame) {
  const std::int64_t n = frame * moments.N + branch.first;
  return {at(a.means, 3 * n),
          at(a.quats, 4 * n),
          at(a.scales, 3 * n),
          at(a.opacities, n),
          at(a.colors, branch.color_row() * n),
          at(a.moved, 3 * n),
          at(a.stretched, 6 * n)};
}

using Sums = std::vector<std::vector<double>>;  // [branch][kDeformSums + J] of one moment

// Chain rule of the summed pose gradient.
void pose_vjp(const BranchView* branches, int count, const float* pose_numbers, const Sums& sums, float* v_pose) {
  using namespace generic;
  const BodyPose<double> pose = make_body_pose<double>(pose_numbers);
  PoseSums<double> total = {};
  double* numbers = reinterpret_cast<double*>(&total);
  for (int i = 0; i < count; ++i) {
    for (int k = 0; k < kPoseSums; ++k) numbers[k] += sums[i][k];
    sh1_rotation_vjp(sums[i].data() + kPoseSums, branches[i].torso_colors ? total.torso_R : total.head_R);
  }
  for (double& value : total.torso_blend) value *= pose.flip;
  rigid_pose_vjp(pose.head, total.head_R, total.head_blend, total.head_position, v_pose);
  rigid_pose_vjp(pose.torso, total.torso_R, total.torso_blend, total.torso_position, v_pose + 7);
}

}  // namespace

void deform(const BranchView* branches, int count, const Moments& moments, const Deformed& out, int threads) {
  const std::vector<Chunk> chunks = chunks_of(branches, count);
  const auto stage = active_stages().deform;
  const std::int64_t total = std::int64_t(chunks.size());
#pragma omp parallel for num_threads(threads) schedule(static)
  for (std::int64_t c = 0; c < total; ++c) {
    const Chunk& chunk = chunks[c];
    const BranchView& branch = branches[chunk.branch];
    for (int f = 0; f < moments.frames; ++f)
      stage(at(branch, f), moments.poses + 14 * f, at(out, branch, moments, f), chunk.begin, chunk.end);
  }
}

void deform_vjp(const BranchView* branches, const BranchGradients* out, int count, const Moments& moments,
                const DeformCotangents& v, float* v_poses, int threads) {
  const std::vector<Chunk> chunks = chunks_of(branches, count);
  int J = 0;
  for (int i = 0; i < count; ++i) J = std::max(J, branches[i].J);
  const std::size_t row = std::size_t(kDeformSums + J + 15) / 16 * 16;
  const int frames = moments.frames;
  std::vector<float> partial(row * chunks.size() * frames);
  const auto stage = active_stages().deform_vjp;
  const std::int64_t total = std::int64_t(chunks.size());
#pragma omp parallel for num_threads(threads) schedule(static)
  for (std::int64_t c = 0; c < total; ++c) {
    const Chunk& chunk = chunks[c];
    const BranchView& branch = branches[chunk.branch];
    for (int f = 0; f < frames; ++f)
      stage(at(branch, f), moments.poses + 14 * f, at(v, branch, moments, f), at(out[chunk.branch], branch, f),
            v_poses != nullptr, f > 0, partial.data() + row * (c * frames + f), chunk.begin, chunk.end);
  }
  for (int f = 0; f < frames; ++f) {
    Sums sums(count, std::vector<double>(kDeformSums + J));
    for (std::int64_t c = 0; c < total; ++c)
      for (int k = 0; k < kDeformSums + branches[chunks[c].branch].J; ++k)
        sums[chunks[c].branch][k] += double(partial[row * (c * frames + f) + k]);
    for (int i = 0; i < count; ++i)
      for (int j = 0; out[i].coefficients && j < branches[i].J; ++j)
        out[i].coefficients[std::int64_t(f) * branches[i].J + j] = float(sums[i][kDeformSums + j]);
    if (v_poses) pose_vjp(branches, count, moments.poses + 14 * f, sums, v_poses + 14 * f);
  }
}

}  // namespace gh
