// The deformation of a head's branches at F moments on a CUDA device; see core/deform.h for the mathematics.
#pragma once

#include <cstdint>
#include <vector>

#include "../core/branches.h"
#include "rasterizer.h"
#include "runtime.h"

namespace gh {

constexpr int kMostCoefficients = 256;  // of one branch

void cuda_deform(const std::vector<BranchView>& branches, const Moments& moments, const Deformed& out,
                 cudaStream_t stream);
// v_poses [F, 14] may be null; the workspace lends its scratch memory and its stream.
void cuda_deform_vjp(const std::vector<BranchView>& branches, const Moments& moments, const DeformCotangents& v,
                     const std::vector<BranchGradients>& out, float* v_poses, CudaWorkspace& workspace);

// A head as the source of splats: it is posed, coloured and projected in one kernel for every moment,
// and its deformed Gaussians are never written. Image c of the scene is moment c.
class HeadSource : public SplatSource {
 public:
  HeadSource(std::vector<BranchView> branches, const Moments& moments);
  void project(const CudaScene& scene, const CudaSplats& splats, cudaStream_t stream) const override;

 private:
  std::vector<BranchView> branches_;
  Moments moments_;
};

}  // namespace gh
