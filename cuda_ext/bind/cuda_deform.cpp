// The deformation and the fused head on CUDA as Python sees them. Arrays come checked from gaussian_head/head.
#include <nanobind/stl/vector.h>

#include <stdexcept>
#include <vector>

#include "../cuda/deform.h"
#include "cpu.h"
#include "cuda_arrays.h"
#include "cuda_plan.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace gh {

namespace {

using namespace cuda_arrays;

// The arrays of one branch, kept alive by Python while it runs.
struct HeldBranch {
  In means, quats, log_scales, logit_opacities, sh0, shN, basis, stretch, head_weights, coefficients;
  bool torso_colors;

  CudaBranch view(std::int64_t first) const {
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
            first,
            int(coefficients.shape(1)),
            shN.shape(1) == 3,
            torso_colors};
  }
};

struct HeldGradients {
  MaybeOut means, quats, log_scales, logit_opacities, sh0, shN, basis, coefficients;

  CudaBranchGradients view() const {
    return {data(means), data(quats), data(log_scales), data(logit_opacities),
            data(sh0),   data(shN),   data(basis),      data(coefficients)};
  }
};

struct Head {
  std::vector<CudaBranch> branches;
  CudaMoments moments;

  Head(const std::vector<HeldBranch*>& from, const In& poses) : moments{poses.data(), int(poses.shape(0)), 0} {
    for (const HeldBranch* branch : from) {
      branches.push_back(branch->view(moments.N));
      moments.N += branches.back().count;
    }
  }
};

void forward(const std::vector<HeldBranch*>& branches, const In& poses, const Out& means, const Out& quats,
             const Out& scales, const Out& opacities, const Out& colors, const MaybeOut& moved,
             const MaybeOut& stretched, std::uintptr_t stream) {
  const Head head(branches, poses);
  cuda_deform(
      head.branches, head.moments,
      {means.data(), quats.data(), scales.data(), opacities.data(), colors.data(), data(moved), data(stretched)},
      enter(poses.device_id(), stream));
}

void backward(const std::vector<HeldBranch*>& branches, const In& poses, const MaybeIn& means, const MaybeIn& quats,
              const MaybeIn& scales, const MaybeIn& opacities, const MaybeIn& colors, const In& moved,
              const In& stretched, const std::vector<HeldGradients*>& out, const MaybeOut& v_poses,
              std::uintptr_t stream) {
  const Head head(branches, poses);
  const CudaPlan workspace = take_workspace(poses.device_id(), enter(poses.device_id(), stream));
  std::vector<CudaBranchGradients> gradients;
  for (const HeldGradients* one : out) gradients.push_back(one->view());
  cuda_deform_vjp(
      head.branches, head.moments,
      {data(means), data(quats), data(scales), data(opacities), data(colors), moved.data(), stretched.data()},
      gradients, data(v_poses), *workspace);
}

// Images [F, H, W, 3], [F, H, W], [F, H, W]; backgrounds [F, 3], or plates [F, H, W, 3].
void render(Plan& plan, const std::vector<HeldBranch*>& branches, const In& poses, const In& viewmats, const In& Ks,
            const MaybeIn& backgrounds, const Out& rgb, const Out& alpha, const Out& depth, float near_plane,
            float far_plane, float eps2d, std::int64_t pair_capacity, std::uintptr_t stream) {
  const Head head(branches, poses);
  SceneView first = {};
  first.viewmat = viewmats.data(), first.K = Ks.data(), first.background = data(backgrounds);
  first.has_plate = backgrounds && backgrounds->ndim() == 4;
  first.N = head.moments.N, first.D = 3, first.height = int(alpha.shape(1)), first.width = int(alpha.shape(2));
  first.near_plane = near_plane, first.far_plane = far_plane, first.eps2d = eps2d;
  const HeadSource source(head.branches, head.moments);
  ready(plan, poses.device_id(), stream)
      .forward({first, head.moments.frames, false, false}, {rgb.data(), alpha.data(), depth.data(), nullptr}, nullptr,
               nullptr, pair_capacity, enter(poses.device_id(), stream), &source);
}

}  // namespace

void bind_cuda_deform(nb::module_& m) {
  nb::class_<HeldBranch>(m, "DeformBranch")
      .def(nb::init<In, In, In, In, In, In, In, In, In, In, bool>(), "means"_a.noconvert(), "quats"_a.noconvert(),
           "log_scales"_a.noconvert(), "logit_opacities"_a.noconvert(), "sh0"_a.noconvert(), "shN"_a.noconvert(),
           "basis"_a.noconvert(), "stretch"_a.noconvert(), "head_weights"_a.noconvert(), "coefficients"_a.noconvert(),
           "torso_colors"_a);
  nb::class_<HeldGradients>(m, "DeformGradients")
      .def(nb::init<MaybeOut, MaybeOut, MaybeOut, MaybeOut, MaybeOut, MaybeOut, MaybeOut, MaybeOut>(),
           "means"_a.noconvert().none(), "quats"_a.noconvert().none(), "log_scales"_a.noconvert().none(),
           "logit_opacities"_a.noconvert().none(), "sh0"_a.noconvert().none(), "shN"_a.noconvert().none(),
           "basis"_a.noconvert().none(), "coefficients"_a.noconvert().none());
  m.def("deform", &forward, "branches"_a, "poses"_a.noconvert(), "means"_a.noconvert(), "quats"_a.noconvert(),
        "scales"_a.noconvert(), "opacities"_a.noconvert(), "colors"_a.noconvert(), "moved"_a.noconvert().none(),
        "stretched"_a.noconvert().none(), "stream"_a, nb::call_guard<nb::gil_scoped_release>(),
        "All branches at F moments, one after the other, into the given arrays.");
  m.def("deform_vjp", &backward, "branches"_a, "poses"_a.noconvert(), "v_means"_a.noconvert().none(),
        "v_quats"_a.noconvert().none(), "v_scales"_a.noconvert().none(), "v_opacities"_a.noconvert().none(),
        "v_colors"_a.noconvert().none(), "moved"_a.noconvert(), "stretched"_a.noconvert(), "out"_a,
        "v_poses"_a.noconvert().none(), "stream"_a, nb::call_guard<nb::gil_scoped_release>(),
        "Gradients of all branches, summed over the moments.");
  m.def("render_head", &render, "plan"_a, "branches"_a, "poses"_a.noconvert(), "viewmats"_a.noconvert(),
        "Ks"_a.noconvert(), "backgrounds"_a.noconvert().none(), "rgb"_a.noconvert(), "alpha"_a.noconvert(),
        "depth"_a.noconvert(), "near_plane"_a, "far_plane"_a, "eps2d"_a, "pair_capacity"_a, "stream"_a,
        nb::call_guard<nb::gil_scoped_release>(),
        "Pose, colour, project and blend a head at F moments; its deformed Gaussians are never written.");
}

}  // namespace gh
