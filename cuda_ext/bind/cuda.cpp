#include <cuda_runtime_api.h>
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/unique_ptr.h>

#include <cstdint>
#include <memory>
#include <stdexcept>

#include "../cuda/rasterizer.h"
#include "cpu.h"
#include "raster_arrays.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace gh {

namespace {

#if defined(GH_CUDA_EMULATION)
using Cuda = nb::device::cpu;  // the device of tests/cuda_emulation
#else
using Cuda = nb::device::cuda;
#endif

// Our CUDA runtime is linked statically and keeps its own current device.
cudaStream_t enter(const Scene<Cuda>& scene, std::uintptr_t stream) {
  if (cudaSetDevice(scene.viewmats.device_id()) != cudaSuccess)
    throw std::runtime_error("CUDA: cannot select the device");
  return reinterpret_cast<cudaStream_t>(stream);
}

CudaScene device_scene(const Scene<Cuda>& scene) {
  return {scene.camera(0), scene.cameras(), scene.colors_per_camera()};
}

std::unique_ptr<CudaPlan> forward(const Scene<Cuda>& scene, const Outputs<Cuda>& out, const Out<Cuda>& means2d,
                                  const OutInt<Cuda>& radii, bool /* keep: all stays on the device anyway */,
                                  std::uintptr_t stream) {
  const cudaStream_t on = enter(scene, stream);
  auto plan = std::make_unique<CudaPlan>();
  plan->forward(device_scene(scene), out.camera(scene, 0), means2d.data(), radii.data(), on);
  return plan;
}

void backward(CudaPlan& plan, const Scene<Cuda>& scene, const Outputs<Cuda>& images, const Cotangents<Cuda>& v,
              const Gradients<Cuda>& out, std::uintptr_t stream) {
  plan.backward(device_scene(scene), images.camera(scene, 0), v.camera(scene, 0), out.camera(scene, 0),
                out.viewmats ? out.viewmats->data() : nullptr, enter(scene, stream));
}

}  // namespace

void bind_cuda(nb::module_& m) {
  nb::class_<CudaPlan>(m, "Plan", "What the backward pass needs, on the device.");
  bind_arrays<Cuda>(m);
  m.def("forward", &forward, "scene"_a, "out"_a, "means2d"_a.noconvert(), "radii"_a.noconvert(), "keep"_a, "stream"_a,
        nb::call_guard<nb::gil_scoped_release>(), "Render all cameras of a scene into `out` on a CUDA stream.");
  m.def("backward", &backward, "plan"_a, "scene"_a, "images"_a, "v"_a, "out"_a, "stream"_a,
        nb::call_guard<nb::gil_scoped_release>(),
        "Gradients of a scene, written into `out`, except for those of the backgrounds.");
}

}  // namespace gh
