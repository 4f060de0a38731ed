// One SIMD register of floats for the instruction set this file is compiled for, with the
// operations of core/scalar.h. GH_WIDTH lanes: 4 (SSE2, NEON, anything), 8 (AVX2 + FMA) or 16 (AVX-512).
//
// A register covers a block of 4 x (GH_WIDTH / 4) pixels.
#pragma once

#include <stdint.h>
#include <string.h>

#include "../core/config.h"
#include "../core/scalar.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace gh::GH_ISA {

constexpr int kWidth = GH_WIDTH;
typedef float Vec __attribute__((vector_size(4 * GH_WIDTH)));
typedef int32_t VecInt __attribute__((vector_size(4 * GH_WIDTH)));
typedef uint32_t VecUint __attribute__((vector_size(4 * GH_WIDTH)));  // wraps around by definition
#if GH_WIDTH == 16
typedef __mmask16 Mask;
inline Vec select(Mask mask, Vec a, Vec b) { return (Vec)_mm512_mask_blend_ps(mask, (__m512)b, (__m512)a); }
inline Mask both(Mask a, Mask b) { return a & b; }
inline Mask less(Vec a, Vec b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LT_OQ); }
inline Mask at_least(Vec a, Vec b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_GE_OQ); }
inline Vec minimum(Vec a, Vec b) { return (Vec)_mm512_min_ps((__m512)a, (__m512)b); }
inline Vec maximum(Vec a, Vec b) { return (Vec)_mm512_max_ps((__m512)a, (__m512)b); }
inline Vec square_root(Vec a) { return (Vec)_mm512_sqrt_ps((__m512)a); }
inline Vec negative_where(Mask mask, Vec a) {
  const __m512i sign = _mm512_set1_epi32(INT32_MIN), bits = _mm512_castps_si512((__m512)a);
  return (Vec)_mm512_castsi512_ps(_mm512_mask_or_epi32(bits, mask, bits, sign));
}
inline Vec reciprocal(Vec a) {
  const Vec guess = (Vec)_mm512_rcp14_ps((__m512)a);
  return guess * (2.0f - a * guess);
}
inline bool all_negative(Vec a) { return _mm512_movepi32_mask(_mm512_castps_si512((__m512)a)) == 0xffff; }
// Sums over the lanes of 16 vectors, in their order.
inline void lane_sums(const Vec* a, float* out) {
  __m512 pairs[8], quads[4];
  for (int i = 0; i < 8; ++i) {
    const __m512 p = (__m512)a[2 * i], q = (__m512)a[2 * i + 1];
    pairs[i] = _mm512_add_ps(_mm512_unpacklo_ps(p, q), _mm512_unpackhi_ps(p, q));
  }
  for (int i = 0; i < 4; ++i) {
    const __m512d p = _mm512_castps_pd(pairs[2 * i]), q = _mm512_castps_pd(pairs[2 * i + 1]);
    quads[i] = _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(p, q)), _mm512_castpd_ps(_mm512_unpackhi_pd(p, q)));
  }
  const __m512 low =
      _mm512_add_ps(_mm512_shuffle_f32x4(quads[0], quads[1], 0x44), _mm512_shuffle_f32x4(quads[0], quads[1], 0xee));
  const __m512 high =
      _mm512_add_ps(_mm512_shuffle_f32x4(quads[2], quads[3], 0x44), _mm512_shuffle_f32x4(quads[2], quads[3], 0xee));
  _mm512_storeu_ps(out, _mm512_add_ps(_mm512_shuffle_f32x4(low, high, 0x88), _mm512_shuffle_f32x4(low, high, 0xdd)));
}
#else
typedef VecInt Mask;
inline Mask less(Vec a, Vec b) { return a < b; }
inline Mask at_least(Vec a, Vec b) { return a >= b; }
inline Mask both(Mask a, Mask b) { return a & b; }
inline Vec negative_where(Mask mask, Vec a) { return (Vec)((VecInt)a | (mask & INT32_MIN)); }
#if defined(__AVX2__)
inline Vec select(Mask mask, Vec a, Vec b) { return (Vec)_mm256_blendv_ps((__m256)b, (__m256)a, (__m256)mask); }
inline Vec minimum(Vec a, Vec b) { return (Vec)_mm256_min_ps((__m256)a, (__m256)b); }
inline Vec maximum(Vec a, Vec b) { return (Vec)_mm256_max_ps((__m256)a, (__m256)b); }
inline Vec square_root(Vec a) { return (Vec)_mm256_sqrt_ps((__m256)a); }
inline Vec reciprocal(Vec a) {
  const Vec guess = (Vec)_mm256_rcp_ps((__m256)a);
  return guess * (2.0f - a * guess);
}
inline bool all_negative(Vec a) { return _mm256_movemask_ps((__m256)a) == 0xff; }
// Sums over the lanes of 8 vectors, in their order.
inline void lane_sums(const Vec* a, float* out) {
  __m256 quads[2];
  for (int i = 0; i < 2; ++i) {
    const __m256 p = _mm256_hadd_ps((__m256)a[4 * i], (__m256)a[4 * i + 1]);
    const __m256 q = _mm256_hadd_ps((__m256)a[4 * i + 2], (__m256)a[4 * i + 3]);
    quads[i] = _mm256_hadd_ps(p, q);
  }
  _mm256_storeu_ps(out, _mm256_add_ps(_mm256_permute2f128_ps(quads[0], quads[1], 0x20),
                                      _mm256_permute2f128_ps(quads[0], quads[1], 0x31)));
}
#else
inline Vec select(Mask mask, Vec a, Vec b) { return (Vec)((mask & (VecInt)a) | (~mask & (VecInt)b)); }
inline Vec minimum(Vec a, Vec b) { return select(a < b, a, b); }
inline Vec maximum(Vec a, Vec b) { return select(a > b, a, b); }
inline Vec square_root(Vec a) {
  for (int i = 0; i < kWidth; ++i) a[i] = __builtin_sqrtf(a[i]);
  return a;
}
inline Vec reciprocal(Vec a) { return 1.0f / a; }
inline bool all_negative(Vec a) {
  int32_t sign = -1;
  for (int i = 0; i < kWidth; ++i) sign &= ((VecInt)a)[i];
  return sign < 0;
}
inline void lane_sums(const Vec* a, float* out) {
  for (int i = 0; i < kWidth; ++i) {
    float sum = 0.0f;
    for (int lane = 0; lane < kWidth; ++lane) sum += a[i][lane];
    out[i] = sum;
  }
}
#endif
#endif

