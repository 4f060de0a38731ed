// Deformation of one Gaussian by the head's motion, and its VJP.
//
// S is the number type of a Gaussian (float, double or a SIMD vector of lanes), F that of the pose.
// The offsets come ready: 3 of the centre (metres), a rotation vector and 3 log-scale changes.
#pragma once

#include "config.h"
#include "projection.h"
#include "scalar.h"

namespace gh::GH_ISA {

constexpr float kQuatNormMin = 1e-12f;  // shorter quaternions are divided by this instead of their length

template <class F>
struct RigidPose {
  F quat[4], position[3];
  F R[9], unit[4], inv_norm;
};

template <class F>
struct BodyPose {
  RigidPose<F> head, torso;
  F flip;  // -1 where the two quaternions lie on opposite halves of the sphere
};

template <class S>
GH_FN S quat_scale(const S q[4]) {  // 1 / length
  const S norm = square_root(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
  return (S{} + 1.0f) / maximum(S{} + kQuatNormMin, norm);
}

// Gradient of q -> q / |q|.
template <class S>
GH_FN void quat_scale_vjp(const S unit[4], S inv_norm, const S v_unit[4], S v_quat[4]) {
  const S along = unit[0] * v_unit[0] + unit[1] * v_unit[1] + unit[2] * v_unit[2] + unit[3] * v_unit[3];
  const S kept = select(less(inv_norm, S{} + 1.0f / kQuatNormMin), along, S{});
  for (int i = 0; i < 4; ++i) v_quat[i] = (v_unit[i] - unit[i] * kept) * inv_norm;
}

template <class A, class B, class S>
GH_FN void quat_product(const A a[4], const B b[4], S out[4]) {
  out[0] = a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3];
  out[1] = a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2];
  out[2] = a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1];
  out[3] = a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0];
}

template <class S>
GH_FN void quat_product_vjp(const S a[4], const S b[4], const S v[4], S v_a[4], S v_b[4]) {
  const S a_back[4] = {a[0], -a[1], -a[2], -a[3]}, b_back[4] = {b[0], -b[1], -b[2], -b[3]};
  quat_product(v, b_back, v_a);
  quat_product(a_back, v, v_b);
}

template <class F>
GH_FN RigidPose<F> make_rigid_pose(const float* numbers /* [7] quaternion, position */) {
  RigidPose<F> pose;
  for (int i = 0; i < 4; ++i) pose.quat[i] = F(numbers[i]);
  for (int i = 0; i < 3; ++i) pose.position[i] = F(numbers[4 + i]);
  pose.inv_norm = quat_scale(pose.quat);
  for (int i = 0; i < 4; ++i) pose.unit[i] = pose.quat[i] * pose.inv_norm;
  const F w = pose.unit[0], x = pose.unit[1], y = pose.unit[2], z = pose.unit[3];
  const F R[9] = {F(1) - F(2) * (y * y + z * z), F(2) * (x * y - w * z),        F(2) * (x * z + w * y),
                  F(2) * (x * y + w * z),        F(1) - F(2) * (x * x + z * z), F(2) * (y * z - w * x),
                  F(2) * (x * z - w * y),        F(2) * (y * z + w * x),        F(1) - F(2) * (x * x + y * y)};
  for (int i = 0; i < 9; ++i) pose.R[i] = R[i];
  return pose;
}

template <class F>
GH_FN BodyPose<F> make_body_pose(const float* numbers /* [14] head, torso */) {
  BodyPose<F> pose = {make_rigid_pose<F>(numbers), make_rigid_pose<F>(numbers + 7), F(1)};
  F dot = F(0);
  for (int i = 0; i < 4; ++i) dot += pose.head.quat[i] * pose.torso.quat[i];
  if (dot < F(0)) pose.flip = F(-1);
  return pose;
}

template <class S>
struct RestGaussian {
  S mean[3], quat[4], log_scale[3], logit_opacity, head_weight;
  S moved[3], turned[3], grown[3];  // offsets of this moment
};

template <class S>
struct DeformedGaussian {
  S mean[3], quat[4], scale[3], opacity;
  // Kept for the VJP.
  S at_rest[3], unit[4], inv_norm, spin[4], spun[4], bone[4], bone_inv_norm;
};

template <class S>
GH_FN S exponential(S a) {  // argument order: a NaN stays one
  return power_of_two(maximum(S{} - 125.0f, minimum(S{} + 125.0f, a * kLog2E)));
}

template <class S, class F>
GH_FN DeformedGaussian<S> deform(const RestGaussian<S>& g, const BodyPose<F>& pose) {
  DeformedGaussian<S> d;
  const S w = g.head_weight, w_torso = F(1) - w;
  for (int k = 0; k < 3; ++k) d.at_rest[k] = g.mean[k] + g.moved[k];
  const S* m = d.at_rest;
  for (int i = 0; i < 3; ++i) {
    const F *H = pose.head.R + 3 * i, *T = pose.torso.R + 3 * i;
    const S in_head = H[0] * m[0] + H[1] * m[1] + H[2] * m[2] + pose.head.position[i];
    const S in_torso = T[0] * m[0] + T[1] * m[1] + T[2] * m[2] + pose.torso.position[i];
    d.mean[i] = w * in_head + w_torso * in_torso;
  }
  d.inv_norm = quat_scale(g.quat);
  for (int i = 0; i < 4; ++i) d.unit[i] = g.quat[i] * d.inv_norm;
  d.spin[0] = S{} + F(1);
  for (int k = 0; k < 3; ++k) d.spin[1 + k] = F(0.5) * g.turned[k];
  quat_product(d.spin, d.unit, d.spun);
  S blend[4];
  for (int i = 0; i < 4; ++i) blend[i] = w * pose.head.quat[i] + w_torso * (pose.flip * pose.torso.quat[i]);
  d.bone_inv_norm = quat_scale(blend);
  for (int i = 0; i < 4; ++i) d.bone[i] = blend[i] * d.bone_inv_norm;
  quat_product(d.bone, d.spun, d.quat);
  for (int k = 0; k < 3; ++k) d.scale[k] = exponential(g.log_scale[k] + g.grown[k]);
  d.opacity = (S{} + F(1)) / (F(1) + exponential(-g.logit_opacity));
  return d;
}

