#include "cpu.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "../cpu/rasterizer.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace gh {

namespace {

using In = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;
using Out = nb::ndarray<float, nb::c_contig, nb::device::cpu>;
using OutInt = nb::ndarray<std::int32_t, nb::c_contig, nb::device::cpu>;

float* data(const std::optional<Out>& array) { return array ? array->data() : nullptr; }

// The arrays of one call, kept alive by Python while it runs.
struct Scene {
  In means, quats, scales, opacities, colors, extra, viewmats, Ks;
  std::optional<In> backgrounds;
  int width, height;
  float near_plane, far_plane, eps2d;

  int cameras() const { return int(viewmats.shape(0)); }
  int D() const { return int(colors.shape(colors.ndim() - 1)); }
  int E() const { return int(extra.shape(1)); }
  std::int64_t N() const { return std::int64_t(means.shape(0)); }
  std::size_t pixels() const { return std::size_t(width) * height; }
  // Colors are [N, D], or [C, N, D] where they depend on the view.
  std::size_t color_offset(int c) const { return colors.ndim() == 3 ? std::size_t(c) * N() * D() : 0; }

  SceneView camera(int c) const {
    return {means.data(),
            quats.data(),
            scales.data(),
            opacities.data(),
            colors.data() + color_offset(c),
            extra.data(),
            viewmats.data() + 16 * c,
            Ks.data() + 9 * c,
            backgrounds ? backgrounds->data() + std::size_t(c) * D() : nullptr,
            N(),
            D(),
            E(),
            width,
            height,
            near_plane,
            far_plane,
            eps2d};
  }
};

struct Outputs {
  Out rgb, alpha, depth, extra;

  Images camera(const Scene& scene, int c) const {
    const std::size_t offset = scene.pixels() * c;
    return {rgb.data() + offset * scene.D(), alpha.data() + offset, depth.data() + offset,
            extra.data() + offset * scene.E()};
  }
};

class Plan {
 public:
  Plan() = default;
  Plan(const Plan&) = delete;
  std::vector<WorkspacePtr> cameras;
};

std::unique_ptr<Plan> forward(const Scene& scene, const Outputs& out, const Out& means2d, const OutInt& radii,
                              bool keep, int threads) {
  auto plan = std::make_unique<Plan>();
  for (int c = 0; c < scene.cameras(); ++c) {
    if (!keep) plan->cameras.clear();
    plan->cameras.push_back(take_workspace());
    plan->cameras.back()->forward(scene.camera(c), out.camera(scene, c), means2d.data() + 2 * scene.N() * c,
                                  radii.data() + scene.N() * c, keep, threads);
  }
  return plan;
}

struct Cotangents {
  std::optional<In> rgb, alpha, depth, extra;

  ImageGradients camera(const Scene& scene, int c) const {
    const std::size_t offset = scene.pixels() * c;
    return {rgb ? rgb->data() + offset * scene.D() : nullptr, alpha ? alpha->data() + offset : nullptr,
            depth ? depth->data() + offset : nullptr, extra ? extra->data() + offset * scene.E() : nullptr};
  }
};

struct Gradients {
  Out means, quats, scales, opacities, colors, extra, means2d;
  std::optional<Out> viewmats, backgrounds;

  SceneGradients camera(const Scene& scene, int c) const {
    SceneGradients g = {means.data(),
                        quats.data(),
                        scales.data(),
                        opacities.data(),
                        colors.data() + scene.color_offset(c),
                        extra.data(),
                        means2d.data() + 2 * scene.N() * c,
                        c > 0};
    return g;
  }
};

void backward(Plan& plan, const Scene& scene, const Outputs& images, const Cotangents& v, const Gradients& out,
              int threads) {
  if (int(plan.cameras.size()) != scene.cameras()) throw std::logic_error("the forward pass kept nothing to go back");
  float *viewmats = data(out.viewmats), *backgrounds = data(out.backgrounds);
  for (int c = 0; c < scene.cameras(); ++c)
    plan.cameras[c]->backward(scene.camera(c), images.camera(scene, c), v.camera(scene, c), out.camera(scene, c),
                              viewmats ? viewmats + 16 * c : nullptr,
                              backgrounds ? backgrounds + std::size_t(c) * scene.D() : nullptr, threads);
}

nb::dict timings(const Plan& plan) {
  nb::dict seconds;
  if (plan.cameras.empty()) return seconds;
  const Timings& t = plan.cameras.back()->timings;
  seconds["project"] = t.project, seconds["sort"] = t.sort, seconds["bin"] = t.bin, seconds["blend"] = t.blend;
  seconds["blend_vjp"] = t.blend_vjp, seconds["project_vjp"] = t.project_vjp;
  return seconds;
}

}  // namespace

void bind_cpu(nb::module_& m) {
  nb::class_<Plan>(m, "Plan", "What the backward pass needs; its memory is recycled when it is dropped.")
      .def("timings", &timings, "Seconds per stage of the latest camera.");

  nb::class_<Scene>(m, "Scene")
      .def(nb::init<In, In, In, In, In, In, In, In, std::optional<In>, int, int, float, float, float>(),
           "means"_a.noconvert(), "quats"_a.noconvert(), "scales"_a.noconvert(), "opacities"_a.noconvert(),
           "colors"_a.noconvert(), "extra"_a.noconvert(), "viewmats"_a.noconvert(), "Ks"_a.noconvert(),
           "backgrounds"_a.noconvert().none(), "width"_a, "height"_a, "near_plane"_a, "far_plane"_a, "eps2d"_a);
  nb::class_<Outputs>(m, "Outputs")
      .def(nb::init<Out, Out, Out, Out>(), "rgb"_a.noconvert(), "alpha"_a.noconvert(), "depth"_a.noconvert(),
           "extra"_a.noconvert());
  nb::class_<Cotangents>(m, "Cotangents")
      .def(nb::init<std::optional<In>, std::optional<In>, std::optional<In>, std::optional<In>>(),
           "rgb"_a.noconvert().none(), "alpha"_a.noconvert().none(), "depth"_a.noconvert().none(),
           "extra"_a.noconvert().none());
  nb::class_<Gradients>(m, "Gradients")
      .def(nb::init<Out, Out, Out, Out, Out, Out, Out, std::optional<Out>, std::optional<Out>>(), "means"_a.noconvert(),
           "quats"_a.noconvert(), "scales"_a.noconvert(), "opacities"_a.noconvert(), "colors"_a.noconvert(),
           "extra"_a.noconvert(), "means2d"_a.noconvert(), "viewmats"_a.noconvert().none(),
           "backgrounds"_a.noconvert().none());

  m.def("forward", &forward, "scene"_a, "out"_a, "means2d"_a.noconvert(), "radii"_a.noconvert(), "keep"_a, "threads"_a,
        nb::call_guard<nb::gil_scoped_release>(), "Render all cameras of a scene into `out`.");
  m.def("backward", &backward, "plan"_a, "scene"_a, "images"_a, "v"_a, "out"_a, "threads"_a,
        nb::call_guard<nb::gil_scoped_release>(), "Gradients of a scene, written into `out`.");
  m.def("instruction_sets", [] {
    std::vector<std::string> names;
    for (const Stages* stages : available_stages()) names.push_back(stages->name);
    return names;
  });
  m.def("instruction_set", [] { return std::string(active_stages().name); });
  m.def("use_instruction_set", [](const std::string& name) {
    if (!choose_stages(name.c_str())) throw nb::value_error(("no instruction set " + name + " here").c_str());
  });
}

}  // namespace gh
