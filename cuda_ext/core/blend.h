// Front-to-back alpha blending of one splat over one pixel (or one vector of pixels), and its VJP.
//
// The exponent is kept in base 2: alpha = min(2^power, kAlphaMax). A pixel's transmittance T is
// stored negative once the pixel is finished, so one number holds both; |T| is what remains.
#pragma once

#include "config.h"
#include "scalar.h"

namespace gh::GH_ISA {

template <class V>
struct Blended {
  V alpha, weight, T;  // weight = alpha T of contributing pixels, 0 elsewhere
};

template <class V>
GH_FN Blended<V> blend_step(V power, V T) {
  Blended<V> step;
  step.alpha = minimum(power_of_two(power), V{} + kAlphaMax);
  const V weight = step.alpha * T;
  const V next = T - weight;
  const auto visible = at_least(power, V{} + kLog2AlphaMin);
  const auto taken = both(visible, less(V{} + kTransmittanceMin, next));
  step.weight = select(taken, weight, V{});
  step.T = select(taken, next, negative_where(visible, T));
  return step;
}

// Gradient to log(alpha) of one contribution.
//   along: <v_out, channels of this splat> + v_alpha
//   behind: <v_out, out> + v_alpha out_alpha, less everything up to and including this splat
template <class V>
GH_FN V blend_step_vjp(V power, V T, const Blended<V>& step, V along, V behind) {
  const V v_alpha = T * along - behind * reciprocal(1.0f - step.alpha);
  const auto passes = both(less(V{}, step.weight), less(power, V{} + kLog2AlphaMax));
  return select(passes, step.alpha * v_alpha, V{});
}

}  // namespace gh::GH_ISA
