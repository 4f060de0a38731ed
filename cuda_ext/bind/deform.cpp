// The deformation on the CPU as Python sees it.
#include "../cpu/deform.h"

#include "cpu.h"
#include "deform_arrays.h"

namespace gh {

namespace {

using Cpu = nb::device::cpu;

struct OnCpu {
  static void forward(int /* device */, std::uintptr_t threads, const HeldHead<Cpu>& head, const Deformed& out) {
    deform(head.branches.data(), int(head.branches.size()), head.moments, out, int(threads));
  }
  static void backward(int /* device */, std::uintptr_t threads, const HeldHead<Cpu>& head, const DeformCotangents& v,
                       const std::vector<BranchGradients>& out, float* v_poses) {
    deform_vjp(head.branches.data(), out.data(), int(head.branches.size()), head.moments, v, v_poses, int(threads));
  }
};

}  // namespace

void bind_deform(nb::module_& m) { bind_deform<Cpu, OnCpu>(m); }

}  // namespace gh
