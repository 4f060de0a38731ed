// The similarity map on CUDA as Python sees it. Arrays come checked from gaussian_head/metrics.
#include "../cuda/ssim.h"
#include "cpu.h"
#include "cuda_arrays.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace gh {

namespace {

using namespace cuda_arrays;

CudaSsimView view_of(const In& a, const In& b, const In& taps, float c1, float c2) {
  return {a.data(), b.data(), taps.data(), int(a.shape(0)), int(a.shape(1)), int(a.shape(2)), c1, c2};
}

void forward(const In& a, const In& b, const In& taps, float c1, float c2, const Out& similarity,
             const MaybeOut& mean_a, const MaybeOut& squares, const MaybeOut& product, const MaybeOut& mean_b,
             std::uintptr_t stream) {
  const CudaSsimPartials partials = {data(mean_a), data(squares), data(product), data(mean_b)};
  cuda_ssim(view_of(a, b, taps, c1, c2), similarity.data(), mean_a ? &partials : nullptr, enter(a.device_id(), stream));
}

void backward(const In& a, const In& b, const In& taps, const Out& mean_a, const Out& squares, const Out& product,
              const MaybeOut& mean_b, const In& v_similarity, const Out& v_a, const MaybeOut& v_b,
              std::uintptr_t stream) {
  cuda_ssim_vjp(view_of(a, b, taps, 0.0f, 0.0f), {mean_a.data(), squares.data(), product.data(), data(mean_b)},
                v_similarity.data(), v_a.data(), data(v_b), enter(a.device_id(), stream));
}

}  // namespace

void bind_cuda_ssim(nb::module_& m) {
  m.def("ssim_map", &forward, "a"_a.noconvert(), "b"_a.noconvert(), "taps"_a.noconvert(), "c1"_a, "c2"_a,
        "similarity"_a.noconvert(), "mean_a"_a.noconvert().none(), "squares"_a.noconvert().none(),
        "product"_a.noconvert().none(), "mean_b"_a.noconvert().none(), "stream"_a,
        nb::call_guard<nb::gil_scoped_release>(),
        "Similarity of two pictures [H, W, C], and its derivatives by the window means where they are given.");
  m.def("ssim_map_vjp", &backward, "a"_a.noconvert(), "b"_a.noconvert(), "taps"_a.noconvert(), "mean_a"_a.noconvert(),
        "squares"_a.noconvert(), "product"_a.noconvert(), "mean_b"_a.noconvert().none(), "v_similarity"_a.noconvert(),
        "v_a"_a.noconvert(), "v_b"_a.noconvert().none(), "stream"_a, nb::call_guard<nb::gil_scoped_release>(),
        "Gradients to a, and to b where mean_b and v_b are given.");
}

}  // namespace gh
