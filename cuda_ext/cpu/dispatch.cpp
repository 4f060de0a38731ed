// Which of the compiled instruction sets runs.
#include <cstring>

#include "rasterizer.h"

namespace gh {

std::vector<const Stages*> available_stages() {
  std::vector<const Stages*> found = {stages_base()};
#if defined(GH_X86)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(stages_avx2());
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    found.push_back(stages_avx512());
#endif
  return found;
}

namespace {

const Stages*& chosen() {
  static const Stages* stages = available_stages().back();
  return stages;
}

}  // namespace

const Stages& active_stages() { return *chosen(); }

bool choose_stages(const char* name) {
  for (const Stages* stages : available_stages())
    if (std::strcmp(stages->name, name) == 0) {
      chosen() = stages;
      return true;
    }
  return false;
}

}  // namespace gh
