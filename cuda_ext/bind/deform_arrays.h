// The arrays of a deformation as Python hands them over, and its two calls, for the CPU and for CUDA alike.
#pragma once

#include <nanobind/stl/vector.h>

#include "../core/branches.h"
#include "arrays.h"

namespace gh {

namespace nb = nanobind;

// The arrays of one branch, kept alive by Python while it runs.
template <class Device>
struct HeldBranch {
  using A = In<Device>;
  A means, quats, log_scales, logit_opacities, sh0, shN, basis, stretch, head_weights, coefficients;
  bool torso_colors;

  HeldBranch(A means, A quats, A log_scales, A logit_opacities, A sh0, A shN, A basis, A stretch, A head_weights,
             A coefficients, bool torso_colors)
      : means(means),
        quats(quats),
        log_scales(log_scales),
        logit_opacities(logit_opacities),
        sh0(sh0),
        shN(shN),
        basis(basis),
        stretch(stretch),
        head_weights(head_weights),
        coefficients(coefficients),
        torso_colors(torso_colors) {
    require("means", means, {-1, 3});
    require("coefficients", coefficients, {-1, -1});
    const std::int64_t N = this->N(), J = this->J();
    require("quats", quats, {N, 4});
    require("log_scales", log_scales, {N, 3});
    require("logit_opacities", logit_opacities, logits());
    require("sh0", sh0, {N, 1, 3});
    require("shN", shN, {N, shN.ndim() == 3 && shN.shape(1) == 3 ? 3 : 0, 3});
    require("basis", basis, {N, 3, J});
    require("stretch", stretch, {N, 6, J});
    require("head_weights", head_weights, {N});
  }

  std::int64_t N() const { return std::int64_t(means.shape(0)); }
  std::int64_t J() const { return std::int64_t(coefficients.shape(1)); }
  std::int64_t bases() const { return 1 + std::int64_t(shN.shape(1)); }
  bool fades() const { return logit_opacities.ndim() == 2; }
  Shape logits() const { return fades() ? Shape{std::int64_t(coefficients.shape(0)), N()} : Shape{N()}; }

  BranchView view(std::int64_t first) const {
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
            N(),
            first,
            fades() ? N() : 0,
            int(J()),
            bases() == 4,
            torso_colors};
  }
};

template <class Device>
struct HeldGradients {
  MaybeOut<Device> means, quats, log_scales, logit_opacities, sh0, shN, basis, coefficients;

  BranchGradients view(const HeldBranch<Device>& branch) const {
    const std::int64_t N = branch.N(), J = branch.J();
    require("v_means", means, {N, 3});
    require("v_quats", quats, {N, 4});
    require("v_log_scales", log_scales, {N, 3});
    require("v_logit_opacities", logit_opacities, branch.logits());
    require("v_sh0", sh0, {N, 1, 3});
    require("v_shN", shN, {N, branch.bases() - 1, 3});
    require("v_basis", basis, {N, 3, J});
    require("v_coefficients", coefficients, {std::int64_t(branch.coefficients.shape(0)), J});
    return {data(means), data(quats), data(log_scales), data(logit_opacities),
            data(sh0),   data(shN),   data(basis),      data(coefficients)};
  }
};

// All branches at F moments.
template <class Device>
struct HeldHead {
  std::vector<BranchView> branches;
  Moments moments;
  std::int64_t bases;

  HeldHead(const std::vector<HeldBranch<Device>*>& from, const In<Device>& poses) {
    require("poses", poses, {-1, 14});
    moments = {poses.data(), int(poses.shape(0)), 0};
    bases = from.empty() ? 1 : from[0]->bases();
    for (const HeldBranch<Device>* branch : from) {
      if (branch->bases() != bases) throw std::invalid_argument("the branches are of different SH degrees.");
      require("coefficients", branch->coefficients, {moments.frames, branch->J()});
      branches.push_back(branch->view(moments.N));
      moments.N += branch->N();
    }
  }

  // Arrays over all Gaussians and moments, in the order of Deformed.
  template <class A, class B>
  void require_arrays(const A& means, const A& quats, const A& scales, const A& opacities, const A& colors,
                      const B& moved, const B& stretched) const {
    const std::int64_t F = moments.frames, N = moments.N;
    require("means", means, {F, N, 3});
    require("quats", quats, {F, N, 4});
    require("scales", scales, {F, N, 3});
    require("opacities", opacities, {F, N});
    require("colors", colors, {F, N, bases, 3});
    require("moved", moved, {F, N, 3});
    require("stretched", stretched, {F, N, 6});
  }
};

