// Structural similarity of one pixel from its four window means, and its partial derivatives.
#pragma once

#include "config.h"
#include "scalar.h"

namespace gh::GH_ISA {

struct SsimConstants {
  float c1, c2;
};

template <class S>
struct SsimMeans {  // over the window: a, b, a^2 + b^2, a b
  S a, b, squares, product;
};

template <class S>
struct SsimPixel {
  S similarity;
  SsimMeans<S> partial;  // derivative by each mean
};

// similarity = A1 A2 / (B1 B2), A1 = 2 ma mb + c1, A2 = 2 cov + c2, B1 = ma^2 + mb^2 + c1, B2 = va + vb + c2.
template <class S>
GH_FN SsimPixel<S> ssim_pixel(const SsimMeans<S>& m, SsimConstants k) {
  const S cross = 2.0f * m.a * m.b, power = m.a * m.a + m.b * m.b;
  const S A1 = cross + k.c1, A2 = 2.0f * m.product - cross + k.c2;
  const S B1 = power + k.c1, B2 = m.squares - power + k.c2;
  const S inverse = (S{} + 1.0f) / (B1 * B2);
  SsimPixel<S> pixel;
  pixel.similarity = A1 * A2 * inverse;
  const S structure = 2.0f * (A2 - A1) * inverse;
  const S norm = 2.0f * pixel.similarity * (B1 - B2) * inverse;
  pixel.partial.a = structure * m.b + norm * m.a;
  pixel.partial.b = structure * m.a + norm * m.b;
  pixel.partial.squares = -pixel.similarity * B1 * inverse;
  pixel.partial.product = 2.0f * A1 * inverse;
  return pixel;
}

}  // namespace gh::GH_ISA
