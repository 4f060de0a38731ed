// SH colours as Python sees them. Arrays come checked from gaussian_head/sh.py.
#include "../cpu/sh.h"

#include "cpu.h"
#include "cpu_arrays.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace gh {

namespace {

using namespace cpu_arrays;

ShView view_of(const In& coefficients, const In& dirs, int degree) {
  return {coefficients.data(),        dirs.data(), std::int64_t(coefficients.shape(0)), int(dirs.shape(0)),
          int(coefficients.shape(1)), degree};
}

void forward(const In& coefficients, const In& dirs, int degree, const Out& rgb, int threads) {
  sh_colors(view_of(coefficients, dirs, degree), rgb.data(), threads);
}

void backward(const In& coefficients, const In& dirs, int degree, const In& v_rgb, const Out& v_coefficients,
              const MaybeOut& v_dirs, int threads) {
  sh_colors_vjp(view_of(coefficients, dirs, degree), v_rgb.data(), {v_coefficients.data(), data(v_dirs)}, threads);
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
