// The CUDA rasterizer as Python sees it. Arrays come checked from gaussian_head/raster.
#include <cstdint>
#include <stdexcept>

#include "../cuda/rasterizer.h"
#include "cpu.h"
#include "cuda_arrays.h"
#include "cuda_plan.h"
#include "raster_arrays.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace gh {

namespace {

// Gaussians may be [N, ...] or, different ones in every image, [C, N, ...].
CudaScene device_scene(const Scene<Cuda>& scene) {
  return {scene.camera(0), scene.cameras(), scene.colors_per_camera(), scene.gaussians_per_camera()};
}

Images images_of(const Outputs<Cuda>& out) {
  return {out.rgb.data(), out.alpha.data(), out.depth.data(), out.extra.data()};
}

// A plan that the caller keeps serves call after call; its memory and so the addresses in a captured graph stay.
void forward_into(Plan& plan, const Scene<Cuda>& scene, const Outputs<Cuda>& out, const Out<Cuda>& means2d,
                  const OutInt<Cuda>& radii, std::int64_t pair_capacity, std::uintptr_t stream) {
  if (pair_capacity < 0) throw std::invalid_argument("pair_capacity is negative; 0 or a number of pairs was wanted.");
  out.require_fits(scene);
  require("means2d", means2d, {scene.cameras(), scene.N(), 2});
  require("radii", radii, scene.on_screen());
  const OnCuda on(scene.viewmats.device_id(), stream);
  ready(plan, on).forward(device_scene(scene), images_of(out), means2d.data(), radii.data(), pair_capacity, on.stream);
}

Plan forward(const Scene<Cuda>& scene, const Outputs<Cuda>& out, const Out<Cuda>& means2d, const OutInt<Cuda>& radii,
             bool /* keep: all stays on the device anyway */, std::uintptr_t stream) {
  Plan plan;
  forward_into(plan, scene, out, means2d, radii, 0, stream);
  return plan;
}

CudaWorkspace& used(const Plan& plan) {
  if (!plan.workspace) throw std::logic_error("this plan has not rendered yet; call forward_into first.");
  return *plan.workspace;
}

void backward(Plan& plan, const Scene<Cuda>& scene, const Outputs<Cuda>& images, const Cotangents<Cuda>& v,
              const Gradients<Cuda>& out, std::uintptr_t stream) {
  const SceneGradients gradients = out.camera(scene, 0);
  const ImageGradients cotangents = {v.rgb ? v.rgb->data() : nullptr, v.alpha ? v.alpha->data() : nullptr,
                                     v.depth ? v.depth->data() : nullptr, v.extra ? v.extra->data() : nullptr};
  images.require_fits(scene), v.require_fits(scene), out.require_fits(scene);
  const OnCuda on(scene.viewmats.device_id(), stream);
  used(plan).backward(device_scene(scene), images_of(images), cotangents, gradients,
                      out.viewmats ? out.viewmats->data() : nullptr,
                      out.backgrounds ? out.backgrounds->data() : nullptr, on.stream);
}

}  // namespace

void bind_cuda_deform(nb::module_& m);
void bind_cuda_ssim(nb::module_& m);

void bind_cuda(nb::module_& m) {
  nb::class_<Plan>(m, "Plan", "Memory of a forward pass, and what its backward pass needs.")
      .def(nb::init<>())
      .def(
          "needed_pairs", [](const Plan& plan) { return used(plan).needed_pairs(); },
          nb::call_guard<nb::gil_scoped_release>(),
          "Pairs (splat, tile) of the latest forward pass; waits for the device. Too little room is no error then.")
      .def(
          "lacking", [](const Plan& plan) { return plan.workspace ? plan.workspace->lacking() : 0; },
          "Pairs that a forward pass needed beyond its room, so far as the device has told; nobody waits.")
      .def(
          "bytes", [](const Plan& plan) { return plan.workspace ? plan.workspace->bytes() : 0; },
          "Device memory that it holds.");
  bind_arrays<Cuda>(m);
  m.def("forward", &forward, "scene"_a, "out"_a, "means2d"_a.noconvert(), "radii"_a.noconvert(), "keep"_a, "stream"_a,
        nb::call_guard<nb::gil_scoped_release>(), "Render all images of a scene into `out` on a CUDA stream.");
  m.def("forward_into", &forward_into, "plan"_a, "scene"_a, "out"_a, "means2d"_a.noconvert(), "radii"_a.noconvert(),
        "pair_capacity"_a, "stream"_a, nb::call_guard<nb::gil_scoped_release>(),
        "`forward` with a plan of one's own; with a pair_capacity the host never waits.");
  m.def("backward", &backward, "plan"_a, "scene"_a, "images"_a, "v"_a, "out"_a, "stream"_a,
        nb::call_guard<nb::gil_scoped_release>(), "Gradients of a scene, written into `out`.");
  m.def("forget_graphs", &forget_graphs, "capture"_a = 0, nb::call_guard<nb::gil_scoped_release>(),
        "Free the memory of calls that were captured into graphs, when no such graph will be launched again: of one "
        "capture, or of all.");
  m.def(
      "capture_of", [](std::uintptr_t stream) { return capture_of(reinterpret_cast<cudaStream_t>(stream)); },
      "stream"_a, "The number of the capture that a stream is in; 0 where it is in none.");
  m.def(
      "trouble",
      [](int device) {
        const std::string text = cuda_trouble(device);
        return nb::str(text.c_str());
      },
      "device"_a, "What keeps the kernels from running on a device: its driver or architecture; else an empty text.");
  bind_cuda_deform(m);
  bind_cuda_ssim(m);
}

}  // namespace gh
