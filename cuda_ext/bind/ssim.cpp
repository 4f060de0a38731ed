// The similarity map as Python sees it. Arrays come checked from gaussian_head/metrics/image.py.
#include "../cpu/ssim.h"

#include "cpu.h"
#include "cpu_arrays.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace gh {

namespace {

using namespace cpu_arrays;

SsimView view_of(const In& a, const In& b, const In& taps, float c1, float c2) {
  return {a.data(), b.data(), taps.data(), int(a.shape(0)), int(a.shape(1)), int(a.shape(2)), c1, c2};
}

void forward(const In& a, const In& b, const In& taps, float c1, float c2, const Out& similarity,
             const MaybeOut& mean_a, const MaybeOut& squares, const MaybeOut& product, const MaybeOut& mean_b,
             int threads) {
  const SsimPartials partials = {data(mean_a), data(squares), data(product), data(mean_b)};
  ssim_map(view_of(a, b, taps, c1, c2), similarity.data(), mean_a ? &partials : nullptr, threads);
}

void backward(const In& a, const In& b, const In& taps, const Out& mean_a, const Out& squares, const Out& product,
              const MaybeOut& mean_b, const In& v_similarity, const Out& v_a, const MaybeOut& v_b, int threads) {
  const SsimPartials partials = {mean_a.data(), squares.data(), product.data(), data(mean_b)};
  ssim_map_vjp(view_of(a, b, taps, 0.0f, 0.0f), partials, v_similarity.data(), v_a.data(), data(v_b), threads);
}

}  // namespace

void bind_ssim(nb::module_& m) {
  m.attr("SSIM_MIN_WIDTH") = kSsimMinWidth;
  m.def("ssim_map", &forward, "a"_a.noconvert(), "b"_a.noconvert(), "taps"_a.noconvert(), "c1"_a, "c2"_a,
        "similarity"_a.noconvert(), "mean_a"_a.noconvert().none(), "squares"_a.noconvert().none(),
        "product"_a.noconvert().none(), "mean_b"_a.noconvert().none(), "threads"_a,
        nb::call_guard<nb::gil_scoped_release>(),
        "Similarity of two pictures [H, W, C], and its derivatives by the window means where they are given.");
  m.def("ssim_map_vjp", &backward, "a"_a.noconvert(), "b"_a.noconvert(), "taps"_a.noconvert(), "mean_a"_a.noconvert(),
        "squares"_a.noconvert(), "product"_a.noconvert(), "mean_b"_a.noconvert().none(), "v_similarity"_a.noconvert(),
        "v_a"_a.noconvert(), "v_b"_a.noconvert().none(), "threads"_a, nb::call_guard<nb::gil_scoped_release>(),
        "Gradients to a, and to b where mean_b and v_b are given.");
}

}  // namespace gh
