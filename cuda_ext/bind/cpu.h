// What each file of bind/ adds to the module.
#pragma once

#include <nanobind/nanobind.h>

namespace gh {

void bind_cpu(nanobind::module_& m);
void bind_cuda(nanobind::module_& m);
void bind_deform(nanobind::module_& m);
void bind_ssim(nanobind::module_& m);
void bind_sh(nanobind::module_& m);

}  // namespace gh
