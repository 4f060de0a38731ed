#include "deform.h"

#include <stdexcept>
#include <string>
#include <utility>

#include "deform_vjp.cuh"
#include "pose_branch.cuh"
#include "project.cuh"

namespace gh {

using namespace GH_ISA;

namespace {

__global__ void __launch_bounds__(kPosedThreads) deform_branch(BranchView b, Moments moments, Deformed out) {
  __shared__ SharedMoment shared;
  __shared__ float offsets[kPosedThreads][kOffsets];
  const PosedPlace at = posed_place(moments);
  load_moment(shared, moments.poses + 14 * at.frame, b.torso_colors);
  dot_offsets(b, at.frame, at.n0, offsets + threadIdx.x / 32 * 32);
  if (at.n >= b.N) return;
  const float* mine = offsets[threadIdx.x];
  const int64_t place = int64_t(at.frame) * moments.N + b.first + at.n;
  const DeformedGaussian<float> d = deform(load_rest(b, at.frame, at.n, mine, mine + 3), shared.pose);
  for (int k = 0; k < 3; ++k) out.means[3 * place + k] = d.mean[k], out.scales[3 * place + k] = d.scale[k];
  for (int k = 0; k < 4; ++k) out.quats[4 * place + k] = d.quat[k];
  out.opacities[place] = d.opacity;
  turned_colors(b, shared.turn, at.n, out.colors + b.color_row() * place);
  if (!out.moved) return;
  for (int k = 0; k < 3; ++k) out.moved[3 * place + k] = mine[k];
  for (int k = 0; k < 6; ++k) out.stretched[6 * place + k] = mine[3 + k];
}

__global__ void __launch_bounds__(kPosedThreads)
    project_branch(BranchView b, Moments moments, CudaScene scene, CudaSplats out) {
  __shared__ SharedMoment shared;
  __shared__ float offsets[kPosedThreads][kOffsets];
  const PosedPlace at = posed_place(moments);
  load_moment(shared, moments.poses + 14 * at.frame, b.torso_colors);
  dot_offsets(b, at.frame, at.n0, offsets + threadIdx.x / 32 * 32);
  if (at.n >= b.N) return;
  const float* mine = offsets[threadIdx.x];
  const DeformedGaussian<float> d = deform(load_rest(b, at.frame, at.n, mine, mine + 3), shared.pose);
  SceneView camera = scene.camera(at.frame);
  camera.covariances = false;
  const View<float> view = view_of(camera);
  LoadedGaussian g;
  for (int k = 0; k < 3; ++k) g.mean[k] = d.mean[k], g.form[4 + k] = d.scale[k];
  for (int k = 0; k < 4; ++k) g.form[k] = d.quat[k];
  g.opacity = d.opacity;
  float coefficients[12], basis[4], dir[3];
  turned_colors(b, shared.turn, at.n, coefficients);
  for (int k = 0; k < 3; ++k)  // from the camera, which stands at -R^T t
    dir[k] = d.mean[k] + view.R[k] * view.t[0] + view.R[3 + k] * view.t[1] + view.R[6 + k] * view.t[2];
  const auto seen = sh_direction(dir);
  basis[0] = kSh0, basis[1] = -kSh1 * seen.y, basis[2] = kSh1 * seen.z, basis[3] = -kSh1 * seen.x;
  const int64_t index = int64_t(at.frame) * moments.N + b.first + at.n;
  write_splat(scene, camera, view, g, index, out, [&](int k) {
    float color = kShOffset;
    for (int i = 0; i < (b.degree1 ? 4 : 1); ++i) color += basis[i] * coefficients[3 * i + k];
    return color < 0.0f ? 0.0f : color;  // a NaN stays one
  });
}

void check_branches(const std::vector<BranchView>& branches) {
  for (const BranchView& b : branches)
    if (b.J > kMostCoefficients)
      throw std::length_error("a branch is moved by " + std::to_string(b.J) + " coefficients; at most " +
                              std::to_string(kMostCoefficients) + " were wanted.");
}

unsigned posed_blocks(const BranchView& b, const Moments& moments) {
  return blocks_for(b.N, kPosedThreads) * unsigned(moments.frames);
}

}  // namespace

void cuda_deform(const std::vector<BranchView>& branches, const Moments& moments, const Deformed& out,
                 cudaStream_t stream) {
  for (const BranchView& b : branches)
    launch(deform_branch, posed_blocks(b, moments), kPosedThreads, stream, b, moments, out);
}

void cuda_deform_vjp(const std::vector<BranchView>& branches, const Moments& moments, const DeformCotangents& v,
                     const std::vector<BranchGradients>& out, float* v_poses, CudaWorkspace& workspace) {
  check_branches(branches);
  if (!moments.frames) return;
  const std::size_t frames = std::size_t(moments.frames);
  auto& [offsets_memory, partial_memory, sums_memory] = workspace.scratch;
  const cudaStream_t stream = workspace.stream;
  float* sums = v_poses ? sums_memory.get<float>(branches.size() * frames * kMomentSums, stream) : nullptr;
  for (std::size_t i = 0; i < branches.size(); ++i) {
    const BranchView& b = branches[i];
    auto* v_offsets = offsets_memory.get<float>(frames * b.N * kOffsets, stream);
    const int warps = int(blocks_for(b.N)) * (kThreads / 32);
    float* parts = v_poses ? partial_memory.get<float>(frames * warps * kMomentSums, stream) : nullptr;
    launch(deform_branch_vjp, blocks_for(b.N), kThreads, stream, b, moments, v, out[i], v_offsets, parts);
    if (v_poses)
      launch(sum_rows, unsigned(frames), kThreads, stream, parts, warps, kMomentSums, sums + i * frames * kMomentSums);
    if (out[i].basis)
      launch(basis_vjp, blocks_for(3 * b.N * b.J), kThreads, stream, b, moments.frames, v_offsets, out[i].basis);
    if (!out[i].coefficients || !b.J) continue;
    const int chunks = int(blocks_for(b.N, kChunk));
    auto* shares = partial_memory.get<float>(frames * chunks * b.J, stream);
    launch(coefficients_vjp, unsigned(frames) * chunks, kThreads, stream, b, moments.frames, v_offsets, shares);
    launch(sum_rows, unsigned(frames), kThreads, stream, shares, chunks, b.J, out[i].coefficients);
  }
  if (!v_poses) return;
  std::uint64_t torso_colors = 0;
  for (std::size_t i = 0; i < branches.size(); ++i) torso_colors |= std::uint64_t(branches[i].torso_colors) << i;
  launch(poses_vjp, blocks_for(moments.frames), kThreads, stream, moments, sums, int(branches.size()), torso_colors,
         v_poses);
}

HeadSource::HeadSource(std::vector<BranchView> branches, const Moments& moments)
    : branches_(std::move(branches)), moments_(moments) {}

void HeadSource::project(const CudaScene& scene, const CudaSplats& splats, cudaStream_t stream) const {
  if (scene.cameras != moments_.frames || scene.first.D != 3 || scene.first.E != 0 || scene.first.N != moments_.N)
    throw std::logic_error("the scene is not one image of three channels for every moment of the head");
  for (const BranchView& b : branches_)
    launch(project_branch, posed_blocks(b, moments_), kPosedThreads, stream, b, moments_, scene, splats);
}

}  // namespace gh
