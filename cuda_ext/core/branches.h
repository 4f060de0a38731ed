// The arrays of a head's deformation at F moments, for the CPU and for CUDA alike. All are row-major float32.
#pragma once

#include <stdint.h>

#include "config.h"

namespace gh {

struct BranchView {              // Gaussians that move alike
  const float* means;            // [N, 3]
  const float* quats;            // [N, 4] wxyz
  const float* log_scales;       // [N, 3]
  const float* logit_opacities;  // [N], or [F, N] where they change
  const float* sh0;              // [N, 1, 3]
  const float* shN;              // [N, B - 1, 3]
  const float* basis;            // [N, 3, J]
  const float* stretch;          // [N, 6, J]
  const float* head_weights;     // [N]
  const float* coefficients;     // [F, J] those that move this branch
  int64_t N, first;              // first: its place among the Gaussians of all branches
  int64_t logit_row;             // from a moment's opacities to the next one's: N, or 0
  int J;
  bool degree1;       // B is 4, else 1
  bool torso_colors;  // colours turn with the torso, else with the head

  GH_FN int color_row() const { return degree1 ? 12 : 3; }
};

struct Moments {
  const float* poses;  // [F, 14] head, then torso: quaternion and position
  int frames;
  int64_t N;  // Gaussians of all branches
};

struct Deformed {    // of all branches, one after the other, moment after moment
  float* means;      // [F, N, 3]
  float* quats;      // [F, N, 4]
  float* scales;     // [F, N, 3]
  float* opacities;  // [F, N]
  float* colors;     // [F, N, B, 3]
  float* moved;      // [F, N, 3] offsets kept for the backward pass, or null
  float* stretched;  // [F, N, 6] likewise
};

struct DeformCotangents {  // null where nothing flows back
  const float *means, *quats, *scales, *opacities, *colors;
  const float *moved, *stretched;  // as the forward pass kept them
};

// Of one branch, summed over the moments, but for opacities that change; null where not wanted.
struct BranchGradients {
  float *means, *quats, *log_scales, *logit_opacities, *sh0, *shN, *basis;
  float* coefficients;  // [F, J]
};

}  // namespace gh
