// The CUDA bindings over the emulated device: a Python module that takes CPU arrays.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include "../../cuda_ext/bind/cpu.h"
#include "emulator.h"
#include "probes.h"

namespace nb = nanobind;
using namespace nb::literals;

NB_MODULE(_cuda_emulation, m) {
  nb::set_leak_warnings(false);
  gh::bind_cuda(m);
  m.def("use_order", &gpu::use_order, "order"_a, "0: lowest thread first, 1: highest first, else a random seed.");
  m.def("use_capture", &gpu::use_capture, "capturing"_a, "Make allocations and waits fail as in a captured stream.");
  m.def("launches", &gpu::launches, "Kernels launched so far.");
  m.def("waits", &gpu::waits, "Times the host has waited for the device so far.");
  m.def("waits_with_gil", &gpu::waits_with_gil, "Times in which no other Python thread could run meanwhile.");
  m.def("allocated", &gpu::allocated, "Bytes of device memory held now.");
  m.def("allocations", &gpu::allocations, "Allocations of device memory so far.");
  m.def("use_device", &gpu::use_device, "device"_a, "Make a device current, as other CUDA code may at any time.");
  m.def("device", &gpu::current_device, "The current device.");
  m.def("misplaced", &gpu::misplaced, "Operations so far on memory of another device than the current one.");
  m.def("use_miscount", &gpu::use_miscount, "more"_a, "Count so many tiles more for every visible splat.");
  m.def("use_driver", &gpu::use_driver, "version"_a, "holds_code"_a,
        "The driver's CUDA version, and whether code fits.");
  m.def("use_memory", &gpu::use_memory, "allocations"_a, "After so many allocations one fails; -1: none does.");
  m.def("stream_waits", &gpu::stream_waits, "Times a stream was told to wait for another.");
  m.def("probe", &probe, "name"_a, "order"_a, "Run one of the emulator's own small kernels; returns what it wrote.");
}
