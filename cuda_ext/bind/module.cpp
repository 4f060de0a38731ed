// The module gaussian_head._kernels. Arrays come checked from gaussian_head/raster/native.py;
// nothing is converted here, so every array is seen and written in place.
#include <nanobind/nanobind.h>

#include "../core/config.h"
#include "cpu.h"

namespace nb = nanobind;

NB_MODULE(_kernels, m) {
  nb::set_leak_warnings(false);  // graphs alive at interpreter exit are no defect
  m.attr("ALPHA_MAX") = gh::kAlphaMax;
  m.attr("ALPHA_MIN") = gh::kAlphaMin;
  m.attr("TRANSMITTANCE_MIN") = gh::kTransmittanceMin;
  m.attr("FRUSTUM_MARGIN") = gh::kFrustumMargin;
  m.attr("CHANNEL_LIMIT") = gh::kChannelLimit;
  m.attr("has_cuda") = GH_HAS_CUDA != 0;
  gh::bind_cpu(m);
#if GH_HAS_CUDA
  nb::module_ cuda = m.def_submodule("cuda", "The CUDA rasterizer.");
  gh::bind_cuda(cuda);
#endif
  gh::bind_deform(m);
  gh::bind_ssim(m);
  gh::bind_sh(m);
}
