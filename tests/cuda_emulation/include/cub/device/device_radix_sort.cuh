// Stands in for CUB: the same calling convention, on the CPU. Sorts by the named bits only, and is stable.
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include "../../cuda_runtime_api.h"

namespace cub {

struct DeviceRadixSort {
  template <class Key, class Value, class Count>
  static cudaError_t SortPairs(void* scratch, size_t& bytes, const Key* keys_in, Key* keys_out, const Value* values_in,
                               Value* values_out, Count count, int begin_bit, int end_bit, cudaStream_t) {
    if (!scratch) {
      bytes = 1;
      return cudaSuccess;
    }
    const int width = end_bit - begin_bit;
    const Key mask = width >= int(8 * sizeof(Key)) ? ~Key(0) : (Key(1) << width) - 1;
    std::vector<size_t> order(static_cast<size_t>(count));
    std::iota(order.begin(), order.end(), size_t(0));
    auto key = [&](size_t i) { return keys_in[i] >> begin_bit & mask; };
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return key(a) < key(b); });
    for (size_t i = 0; i < order.size(); ++i) keys_out[i] = keys_in[order[i]], values_out[i] = values_in[order[i]];
    return cudaSuccess;
  }
};

}  // namespace cub
