// The arrays of the deformation and its run over threads. All are row-major float32.
#pragma once

#include <stdint.h>

namespace gh {

struct BranchView {              // Gaussians that move alike, and this moment's coefficients
  const float* means;            // [N, 3]
  const float* quats;            // [N, 4] wxyz
  const float* log_scales;       // [N, 3]
  const float* logit_opacities;  // [N]
  const float* sh0;              // [N, 1, 3]
  const float* shN;              // [N, B - 1, 3]
  const float* basis;            // [N, 3, J]
  const float* stretch;          // [N, 6, J]
  const float* head_weights;     // [N]
  const float* coefficients;     // [J]
  int64_t N;
  int J;
  bool degree1;       // B is 4, else 1
  bool torso_colors;  // colours turn with the torso, else with the head
};

struct DeformImages {  // outputs of one branch, at its first Gaussian
  float* means;        // [N, 3]
  float* quats;        // [N, 4]
  float* scales;       // [N, 3]
  float* opacities;    // [N]
  float* colors;       // [N, B, 3]
  float* moved;        // [N, 3] offsets kept for the backward pass, or null
  float* stretched;    // [N, 6] likewise
};

struct DeformCotangents {  // null where nothing flows back
  const float *means, *quats, *scales, *opacities, *colors;
  const float *moved, *stretched;  // as the forward pass kept them
};

struct BranchGradients {  // outputs of the backward pass; null where not wanted
  float *means, *quats, *log_scales, *logit_opacities, *sh0, *shN, *basis;
  float* coefficients;  // [J]
};

// Sums of one chunk of Gaussians: this many for the pose, then 9 of the colours' rotation, then J coefficients.
constexpr int kDeformPoseSums = 32;
constexpr int kDeformSums = kDeformPoseSums + 9;

void deform(const BranchView* branches, const DeformImages* out, int count, const float* pose /* [14] */, int threads);
void deform_vjp(const BranchView* branches, const DeformCotangents* v, const BranchGradients* out, int count,
                const float* pose, float* v_pose /* [14] or null */, int threads);

}  // namespace gh
