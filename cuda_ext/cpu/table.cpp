#include "kernels.h"

#define GH_JOIN2(a, b) a##b
#define GH_JOIN(a, b) GH_JOIN2(a, b)
#define GH_TEXT2(a) #a
#define GH_TEXT(a) GH_TEXT2(a)

namespace gh {

const Stages* GH_JOIN(stages_, GH_ISA)() {
  using namespace GH_ISA;
  static const Stages table = {GH_TEXT(GH_ISA), project_range, gather_range,      list_tiles_range, blend_tile,
                               blend_vjp_tile,  count_tile,    project_vjp_range, deform_range,     deform_vjp_range,
                               ssim_rows,       ssim_vjp_rows, sh_range,          sh_vjp_range};
  return &table;
}

}  // namespace gh
