// The deformation as Python sees it. Arrays come checked from gaussian_head/head/fused.py.
#include <nanobind/stl/vector.h>

#include <vector>

#include "../cpu/deform.h"
#include "cpu.h"
#include "cpu_arrays.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace gh {

namespace {

using namespace cpu_arrays;

// The arrays of one branch, kept alive by Python while it runs.
struct DeformBranch {
  In means, quats, log_scales, logit_opacities, sh0, shN, basis, stretch, head_weights, coefficients;
  bool torso_colors;

  BranchView view() const {
    return {means.data(),
            quats.data(),
            log_scales.data(),
            logit_opacities.data(),
            sh0.data(),
            shN.data(),
            basis.data(),
            stretch.data(),
            head_weights.data(),
            coefficients.data(),
            std::int64_t(means.shape(0)),
            int(coefficients.shape(0)),
            shN.shape(1) == 3,
            torso_colors};
  }
};

std::vector<BranchView> views(const std::vector<DeformBranch*>& branches) {
  std::vector<BranchView> found;
  for (const DeformBranch* branch : branches) found.push_back(branch->view());
  return found;
}

template <class T>
T* at(T* rows, std::int64_t n, int width) {
  return rows ? rows + n * width : nullptr;
}

// Outputs of all branches one after the other: [N, 3], [N, 4], [N, 3], [N], [N, B, 3], [N, 3], [N, 6].
struct Deformed {
  Out means, quats, scales, opacities, colors;
  MaybeOut moved, stretched;

  DeformImages from(std::int64_t n) const {
    return {means.data() + 3 * n,
            quats.data() + 4 * n,
            scales.data() + 3 * n,
            opacities.data() + n,
            colors.data() + n * 3 * std::int64_t(colors.shape(1)),
            at(data(moved), n, 3),
            at(data(stretched), n, 6)};
  }
};

struct DeformedCotangents {
  MaybeIn means, quats, scales, opacities, colors;
  In moved, stretched;

  DeformCotangents from(std::int64_t n) const {
    return {at(data(means), n, 3),
            at(data(quats), n, 4),
            at(data(scales), n, 3),
            at(data(opacities), n, 1),
            colors ? colors->data() + n * 3 * std::int64_t(colors->shape(1)) : nullptr,
            moved.data() + 3 * n,
            stretched.data() + 6 * n};
  }
};

struct DeformGradients {
  MaybeOut means, quats, log_scales, logit_opacities, sh0, shN, basis, coefficients;

  BranchGradients view() const {
    return {data(means), data(quats), data(log_scales), data(logit_opacities),
            data(sh0),   data(shN),   data(basis),      data(coefficients)};
  }
};

void forward(const std::vector<DeformBranch*>& branches, const In& pose, const Deformed& out, int threads) {
  const std::vector<BranchView> all = views(branches);
  std::vector<DeformImages> images;
  std::int64_t n = 0;
  for (const BranchView& branch : all) {
    images.push_back(out.from(n));
    n += branch.N;
  }
  deform(all.data(), images.data(), int(all.size()), pose.data(), threads);
}

void backward(const std::vector<DeformBranch*>& branches, const In& pose, const DeformedCotangents& v,
              const std::vector<DeformGradients*>& out, const MaybeOut& v_pose, int threads) {
  const std::vector<BranchView> all = views(branches);
  std::vector<DeformCotangents> cotangents;
  std::vector<BranchGradients> gradients;
  std::int64_t n = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    cotangents.push_back(v.from(n));
    gradients.push_back(out[i]->view());
    n += all[i].N;
  }
  deform_vjp(all.data(), cotangents.data(), gradients.data(), int(all.size()), pose.data(), data(v_pose), threads);
}

}  // namespace

void bind_deform(nb::module_& m) {
  nb::class_<DeformBranch>(m, "DeformBranch")
      .def(nb::init<In, In, In, In, In, In, In, In, In, In, bool>(), "means"_a.noconvert(), "quats"_a.noconvert(),
           "log_scales"_a.noconvert(), "logit_opacities"_a.noconvert(), "sh0"_a.noconvert(), "shN"_a.noconvert(),
           "basis"_a.noconvert(), "stretch"_a.noconvert(), "head_weights"_a.noconvert(), "coefficients"_a.noconvert(),
           "torso_colors"_a);
  nb::class_<Deformed>(m, "Deformed")
      .def(nb::init<Out, Out, Out, Out, Out, MaybeOut, MaybeOut>(), "means"_a.noconvert(), "quats"_a.noconvert(),
           "scales"_a.noconvert(), "opacities"_a.noconvert(), "colors"_a.noconvert(), "moved"_a.noconvert().none(),
           "stretched"_a.noconvert().none());
  nb::class_<DeformedCotangents>(m, "DeformedCotangents")
      .def(nb::init<MaybeIn, MaybeIn, MaybeIn, MaybeIn, MaybeIn, In, In>(), "means"_a.noconvert().none(),
           "quats"_a.noconvert().none(), "scales"_a.noconvert().none(), "opacities"_a.noconvert().none(),
           "colors"_a.noconvert().none(), "moved"_a.noconvert(), "stretched"_a.noconvert());
  nb::class_<DeformGradients>(m, "DeformGradients")
      .def(nb::init<MaybeOut, MaybeOut, MaybeOut, MaybeOut, MaybeOut, MaybeOut, MaybeOut, MaybeOut>(),
           "means"_a.noconvert().none(), "quats"_a.noconvert().none(), "log_scales"_a.noconvert().none(),
           "logit_opacities"_a.noconvert().none(), "sh0"_a.noconvert().none(), "shN"_a.noconvert().none(),
           "basis"_a.noconvert().none(), "coefficients"_a.noconvert().none());
  m.def("deform", &forward, "branches"_a, "pose"_a.noconvert(), "out"_a, "threads"_a,
        nb::call_guard<nb::gil_scoped_release>(), "All branches at one moment, one after the other, into `out`.");
  m.def("deform_vjp", &backward, "branches"_a, "pose"_a.noconvert(), "v"_a, "out"_a, "v_pose"_a.noconvert().none(),
        "threads"_a, nb::call_guard<nb::gil_scoped_release>(), "Gradients of all branches, written into `out`.");
}

}  // namespace gh
