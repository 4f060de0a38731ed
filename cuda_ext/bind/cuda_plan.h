// The plan of a CUDA rendering as Python holds it.
#pragma once

#include <stdexcept>

#include "../cuda/rasterizer.h"
#include "cuda_arrays.h"

namespace gh {

struct Plan {
  CudaPlan workspace;
};

// The plan's workspace for a call on a stream, taken now if it has none.
inline CudaWorkspace& ready(Plan& plan, int device, std::uintptr_t stream) {
  const cudaStream_t on = cuda_arrays::enter(device, stream);
  if (!plan.workspace) plan.workspace = take_workspace(device, on);
  if (plan.workspace->device != device) throw std::invalid_argument("this plan belongs to another device");
  return *plan.workspace;
}

}  // namespace gh
