// The plan of a CUDA rendering as Python holds it.
#pragma once

#include "../cuda/rasterizer.h"
#include "cuda_arrays.h"

namespace gh {

struct Plan {
  CudaPlan workspace;
};

// The plan's workspace for a call, taken now if it has none.
inline CudaWorkspace& ready(Plan& plan, const OnCuda& on) {
  if (!plan.workspace) plan.workspace = take_workspace(on.device, on.stream);
  if (plan.workspace->device != on.device) throw std::invalid_argument("this plan belongs to another device");
  return *plan.workspace;
}

}  // namespace gh