// `Run::forward(device, lane, head, deformed)` and `Run::backward(device, lane, head, cotangents, gradients, v_poses)`
// do the work; a lane is a number of CPU threads or a CUDA stream.
template <class Device, class Run>
void bind_deform(nb::module_& m) {
  using namespace nb::literals;
  using I = In<Device>;
  using O = Out<Device>;
  using MaybeI = MaybeIn<Device>;
  using MaybeO = MaybeOut<Device>;
  using Branch = HeldBranch<Device>;
  using Gradients = HeldGradients<Device>;
  nb::class_<Branch>(m, "DeformBranch", nb::dynamic_attr())
      .def(nb::init<I, I, I, I, I, I, I, I, I, I, bool>(), "means"_a.noconvert(), "quats"_a.noconvert(),
           "log_scales"_a.noconvert(), "logit_opacities"_a.noconvert(), "sh0"_a.noconvert(), "shN"_a.noconvert(),
           "basis"_a.noconvert(), "stretch"_a.noconvert(), "head_weights"_a.noconvert(), "coefficients"_a.noconvert(),
           "torso_colors"_a);
  nb::class_<Gradients>(m, "DeformGradients", nb::dynamic_attr())
      .def(nb::init<MaybeO, MaybeO, MaybeO, MaybeO, MaybeO, MaybeO, MaybeO, MaybeO>(), "means"_a.noconvert().none(),
           "quats"_a.noconvert().none(), "log_scales"_a.noconvert().none(), "logit_opacities"_a.noconvert().none(),
           "sh0"_a.noconvert().none(), "shN"_a.noconvert().none(), "basis"_a.noconvert().none(),
           "coefficients"_a.noconvert().none());
  m.def(
      "deform",
      [](const std::vector<Branch*>& branches, const I& poses, const O& means, const O& quats, const O& scales,
         const O& opacities, const O& colors, const MaybeO& moved, const MaybeO& stretched, std::uintptr_t lane) {
        const HeldHead<Device> head(branches, poses);
        head.require_arrays(means, quats, scales, opacities, colors, moved, stretched);
        Run::forward(
            poses.device_id(), lane, head,
            {means.data(), quats.data(), scales.data(), opacities.data(), colors.data(), data(moved), data(stretched)});
      },
      "branches"_a, "poses"_a.noconvert(), "means"_a.noconvert(), "quats"_a.noconvert(), "scales"_a.noconvert(),
      "opacities"_a.noconvert(), "colors"_a.noconvert(), "moved"_a.noconvert().none(), "stretched"_a.noconvert().none(),
      "lane"_a, nb::call_guard<nb::gil_scoped_release>(),
      "All branches at F moments, one after the other, into the given arrays.");
  m.def(
      "deform_vjp",
      [](const std::vector<Branch*>& branches, const I& poses, const MaybeI& means, const MaybeI& quats,
         const MaybeI& scales, const MaybeI& opacities, const MaybeI& colors, const I& moved, const I& stretched,
         const std::vector<Gradients*>& out, const MaybeO& v_poses, std::uintptr_t lane) {
        const HeldHead<Device> head(branches, poses);
        head.require_arrays(means, quats, scales, opacities, colors, moved, stretched);
        require("v_poses", v_poses, {head.moments.frames, 14});
        if (out.size() != branches.size()) throw std::invalid_argument("gradients of every branch were wanted.");
        std::vector<BranchGradients> gradients;
        for (std::size_t i = 0; i < out.size(); ++i) gradients.push_back(out[i]->view(*branches[i]));
        Run::backward(
            poses.device_id(), lane, head,
            {data(means), data(quats), data(scales), data(opacities), data(colors), moved.data(), stretched.data()},
            gradients, data(v_poses));
      },
      "branches"_a, "poses"_a.noconvert(), "v_means"_a.noconvert().none(), "v_quats"_a.noconvert().none(),
      "v_scales"_a.noconvert().none(), "v_opacities"_a.noconvert().none(), "v_colors"_a.noconvert().none(),
      "moved"_a.noconvert(), "stretched"_a.noconvert(), "out"_a, "v_poses"_a.noconvert().none(), "lane"_a,
      nb::call_guard<nb::gil_scoped_release>(), "Gradients of all branches, summed over the moments.");
}

}  // namespace gh
