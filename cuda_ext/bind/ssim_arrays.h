// The similarity map as Python calls it, for the CPU and for CUDA alike.
#pragma once

#include "../core/ssim_views.h"
#include "arrays.h"

namespace gh {

namespace nb = nanobind;

template <class Device>
SsimView ssim_view(const In<Device>& a, const In<Device>& b, const In<Device>& taps, float c1, float c2) {
  require("a", a, {-1, -1, -1});
  const SsimView view = {a.data(), b.data(), taps.data(), int(a.shape(0)), int(a.shape(1)), int(a.shape(2)), c1, c2};
  require("b", b, {view.H, view.W, view.C});
  require("taps", taps, {kSsimTaps});
  return view;
}

// `Run::forward(device, lane, view, similarity, partials)` and `Run::backward(device, lane, view, partials,
// v_similarity, v_a, v_b)` do the work; a lane is a number of CPU threads or a CUDA stream.
template <class Device, class Run>
void bind_ssim(nb::module_& m) {
  using namespace nb::literals;
  using I = In<Device>;
  using O = Out<Device>;
  using MaybeO = MaybeOut<Device>;
  m.def(
      "ssim_map",
      [](const I& a, const I& b, const I& taps, float c1, float c2, const O& similarity, const MaybeO& mean_a,
         const MaybeO& squares, const MaybeO& product, const MaybeO& mean_b, std::uintptr_t lane) {
        const SsimView view = ssim_view<Device>(a, b, taps, c1, c2);
        const Shape size = {view.H, view.W, view.C};
        require("similarity", similarity, size);
        for (const MaybeO* one : {&mean_a, &squares, &product, &mean_b}) require("a derivative", *one, size);
        if (bool(mean_a) != bool(squares) || bool(mean_a) != bool(product))
          throw std::invalid_argument("all derivatives or none were wanted.");
        const SsimPartials partials = {data(mean_a), data(squares), data(product), data(mean_b)};
        Run::forward(a.device_id(), lane, view, similarity.data(), mean_a ? &partials : nullptr);
      },
      "a"_a.noconvert(), "b"_a.noconvert(), "taps"_a.noconvert(), "c1"_a, "c2"_a, "similarity"_a.noconvert(),
      "mean_a"_a.noconvert().none(), "squares"_a.noconvert().none(), "product"_a.noconvert().none(),
      "mean_b"_a.noconvert().none(), "lane"_a, nb::call_guard<nb::gil_scoped_release>(),
      "Similarity of two pictures [H, W, C], and its derivatives by the window means where they are given.");
  m.def(
      "ssim_map_vjp",
      [](const I& a, const I& b, const I& taps, const O& mean_a, const O& squares, const O& product,
         const MaybeO& mean_b, const I& v_similarity, const O& v_a, const MaybeO& v_b, std::uintptr_t lane) {
        const SsimView view = ssim_view<Device>(a, b, taps, 0.0f, 0.0f);
        const Shape size = {view.H, view.W, view.C};
        for (const O* one : {&mean_a, &squares, &product, &v_a}) require("a derivative", *one, size);
        for (const MaybeO* one : {&mean_b, &v_b}) require("a derivative", *one, size);
        require("v_similarity", v_similarity, size);
        if (v_b && !mean_b) throw std::invalid_argument("v_b wants mean_b.");
        const SsimPartials partials = {mean_a.data(), squares.data(), product.data(), data(mean_b)};
        Run::backward(a.device_id(), lane, view, partials, v_similarity.data(), v_a.data(), data(v_b));
      },
      "a"_a.noconvert(), "b"_a.noconvert(), "taps"_a.noconvert(), "mean_a"_a.noconvert(), "squares"_a.noconvert(),
      "product"_a.noconvert(), "mean_b"_a.noconvert().none(), "v_similarity"_a.noconvert(), "v_a"_a.noconvert(),
      "v_b"_a.noconvert().none(), "lane"_a, nb::call_guard<nb::gil_scoped_release>(),
      "Gradients to a, and to b where mean_b and v_b are given.");
}

}  // namespace gh