template <class S>
struct DeformCotangent {
  S mean[3], quat[4], scale[3], opacity;
};

template <class S>
struct DeformGradient {
  S mean[3], quat[4], log_scale[3], logit_opacity, turned[3];  // moved is mean's, grown is log_scale's
  S blend[4];                                                  // of the blended, not yet normalised bone
};

template <class S, class F>
GH_FN DeformGradient<S> deform_vjp(const RestGaussian<S>& g, const DeformedGaussian<S>& d, const BodyPose<F>& pose,
                                   const DeformCotangent<S>& v) {
  DeformGradient<S> grad;
  const S w = g.head_weight, w_torso = F(1) - w;
  for (int j = 0; j < 3; ++j) {
    const F *H = pose.head.R + j, *T = pose.torso.R + j;
    grad.mean[j] = w * (H[0] * v.mean[0] + H[3] * v.mean[1] + H[6] * v.mean[2]) +
                   w_torso * (T[0] * v.mean[0] + T[3] * v.mean[1] + T[6] * v.mean[2]);
  }
  S v_bone[4], v_spun[4], v_spin[4], v_unit[4];
  quat_product_vjp(d.bone, d.spun, v.quat, v_bone, v_spun);
  quat_product_vjp(d.spin, d.unit, v_spun, v_spin, v_unit);
  quat_scale_vjp(d.unit, d.inv_norm, v_unit, grad.quat);
  quat_scale_vjp(d.bone, d.bone_inv_norm, v_bone, grad.blend);
  for (int k = 0; k < 3; ++k) {
    grad.turned[k] = F(0.5) * v_spin[1 + k];
    grad.log_scale[k] = v.scale[k] * d.scale[k];
  }
  grad.logit_opacity = v.opacity * d.opacity * (F(1) - d.opacity);
  return grad;
}

// What a Gaussian adds to the gradient of the pose; sums over Gaussians are taken before the quaternions' chain rule.
template <class S>
struct PoseSums {
  S head_R[9], torso_R[9], head_position[3], torso_position[3], head_blend[4], torso_blend[4];
};
constexpr int kPoseSums = 32;

template <class S>
GH_FN void add_to_pose(const RestGaussian<S>& g, const DeformedGaussian<S>& d, const DeformCotangent<S>& v,
                       const DeformGradient<S>& grad, PoseSums<S>& sums) {
  const S w = g.head_weight, w_torso = 1.0f - w;
  for (int i = 0; i < 3; ++i) {
    const S head = w * v.mean[i], torso = w_torso * v.mean[i];
    for (int j = 0; j < 3; ++j) {
      sums.head_R[3 * i + j] += head * d.at_rest[j];
      sums.torso_R[3 * i + j] += torso * d.at_rest[j];
    }
    sums.head_position[i] += head, sums.torso_position[i] += torso;
  }
  for (int i = 0; i < 4; ++i) sums.head_blend[i] += w * grad.blend[i], sums.torso_blend[i] += w_torso * grad.blend[i];
}

template <class F>
GH_FN void rigid_pose_vjp(const RigidPose<F>& pose, const F v_R[9], const F v_quat_direct[4], const F v_position[3],
                          float* v_numbers /* [7] */) {
  F v_unit[4], v_quat[4];
  quat_to_rotmat_vjp(pose.unit, v_R, v_unit);
  quat_scale_vjp(pose.unit, pose.inv_norm, v_unit, v_quat);
  for (int i = 0; i < 4; ++i) v_numbers[i] = float(v_quat[i] + v_quat_direct[i]);
  for (int i = 0; i < 3; ++i) v_numbers[4 + i] = float(v_position[i]);
}

// How SH coefficients of degree 1 (order y, z, x; signs -, +, -) turn with a rotation, and back.
template <class F>
GH_FN void sh1_rotation(const F R[9], F turn[9]) {
  const int axis[3] = {1, 2, 0};
  const F sign[3] = {F(-1), F(1), F(-1)};
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) turn[3 * i + j] = sign[i] * sign[j] * R[3 * axis[i] + axis[j]];
}

template <class F>
GH_FN void sh1_rotation_vjp(const F v_turn[9], F v_R[9]) {  // adds
  const int axis[3] = {1, 2, 0};
  const F sign[3] = {F(-1), F(1), F(-1)};
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) v_R[3 * axis[i] + axis[j]] += sign[i] * sign[j] * v_turn[3 * i + j];
}

}  // namespace gh::GH_ISA
