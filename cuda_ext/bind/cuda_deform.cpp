// The deformation and the fused head on CUDA as Python sees them.
#include "../cuda/deform.h"
#include "cpu.h"
#include "cuda_plan.h"
#include "deform_arrays.h"

namespace gh {

namespace {

struct RunOnCuda {
  static void forward(int device, std::uintptr_t stream, const HeldHead<Cuda>& head, const Deformed& out) {
    const OnCuda on(device, stream);
    cuda_deform(head.branches, head.moments, out, on.stream);
  }
  static void backward(int device, std::uintptr_t stream, const HeldHead<Cuda>& head, const DeformCotangents& v,
                       const std::vector<BranchGradients>& out, float* v_poses) {
    const OnCuda on(device, stream);
    const CudaPlan workspace = take_workspace(device, on.stream);
    cuda_deform_vjp(head.branches, head.moments, v, out, v_poses, *workspace);
    workspace->note_capture();
  }
};

// Images [F, H, W, 3], [F, H, W], [F, H, W]; backgrounds [F, 3], or plates [F, H, W, 3].
void render(Plan& plan, const std::vector<HeldBranch<Cuda>*>& branches, const In<Cuda>& poses, const In<Cuda>& viewmats,
            const In<Cuda>& Ks, const MaybeIn<Cuda>& backgrounds, const Out<Cuda>& rgb, const Out<Cuda>& alpha,
            const Out<Cuda>& depth, float near_plane, float far_plane, float eps2d, std::int64_t pair_capacity,
            std::uintptr_t stream) {
  const HeldHead<Cuda> head(branches, poses);
  const std::int64_t F = head.moments.frames;
  require("alpha", alpha, {F, -1, -1});
  const std::int64_t H = std::int64_t(alpha.shape(1)), W = std::int64_t(alpha.shape(2));
  require("rgb", rgb, {F, H, W, 3});
  require("depth", depth, {F, H, W});
  require("viewmats", viewmats, {F, 4, 4});
  require("Ks", Ks, {F, 3, 3});
  SceneView first = {};
  first.viewmat = viewmats.data(), first.K = Ks.data(), first.background = data(backgrounds);
  first.has_plate = backgrounds && backgrounds->ndim() == 4;
  require("backgrounds", backgrounds, first.has_plate ? Shape{F, H, W, 3} : Shape{F, 3});
  first.N = head.moments.N, first.D = 3, first.height = int(H), first.width = int(W);
  first.near_plane = near_plane, first.far_plane = far_plane, first.eps2d = eps2d;
  const HeadSource source(head.branches, head.moments);
  const OnCuda on(poses.device_id(), stream);
  ready(plan, on).forward({first, head.moments.frames, false, false}, {rgb.data(), alpha.data(), depth.data(), nullptr},
                          nullptr, nullptr, pair_capacity, on.stream, &source);
}

}  // namespace

void bind_cuda_deform(nb::module_& m) {
  using namespace nb::literals;
  bind_deform<Cuda, RunOnCuda>(m);
  m.def("render_head", &render, "plan"_a, "branches"_a, "poses"_a.noconvert(), "viewmats"_a.noconvert(),
        "Ks"_a.noconvert(), "backgrounds"_a.noconvert().none(), "rgb"_a.noconvert(), "alpha"_a.noconvert(),
        "depth"_a.noconvert(), "near_plane"_a, "far_plane"_a, "eps2d"_a, "pair_capacity"_a, "stream"_a,
        nb::call_guard<nb::gil_scoped_release>(),
        "Pose, colour, project and blend a head at F moments; its deformed Gaussians are never written.");
}

}  // namespace gh
