#include <nanobind/nanobind.h>
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
#include "cpu.h"
#include "raster_arrays.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace gh {

namespace {

using Cpu = nb::device::cpu;

class Plan {
 public:
  Plan() = default;
  Plan(const Plan&) = delete;
  std::vector<WorkspacePtr> cameras;
  Shape kept;  // of the scene that it was made from

  static Shape of(const Scene<Cpu>& s) { return {s.N(), s.D(), s.E(), s.width, s.height}; }
};

void require_one_set(const Scene<Cpu>& scene) {
  if (scene.gaussians_per_camera())
    throw std::invalid_argument("one set of Gaussians [N, 3] for all images was wanted.");
}

std::unique_ptr<Plan> forward(const Scene<Cpu>& scene, const Outputs<Cpu>& out, const Out<Cpu>& means2d,
                              const OutInt<Cpu>& radii, bool keep, int threads) {
  require_one_set(scene);
  out.require_fits(scene);
  require("means2d", means2d, {scene.cameras(), scene.N(), 2});
  require("radii", radii, scene.on_screen());
  auto plan = std::make_unique<Plan>();
  plan->kept = Plan::of(scene);
  for (int c = 0; c < scene.cameras(); ++c) {
    if (!keep) plan->cameras.clear();
    plan->cameras.push_back(take_workspace());
    plan->cameras.back()->forward(scene.camera(c), out.camera(scene, c), means2d.data() + 2 * scene.N() * c,
                                  radii.data() + scene.N() * c, keep, threads);
  }
  return plan;
}

void backward(Plan& plan, const Scene<Cpu>& scene, const Outputs<Cpu>& images, const Cotangents<Cpu>& v,
              const Gradients<Cpu>& out, int threads) {
  if (int(plan.cameras.size()) != scene.cameras()) throw std::logic_error("the forward pass kept nothing to go back");
  if (plan.kept != Plan::of(scene)) throw std::logic_error("this plan is of another scene");
  images.require_fits(scene), v.require_fits(scene), out.require_fits(scene);
  float *viewmats = data(out.viewmats), *backgrounds = data(out.backgrounds);
  for (int c = 0; c < scene.cameras(); ++c)
    plan.cameras[c]->backward(scene.camera(c), images.camera(scene, c), v.camera(scene, c), out.camera(scene, c),
                              viewmats ? viewmats + 16 * c : nullptr,
                              backgrounds ? backgrounds + scene.background_offset(c) : nullptr, threads);
}

nb::dict timings(const Plan& plan) {
  nb::dict seconds;
  if (plan.cameras.empty()) return seconds;
  const Timings& t = plan.cameras.back()->timings;
  seconds["project"] = t.project, seconds["sort"] = t.sort, seconds["bin"] = t.bin, seconds["blend"] = t.blend;
  seconds["blend_vjp"] = t.blend_vjp, seconds["project_vjp"] = t.project_vjp;
  return seconds;
}

nb::dict work(const Plan& plan, const Scene<Cpu>& scene) {
  nb::dict counts;
  if (plan.cameras.empty()) return counts;
  if (plan.kept != Plan::of(scene)) throw std::logic_error("this plan is of another scene");
  const Work w = plan.cameras.back()->count(scene.camera(scene.cameras() - 1));
  counts["pairs"] = w.pairs, counts["blocks"] = w.blocks, counts["fragments"] = w.fragments;
  return counts;
}

}  // namespace

void bind_cpu(nb::module_& m) {
  nb::class_<Plan>(m, "Plan", "What the backward pass needs; its memory is recycled when it is dropped.")
      .def("timings", &timings, "Seconds per stage of the latest camera.")
      .def("work", &work, "scene"_a, "What blending the latest camera took, for the scene that it was made from.");

  bind_arrays<Cpu>(m);
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
