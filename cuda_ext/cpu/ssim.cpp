// The similarity map of a few picture rows at a time, forward and backward: the quantities to blur are formed
// on the fly and blurred down into scratch rows that stay in the cache, then across, then combined.
#include "simd.h"  // first: the shared headers look its vector operations up

#include "../core/ssim.h"

#include "kernels.h"
#include "lanes.h"

namespace gh::GH_ISA {

namespace {

constexpr int kGroup = kWidth == 16 ? 4 : 2;  // rows blurred together: as many sums as fit the registers
constexpr int kReach = kSsimTaps / 2;
constexpr int kWindowRows = kGroup + kSsimTaps - 1;

// f(x) for registers that cover [0, width); the last one may overlap the one before it.
template <class F>
inline void across(int width, F&& f) {
  int x = 0;
  for (; x + kWidth <= width; x += kWidth) f(x);
  if (x < width) f(width - kWidth);
}

// Scratch rows of Q quantities for kGroup picture rows, with a margin of zeros on both sides.
template <int Q>
class Scratch {
 public:
  Scratch(float* memory, const SsimView& view)
      : memory_(memory), margin_(kReach * view.C), stride_(view.row() + 2 * margin_) {
    for (int i = 0; i < Q * kGroup; ++i) {
      memset(memory_ + i * int64_t(stride_), 0, sizeof(float) * margin_);
      memset(memory_ + (i + 1) * int64_t(stride_) - margin_, 0, sizeof(float) * margin_);
    }
  }
  // The first pixel of a row; kReach pixels before it and past its end are 0.
  float* row(int k, int q) const { return memory_ + (k * Q + q) * int64_t(stride_) + margin_; }

 private:
  float* memory_;
  int margin_, stride_;
};

// Rows of one picture that the window of a group of rows reaches; those outside the picture are zero.
struct Window {
  const float* rows[kWindowRows];

