// The deformation of a head's branches at F moments on a CUDA device; see core/deform.h for the mathematics.
#pragma once

#include <cstdint>
#include <vector>

#include "rasterizer.h"
#include "runtime.h"

namespace gh {

struct CudaBranch {              // Gaussians that move alike
  const float* means;            // [n, 3]
  const float* quats;            // [n, 4] wxyz
  const float* log_scales;       // [n, 3]
  const float* logit_opacities;  // [n]
  const float* sh0;              // [n, 1, 3]
  const float* shN;              // [n, B - 1, 3]
  const float* basis;            // [n, 3, J]
  const float* stretch;          // [n, 6, J]
  const float* head_weights;     // [n]
  const float* coefficients;     // [F, J] those that move this branch
  std::int64_t count, first;     // first: its place among all N Gaussians
  int J;
  bool degree1;       // B is 4, else 1
  bool torso_colors;  // colours turn with the torso, else with the head

  GH_FN int color_row() const { return degree1 ? 12 : 3; }
};

struct CudaMoments {
  const float* poses;  // [F, 14] head, then torso: quaternion and position
  int frames;
  std::int64_t N;  // Gaussians of all branches
};

struct CudaDeformed {  // of all branches, one after the other, moment after moment
  float* means;        // [F, N, 3]
  float* quats;        // [F, N, 4]
  float* scales;       // [F, N, 3]
  float* opacities;    // [F, N]
  float* colors;       // [F, N, B, 3]
  float* moved;        // [F, N, 3] offsets kept for the backward pass, or null
  float* stretched;    // [F, N, 6] likewise
};

struct CudaDeformCotangents {  // null where nothing flows back
  const float *means, *quats, *scales, *opacities, *colors;
  const float *moved, *stretched;  // as the forward pass kept them
};

struct CudaBranchGradients {  // sums over the moments; null where not wanted
  float *means, *quats, *log_scales, *logit_opacities, *sh0, *shN, *basis;
  float* coefficients;  // [F, J]
};

constexpr int kMostCoefficients = 256;  // of one branch

void cuda_deform(const std::vector<CudaBranch>& branches, const CudaMoments& moments, const CudaDeformed& out,
                 cudaStream_t stream);
// v_poses [F, 14] may be null; the workspace lends its scratch memory and its stream.
void cuda_deform_vjp(const std::vector<CudaBranch>& branches, const CudaMoments& moments, const CudaDeformCotangents& v,
                     const std::vector<CudaBranchGradients>& out, float* v_poses, CudaWorkspace& workspace);

// A head as the source of splats: it is posed, coloured and projected in one kernel for every moment,
// and its deformed Gaussians are never written. Image c of the scene is moment c.
class HeadSource : public SplatSource {
 public:
  HeadSource(std::vector<CudaBranch> branches, const CudaMoments& moments);
  void project(const CudaScene& scene, const CudaSplats& splats, cudaStream_t stream) const override;

 private:
  std::vector<CudaBranch> branches_;
  CudaMoments moments_;
};

}  // namespace gh
