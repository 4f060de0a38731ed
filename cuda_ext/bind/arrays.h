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
#include <type_traits>
#include <vector>

namespace gh {

#if defined(GH_CUDA_EMULATION)
using Cuda = nanobind::device::cpu;  // the device of tests/cuda_emulation, whose arrays may come as numpy's too
#else
using Cuda = nanobind::device::cuda;
#endif

// Memory of a device as gaussian_head/kernels tells it: a tuple (address, device, "float32", sizes…). Nothing of it is
// owned: whoever calls keeps the tensors. (DLPack would cost 4 microseconds an array, and asks for a stream.)
template <class T>
class Placed {
 public:
  static constexpr std::size_t kMostAxes = 6;
  T* data() const { return data_; }
  std::size_t ndim() const { return ndim_; }
  std::size_t shape(std::size_t axis) const { return shape_[axis]; }
  int device_id() const { return device_; }

  bool read(PyObject* told) noexcept {
    if (!PyTuple_Check(told) || PyTuple_Size(told) < 3) return false;
    const std::size_t axes = std::size_t(PyTuple_Size(told)) - 3;
    const char* kind = PyUnicode_AsUTF8AndSize(PyTuple_GetItem(told, 2), nullptr);
    const char* wanted = std::is_same_v<std::remove_const_t<T>, float> ? "float32" : "int32";
    if (!kind || std::string(kind) != wanted || axes > kMostAxes) return PyErr_Clear(), false;
    data_ = static_cast<T*>(PyLong_AsVoidPtr(PyTuple_GetItem(told, 0)));
    device_ = int(PyLong_AsLong(PyTuple_GetItem(told, 1)));
    for (std::size_t i = 0; i < axes; ++i) shape_[i] = PyLong_AsSize_t(PyTuple_GetItem(told, Py_ssize_t(3 + i)));
    ndim_ = axes;
    return PyErr_Occurred() ? (PyErr_Clear(), false) : true;
  }
  template <class Array>
  void take(const Array& array) {
    data_ = array.data(), device_ = array.device_id(), ndim_ = array.ndim();
    for (std::size_t i = 0; i < ndim_; ++i) shape_[i] = array.shape(i);
  }

 private:
  T* data_ = nullptr;
  std::size_t ndim_ = 0, shape_[kMostAxes] = {};
  int device_ = 0;
};

#if defined(GH_CUDA_EMULATION)
template <class T, class Device>
using Crossing = Placed<T>;
#else
template <class T, class Device>
using Crossing =
    std::conditional_t<std::is_same_v<Device, Cuda>, Placed<T>, nanobind::ndarray<T, nanobind::c_contig, Device>>;
#endif
template <class Device>
using In = Crossing<const float, Device>;
template <class Device>
using Out = Crossing<float, Device>;
template <class Device>
using OutInt = Crossing<std::int32_t, Device>;
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

namespace nanobind::detail {

template <class T>
struct type_caster<gh::Placed<T>> {
  NB_TYPE_CASTER(gh::Placed<T>, const_name("tuple"))

  bool from_python(handle source, uint32_t flags, cleanup_list* cleanup) noexcept {
    if (value.read(source.ptr())) return true;
#if defined(GH_CUDA_EMULATION)
    make_caster<ndarray<T, c_contig, device::cpu>> array;
    if (!array.from_python(source, flags & ~uint32_t(cast_flags::convert), cleanup)) return false;
    value.take(array.value);
    return true;
#else
    (void)flags, (void)cleanup;
    return false;
#endif
  }
};

}  // namespace nanobind::detail
