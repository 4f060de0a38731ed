// The deformation of all branches at F moments and its run over threads.
#pragma once

#include "../core/branches.h"

namespace gh {

// Sums of one chunk of Gaussians: this many for the pose, then 9 of the colours' rotation, then J coefficients.
constexpr int kDeformPoseSums = 32;
constexpr int kDeformSums = kDeformPoseSums + 9;

void deform(const BranchView* branches, int count, const Moments& moments, const Deformed& out, int threads);
void deform_vjp(const BranchView* branches, const BranchGradients* out, int count, const Moments& moments,
                const DeformCotangents& v, float* v_poses /* [F, 14] or null */, int threads);

}  // namespace gh
