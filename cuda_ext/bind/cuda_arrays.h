// What the CUDA bindings share: the device of their arrays, and entering it.
#pragma once

#include <cuda_runtime_api.h>
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <cstdint>
#include <optional>

#include "../cuda/runtime.h"

namespace gh::cuda_arrays {

#if defined(GH_CUDA_EMULATION)
using Cuda = nanobind::device::cpu;  // the device of tests/cuda_emulation
#else
using Cuda = nanobind::device::cuda;
#endif

using In = nanobind::ndarray<const float, nanobind::c_contig, Cuda>;
using Out = nanobind::ndarray<float, nanobind::c_contig, Cuda>;
using OutInt = nanobind::ndarray<std::int32_t, nanobind::c_contig, Cuda>;
using MaybeIn = std::optional<In>;
using MaybeOut = std::optional<Out>;
using MaybeOutInt = std::optional<OutInt>;

inline const float* data(const MaybeIn& array) { return array ? array->data() : nullptr; }
inline float* data(const MaybeOut& array) { return array ? array->data() : nullptr; }

// Our CUDA runtime is linked statically and keeps its own current device.
inline cudaStream_t enter(int device, std::uintptr_t stream) {
  check(cudaSetDevice(device), "selecting the device");
  return reinterpret_cast<cudaStream_t>(stream);
}

}  // namespace gh::cuda_arrays
