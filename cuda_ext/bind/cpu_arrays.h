// Plain arrays as they come from Python: float32, C-contiguous, on the CPU, seen and written in place.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <optional>

namespace gh::cpu_arrays {

using In = nanobind::ndarray<const float, nanobind::c_contig, nanobind::device::cpu>;
using Out = nanobind::ndarray<float, nanobind::c_contig, nanobind::device::cpu>;
using MaybeIn = std::optional<In>;
using MaybeOut = std::optional<Out>;

inline const float* data(const MaybeIn& array) { return array ? array->data() : nullptr; }
inline float* data(const MaybeOut& array) { return array ? array->data() : nullptr; }

}  // namespace gh::cpu_arrays
