// The similarity map on CUDA as Python sees it.
#include "../cuda/ssim.h"
#include "cpu.h"
#include "cuda_arrays.h"
#include "ssim_arrays.h"

namespace gh {

namespace {

struct RunOnCuda {
  static void forward(int device, std::uintptr_t stream, const SsimView& view, float* similarity,
                      const SsimPartials* partials) {
    const OnCuda on(device, stream);
    cuda_ssim(view, similarity, partials, on.stream);
  }
  static void backward(int device, std::uintptr_t stream, const SsimView& view, const SsimPartials& partials,
                       const float* v_similarity, float* v_a, float* v_b) {
    const OnCuda on(device, stream);
    cuda_ssim_vjp(view, partials, v_similarity, v_a, v_b, on.stream);
  }
};

}  // namespace

void bind_cuda_ssim(nb::module_& m) { bind_ssim<Cuda, RunOnCuda>(m); }

}  // namespace gh
