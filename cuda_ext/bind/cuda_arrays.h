// What the CUDA bindings share: the device of their arrays, and being on it for the time of a call.
#pragma once

#include <cuda_runtime_api.h>

#include "../cuda/runtime.h"
#include "arrays.h"

namespace gh {

// A device and a stream of it for a call; afterwards the caller's device is current again.
class OnCuda {
 public:
  OnCuda(int device, std::uintptr_t stream)
      : guard_(device), device(device), stream(reinterpret_cast<cudaStream_t>(stream)) {}

 private:
  DeviceGuard guard_;

 public:
  const int device;
  const cudaStream_t stream;
};

}  // namespace gh
