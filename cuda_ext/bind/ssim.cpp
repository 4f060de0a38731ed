// The similarity map on the CPU as Python sees it.
#include "../cpu/ssim.h"

#include "cpu.h"
#include "ssim_arrays.h"

namespace gh {

namespace {

struct OnCpu {
  static void forward(int /* device */, std::uintptr_t threads, const SsimView& view, float* similarity,
                      const SsimPartials* partials) {
    ssim_map(view, similarity, partials, int(threads));
  }
  static void backward(int /* device */, std::uintptr_t threads, const SsimView& view, const SsimPartials& partials,
                       const float* v_similarity, float* v_a, float* v_b) {
    ssim_map_vjp(view, partials, v_similarity, v_a, v_b, int(threads));
  }
};

}  // namespace

void bind_ssim(nb::module_& m) {
  m.attr("SSIM_MIN_WIDTH") = kSsimMinWidth;
  bind_ssim<nb::device::cpu, OnCpu>(m);
}

}  // namespace gh
