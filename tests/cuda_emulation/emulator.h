// What tests may ask of the emulator.
#pragma once

#include <cstdint>

namespace gpu {

// Which ready thread runs next: 0 the lowest, 1 the highest, any other number seeds a random choice.
void use_order(std::uint32_t order);
// While set, allocating and waiting fail as they do while a stream is captured into a graph.
void use_capture(bool capturing);
std::uint64_t launches();        // kernels launched so far
std::uint64_t waits();           // host waits so far
std::uint64_t waits_with_gil();  // those in which no other Python thread could run
std::int64_t allocated();        // bytes of device memory held now
std::uint64_t allocations();
// Devices are numbers; arrays from Python lie on device 0.
void use_device(int device);
int current_device();
// A compiler that rounds differently when tiles are counted: so many more are counted for every visible splat.
void use_miscount(int more);
std::uint64_t miscount(std::uint64_t count);
void use_driver(int version, bool holds_code);  // what the driver serves, and whether there is code for the device
void use_memory(int allocations);               // so many succeed before one fails once; -1: all succeed
std::uint64_t stream_waits();                   // times a stream was told to wait for another
std::uint64_t misplaced();                      // operations so far on memory of another device than the current one

}  // namespace gpu