inline Vec absolute(Vec a) { return (Vec)((VecInt)a & INT32_MAX); }

inline VecInt lane_numbers() {
  VecInt lanes;
  for (int i = 0; i < kWidth; ++i) lanes[i] = i;
  return lanes;
}

inline VecInt to_int(Vec a) { return __builtin_convertvector(a, VecInt); }

// 2^a to a relative 2e-7 for |a| < 126; anything beyond is garbage, so callers mask it.
inline Vec power_of_two(Vec a) {
  const float round = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer held in the low bits
  const Vec shifted = a + round;
  const Vec f = a - (shifted - round);
  Vec poly = 0.00132764725f * f + 0.00967554148f;  // minimax on [-1/2, 1/2], relative error 7.5e-8
  poly = poly * f + 0.0555071327f;
  poly = poly * f + 0.240221197f;
  poly = poly * f + 0.693146967f;
  poly = poly * f + 1.00000007f;
  return (Vec)((VecUint)poly + ((VecUint)shifted << 23));
}

// log2(a) to 3e-7 for normal a > 0; anything else is garbage (0 gives a large negative number).
inline Vec logarithm_2(Vec a) {
  const VecInt bits = (VecInt)((VecUint)a - 0x3f3504f3u);  // sqrt(1/2): mantissa goes to [sqrt(1/2), sqrt(2))
  const VecInt exponent = bits >> 23;
  const Vec m = (Vec)((bits & 0x007fffff) + 0x3f3504f3);
  const Vec s = (m - 1.0f) / (m + 1.0f), s2 = s * s;  // log2(m) = 2/ln(2) atanh(s)
  const Vec series = (((0.320599f * s2 + 0.412198f) * s2 + 0.577078f) * s2 + 0.961796694f) * s2 + 2.88539008f;
  return series * s + __builtin_convertvector(exponent, Vec);
}

inline Vec load(const float* p) {
  Vec a;
  memcpy(&a, p, sizeof a);
  return a;
}
inline void store(float* p, Vec a) { memcpy(p, &a, sizeof a); }

}  // namespace gh::GH_ISA
