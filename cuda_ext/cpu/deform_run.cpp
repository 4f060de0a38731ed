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

// Chain rule of the summed pose gradient; `sums` [branch][kDeformSums].
void pose_vjp(const BranchView* branches, int count, const float* pose_numbers,
              const std::vector<std::vector<double>>& sums, float* v_pose) {
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

void deform(const BranchView* branches, const DeformImages* out, int count, const float* pose, int threads) {
  const std::vector<Chunk> chunks = chunks_of(branches, count);
  const auto stage = active_stages().deform;
  const std::int64_t total = std::int64_t(chunks.size());
#pragma omp parallel for num_threads(threads) schedule(static)
  for (std::int64_t c = 0; c < total; ++c)
    stage(branches[chunks[c].branch], pose, out[chunks[c].branch], chunks[c].begin, chunks[c].end);
}

void deform_vjp(const BranchView* branches, const DeformCotangents* v, const BranchGradients* out, int count,
                const float* pose, float* v_pose, int threads) {
  const std::vector<Chunk> chunks = chunks_of(branches, count);
  int J = 0;
  for (int i = 0; i < count; ++i) J = std::max(J, branches[i].J);
  const std::size_t row = std::size_t(kDeformSums + J + 15) / 16 * 16;
  std::vector<float> partial(row * chunks.size());
  const auto stage = active_stages().deform_vjp;
  const std::int64_t total = std::int64_t(chunks.size());
#pragma omp parallel for num_threads(threads) schedule(static)
  for (std::int64_t c = 0; c < total; ++c) {
    const Chunk& chunk = chunks[c];
    stage(branches[chunk.branch], pose, v[chunk.branch], out[chunk.branch], v_pose != nullptr, partial.data() + row * c,
          chunk.begin, chunk.end);
  }
  std::vector<std::vector<double>> sums(count, std::vector<double>(kDeformSums + J));
  for (std::int64_t c = 0; c < total; ++c)
    for (int k = 0; k < kDeformSums + branches[chunks[c].branch].J; ++k)
      sums[chunks[c].branch][k] += double(partial[row * c + k]);
  for (int i = 0; i < count; ++i)
    if (out[i].coefficients)
      for (int j = 0; j < branches[i].J; ++j) out[i].coefficients[j] = float(sums[i][kDeformSums + j]);
  if (v_pose) pose_vjp(branches, count, pose, sums, v_pose);
}

}  // namespace gh