  Window(const float* picture, const SsimView& view, const float* zeros, int first) {
    for (int i = 0; i < kWindowRows; ++i) {
      const int y = first - kReach + i;
      rows[i] = y >= 0 && y < view.H ? picture + int64_t(y) * view.row() : zeros;
    }
  }
};

// Blur down: `quantities(i, x, out)` gives the Q quantities of window row i.
template <int Q, class F>
inline void blur_down(const SsimView& view, const Scratch<Q>& scratch, F&& quantities) {
  Vec taps[kSsimTaps];
  for (int t = 0; t < kSsimTaps; ++t) taps[t] = Vec{} + view.taps[t];
  across(view.row(), [&](int x) {
    Vec sums[kGroup][Q] = {};
#pragma GCC unroll 16
    for (int i = 0; i < kWindowRows; ++i) {
      Vec values[Q];
      quantities(i, x, values);
#pragma GCC unroll 4
      for (int k = 0; k < kGroup; ++k)
        if (i >= k && i - k < kSsimTaps)
          for (int q = 0; q < Q; ++q) sums[k][q] += taps[i - k] * values[q];
    }
    for (int k = 0; k < kGroup; ++k)
      for (int q = 0; q < Q; ++q) store(scratch.row(k, q) + x, sums[k][q]);
  });
}

// Blur across at x; C is the number of channels, or 0 to take it from the picture.
template <int C>
inline Vec blur_across(const SsimView& view, const float* row, int x) {
  const int step = C ? C : view.C;
  const float* p = row + x - kReach * step;
  Vec even = {}, odd = {};
#pragma GCC unroll 12
  for (int t = 0; t < kSsimTaps; t += 2) even += view.taps[t] * load(p + t * step);
#pragma GCC unroll 12
  for (int t = 1; t < kSsimTaps; t += 2) odd += view.taps[t] * load(p + t * step);
  return even + odd;
}

template <int C>
void map_group(const SsimView& view, const Scratch<4>& scratch, const float* zeros, float* similarity,
               const SsimPartials* out, int first) {
  const Window a(view.a, view, zeros, first), b(view.b, view, zeros, first);
  blur_down<4>(view, scratch, [&](int i, int x, Vec* values) {
    values[0] = load(a.rows[i] + x), values[1] = load(b.rows[i] + x);
    values[2] = values[0] * values[0] + values[1] * values[1], values[3] = values[0] * values[1];
  });
  const SsimConstants constants = {view.c1, view.c2};
  for (int k = 0; k < kGroup && first + k < view.H; ++k) {
    const int64_t start = int64_t(first + k) * view.row();
    across(view.row(), [&](int x) {
      Vec means[4];
      for (int q = 0; q < 4; ++q) means[q] = blur_across<C>(view, scratch.row(k, q), x);
      const auto pixel = ssim_pixel<Vec>({means[0], means[1], means[2], means[3]}, constants);
      store(similarity + start + x, pixel.similarity);
      if (!out) return;
      store(out->mean_a + start + x, pixel.partial.a);
      store(out->squares + start + x, pixel.partial.squares);
      store(out->product + start + x, pixel.partial.product);
      if (out->mean_b) store(out->mean_b + start + x, pixel.partial.b);
    });
  }
}

// Q is 3, or 4 where b takes a gradient too.
template <int C, int Q>
void map_vjp_group(const SsimView& view, const Scratch<Q>& scratch, const float* zeros, const SsimPartials& partials,
                   const float* v_similarity, float* v_a, float* v_b, int first) {
  const float* sources[4] = {partials.mean_a, partials.squares, partials.product, partials.mean_b};
  const Window v(v_similarity, view, zeros, first), d0(sources[0], view, zeros, first),
      d1(sources[1], view, zeros, first), d2(sources[2], view, zeros, first), d3(sources[Q - 1], view, zeros, first);
  const Window* d[4] = {&d0, &d1, &d2, &d3};
  blur_down<Q>(view, scratch, [&](int i, int x, Vec* values) {
    const Vec cotangent = load(v.rows[i] + x);
    for (int q = 0; q < Q; ++q) values[q] = cotangent * load(d[q]->rows[i] + x);
  });
  for (int k = 0; k < kGroup && first + k < view.H; ++k) {
    const int64_t start = int64_t(first + k) * view.row();
    across(view.row(), [&](int x) {
      Vec blurred[Q];
      for (int q = 0; q < Q; ++q) blurred[q] = blur_across<C>(view, scratch.row(k, q), x);
      const Vec a = load(view.a + start + x), b = load(view.b + start + x);
      store(v_a + start + x, blurred[0] + 2.0f * a * blurred[1] + b * blurred[2]);
      if (Q == 4) store(v_b + start + x, blurred[Q - 1] + 2.0f * b * blurred[1] + a * blurred[2]);
    });
  }
}

}  // namespace

static_assert(kWidth <= kSsimMinWidth, "a register must fit into a row");

void ssim_rows(const SsimView& view, const float* zeros, float* memory, float* similarity, const SsimPartials* partials,
               int begin, int end) {
  const Scratch<4> scratch(memory, view);
  for (int first = begin; first < end; first += kGroup)
    (view.C == 3 ? map_group<3> : map_group<0>)(view, scratch, zeros, similarity, partials, first);
}

void ssim_vjp_rows(const SsimView& view, const float* zeros, float* memory, const SsimPartials& partials,
                   const float* v_similarity, float* v_a, float* v_b, int begin, int end) {
  if (v_b) {
    const Scratch<4> scratch(memory, view);
    for (int first = begin; first < end; first += kGroup)
      (view.C == 3 ? map_vjp_group<3, 4> : map_vjp_group<0, 4>)(view, scratch, zeros, partials, v_similarity, v_a, v_b,
                                                                first);
  } else {
    const Scratch<3> scratch(memory, view);
    for (int first = begin; first < end; first += kGroup)
      (view.C == 3 ? map_vjp_group<3, 3> : map_vjp_group<0, 3>)(view, scratch, zeros, partials, v_similarity, v_a, v_b,
                                                                first);
  }
}

}  // namespace gh::GH_ISA
