// Arrays as they come from Python: float32, C-contiguous, seen and written in place. Whatever their shape is not
// proven to be is proven here, before a pointer is taken: a wrong one is a ValueError, never a stray read.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace gh {

template <class Device>
using In = nanobind::ndarray<const float, nanobind::c_contig, Device>;
template <class Device>
using Out = nanobind::ndarray<float, nanobind::c_contig, Device>;
template <class Device>
using OutInt = nanobind::ndarray<std::int32_t, nanobind::c_contig, Device>;
template <class Device>
using MaybeIn = std::optional<In<Device>>;
template <class Device>
using MaybeOut = std::optional<Out<Device>>;

template <class Array>
auto data(const std::optional<Array>& array) {
  return array ? array->data() : nullptr;
}

using Shape = std::vector<std::int64_t>;  // -1: any size

template <class Array>
void require(const char* name, const Array& array, const Shape& wanted) {
  bool fits = array.ndim() == wanted.size();
  for (std::size_t i = 0; fits && i < wanted.size(); ++i)
    fits = wanted[i] < 0 || std::int64_t(array.shape(i)) == wanted[i];
  if (fits) return;
  std::string text = std::string(name) + " has shape [";
  for (std::size_t i = 0; i < array.ndim(); ++i) text += (i ? ", " : "") + std::to_string(array.shape(i));
  text += "]; [";
  for (std::size_t i = 0; i < wanted.size(); ++i)
    text += (i ? ", " : "") + (wanted[i] < 0 ? "any" : std::to_string(wanted[i]));
  throw std::invalid_argument(text + "] was wanted.");
}

template <class Array>
void require(const char* name, const std::optional<Array>& array, const Shape& wanted) {
  if (array) require(name, *array, wanted);
}

}  // namespace gh
