#include "sort.h"

#include <algorithm>
#include <vector>

namespace gh {

namespace {

constexpr int kBits = 11, kBuckets = 1 << kBits;
constexpr std::int64_t kSerialBelow = 65536;  // a parallel region costs more than it saves

void sort_pass(const std::uint64_t* from, std::uint64_t* to, std::int64_t count, std::uint32_t low, int shift,
               int chunks, std::vector<std::uint32_t>& counts) {
  counts.assign(std::size_t(chunks) * kBuckets, 0);
  auto bucket = [&](std::uint64_t key) { return ((std::uint32_t(key >> 32) - low) >> shift) & (kBuckets - 1); };
#pragma omp parallel for num_threads(chunks) schedule(static, 1)
  for (int c = 0; c < chunks; ++c) {
    std::uint32_t* mine = counts.data() + std::size_t(c) * kBuckets;
    for (std::int64_t i = count * c / chunks; i < count * (c + 1) / chunks; ++i) ++mine[bucket(from[i])];
  }
  std::uint32_t next = 0;
  for (int b = 0; b < kBuckets; ++b)
    for (int c = 0; c < chunks; ++c) {
      std::uint32_t& slot = counts[std::size_t(c) * kBuckets + b];
      const std::uint32_t here = slot;
      slot = next, next += here;
    }
#pragma omp parallel for num_threads(chunks) schedule(static, 1)
  for (int c = 0; c < chunks; ++c) {
    std::uint32_t* mine = counts.data() + std::size_t(c) * kBuckets;
    for (std::int64_t i = count * c / chunks; i < count * (c + 1) / chunks; ++i) to[mine[bucket(from[i])]++] = from[i];
  }
}

}  // namespace

std::uint64_t* radix_sort(std::uint64_t* keys, std::uint64_t* scratch, std::int64_t count, std::uint32_t low,
                          std::uint32_t high, int threads) {
  static thread_local std::vector<std::uint32_t> counts;
  const int chunks = count < kSerialBelow ? 1 : threads;
  const std::uint64_t range = std::uint64_t(high) - low;
  for (int shift = 0; shift < 32 && (range >> shift) != 0; shift += kBits) {
    sort_pass(keys, scratch, count, low, shift, chunks, counts);
    std::swap(keys, scratch);
  }
  return keys;
}

}  // namespace gh
