// Rows of K floats to K vectors of kWidth lanes, and back.
#pragma once

#include "simd.h"

namespace gh::GH_ISA {

// Lanes past the end repeat the last row.
template <int K>
inline void rows_to_lanes(const float* rows, int count, Vec* out) {
  float turned[K][kWidth];
  if (count == kWidth) {
    for (int lane = 0; lane < kWidth; ++lane)
      for (int k = 0; k < K; ++k) turned[k][lane] = rows[K * lane + k];
  } else {
    for (int lane = 0; lane < kWidth; ++lane) {
      for (int k = 0; k < K; ++k) turned[k][lane] = rows[k];
      if (lane + 1 < count) rows += K;
    }
  }
  for (int k = 0; k < K; ++k) out[k] = load(turned[k]);
}

template <int K>
inline void lanes_to_rows(const Vec* lanes, int count, float* rows) {
  float turned[K][kWidth];
  for (int k = 0; k < K; ++k) store(turned[k], lanes[k]);
  if (count == kWidth) {
    for (int lane = 0; lane < kWidth; ++lane)
      for (int k = 0; k < K; ++k) rows[K * lane + k] = turned[k][lane];
  } else {
    for (int lane = 0; lane < count; ++lane)
      for (int k = 0; k < K; ++k) rows[K * lane + k] = turned[k][lane];
  }
}

// Lanes from `count` on become 0.
inline void zero_lanes(int count, Vec* vectors, int number) {
  for (int i = 0; i < number; ++i)
    for (int lane = count; lane < kWidth; ++lane) vectors[i][lane] = 0.0f;
}

inline float lane_sum(Vec a) {
  float sum = 0.0f;
  for (int lane = 0; lane < kWidth; ++lane) sum += a[lane];
  return sum;
}

}  // namespace gh::GH_ISA
