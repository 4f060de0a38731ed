// SH colours as Python sees them. Arrays come checked from gaussian_head/sh.py.
#include "../cpu/sh.h"

#include "arrays.h"
#include "cpu.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace gh {

namespace {

using I = In<nb::device::cpu>;
using O = Out<nb::device::cpu>;
using MaybeO = MaybeOut<nb::device::cpu>;

ShView view_of(const I& coefficients, const I& dirs, int degree) {
  require("coefficients", coefficients, {-1, -1, 3});
  require("dirs", dirs, {-1, std::int64_t(coefficients.shape(0)), 3});
  if (degree < 0 || degree > 3 || int(coefficients.shape(1)) < (degree + 1) * (degree + 1))
    throw std::invalid_argument("coefficients are too few for the SH degree.");
  return {coefficients.data(),        dirs.data(), std::int64_t(coefficients.shape(0)), int(dirs.shape(0)),
          int(coefficients.shape(1)), degree};
}

void forward(const I& coefficients, const I& dirs, int degree, const O& rgb, int threads) {
  const ShView view = view_of(coefficients, dirs, degree);
  require("rgb", rgb, {view.C, view.N, 3});
  sh_colors(view, rgb.data(), threads);
}

void backward(const I& coefficients, const I& dirs, int degree, const I& v_rgb, const O& v_coefficients,
              const MaybeO& v_dirs, int threads) {
  const ShView view = view_of(coefficients, dirs, degree);
  const Shape all = {view.C, view.N, 3};
  require("v_rgb", v_rgb, all);
  require("v_dirs", v_dirs, all);
  require("v_coefficients", v_coefficients, {view.N, view.B, 3});
  sh_colors_vjp(view, v_rgb.data(), {v_coefficients.data(), data(v_dirs)}, threads);
}

}  // namespace

void bind_sh(nb::module_& m) {
  m.def("sh_colors", &forward, "coefficients"_a.noconvert(), "dirs"_a.noconvert(), "degree"_a, "rgb"_a.noconvert(),
        "threads"_a, nb::call_guard<nb::gil_scoped_release>(),
        "Colours [C, N, 3] of SH coefficients [N, B, 3] seen along directions [C, N, 3].");
  m.def("sh_colors_vjp", &backward, "coefficients"_a.noconvert(), "dirs"_a.noconvert(), "degree"_a,
        "v_rgb"_a.noconvert(), "v_coefficients"_a.noconvert(), "v_dirs"_a.noconvert().none(), "threads"_a,
        nb::call_guard<nb::gil_scoped_release>(), "Gradients to the coefficients, and to the directions where given.");
}

}  // namespace gh
