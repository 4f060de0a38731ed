// Stable radix sort of (key, index) pairs by the high 32 bits.
#pragma once

#include <cstdint>

namespace gh {

// Sorts keys[0, count) by bits 32..63, given that these lie within [low, high]; `scratch` has the
// same size. Returns whichever of the two arrays holds the result. Same order on any thread count.
std::uint64_t* radix_sort(std::uint64_t* keys, std::uint64_t* scratch, std::int64_t count, std::uint32_t low,
                          std::uint32_t high, int threads);

}  // namespace gh
