// Projection of one Gaussian to the image (EWA splatting, Zwicker et al. 2001) and its VJP.
//
// S is the number type of a Gaussian (float, double or a SIMD vector of lanes), F that of the view.
#pragma once

#include "config.h"
#include "scalar.h"

namespace gh::GH_ISA {

template <class F>
struct View {
  F R[9], t[3];          // world to camera
  F fx, fy, cx, cy;      // pixels
  F lim_x[2], lim_y[2];  // clamps of x/z and y/z in the local affine map
};

template <class F>
GH_FN View<F> make_view(const F* viewmat /* [4, 4] */, const F* K /* [3, 3] */, F width, F height) {
  View<F> view;
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) view.R[3 * i + j] = viewmat[4 * i + j];
    view.t[i] = viewmat[4 * i + 3];
  }
  view.fx = K[0], view.fy = K[4], view.cx = K[2], view.cy = K[5];
  const F margin_x = F(kFrustumMargin) * F(0.5) * width / view.fx;
  const F margin_y = F(kFrustumMargin) * F(0.5) * height / view.fy;
  view.lim_x[0] = -view.cx / view.fx - margin_x, view.lim_x[1] = (width - view.cx) / view.fx + margin_x;
  view.lim_y[0] = -view.cy / view.fy - margin_y, view.lim_y[1] = (height - view.cy) / view.fy + margin_y;
  return view;
}

template <class S>
struct Projection {
  S x, y, depth;                   // pixels, pixels, metres along the optical axis
  S cov_xx, cov_xy, cov_yy, det;   // screen covariance, blur included
  S conic_xx, conic_xy, conic_yy;  // its inverse
  // Kept for the VJP.
  S quat[4], inv_norm, scale[3], Rq[9], M[9], P[6], U[6], rz, u, v, u_clamped, v_clamped;
};

// The form of a Gaussian, its covariance being M M^T: a rotation wxyz and three scales, or with `covariances` the
// covariance itself, xx xy xz yy yz zz.
constexpr int kForm = 7, kCovariance = 6;

template <class F, class S>
GH_FN void axes_of_rotation(const S quat[4], const S scale[3], Projection<S>& p) {
  const S one = S{} + F(1);
  const S norm = square_root(quat[0] * quat[0] + quat[1] * quat[1] + quat[2] * quat[2] + quat[3] * quat[3]);
  p.inv_norm = one / maximum(norm, S{} + F(1e-12));
  for (int i = 0; i < 4; ++i) p.quat[i] = quat[i] * p.inv_norm;
  const S w = p.quat[0], x = p.quat[1], y = p.quat[2], z = p.quat[3];
  p.Rq[0] = F(1) - F(2) * (y * y + z * z), p.Rq[1] = F(2) * (x * y - w * z), p.Rq[2] = F(2) * (x * z + w * y);
  p.Rq[3] = F(2) * (x * y + w * z), p.Rq[4] = F(1) - F(2) * (x * x + z * z), p.Rq[5] = F(2) * (y * z - w * x);
  p.Rq[6] = F(2) * (x * z - w * y), p.Rq[7] = F(2) * (y * z + w * x), p.Rq[8] = F(1) - F(2) * (x * x + y * y);
  for (int j = 0; j < 3; ++j) {
    p.scale[j] = scale[j];
    for (int i = 0; i < 3; ++i) p.M[3 * i + j] = p.Rq[3 * i + j] * scale[j];
  }
}

// Cholesky's factor, where flat and thin ones have columns of zeros. What is not finite stays so.
template <class F, class S>
GH_FN void axes_of_covariance(const S c[kCovariance], Projection<S>& p) {
  const S zero = S{}, one = S{} + F(1), broken = (c[0] + c[1] + c[2] + c[3] + c[4] + c[5]) * F(0);
  const auto over = [&](S value, S by) {
    return select(less(zero, by), value / select(less(zero, by), by, one), zero);
  };
  const S a = square_root(maximum(c[0], zero)), b = over(c[1], a), d = over(c[2], a);
  const S e = square_root(maximum(c[3] - b * b, zero)), f = over(c[4] - b * d, e);
  const S g = square_root(maximum(c[5] - d * d - f * f, zero));
  p.M[0] = a + broken, p.M[1] = zero, p.M[2] = zero;
  p.M[3] = b, p.M[4] = e, p.M[5] = zero;
  p.M[6] = d, p.M[7] = f, p.M[8] = g;
}

template <class S, class F>
GH_FN Projection<S> project(const S mean[3], const S form[kForm], bool covariances, const View<F>& view, F eps2d) {
  Projection<S> p;
  const S one = S{} + F(1);
  if (covariances)
    axes_of_covariance<F>(form, p);
  else
    axes_of_rotation<F>(form, form + 4, p);

  S cam[3];
  for (int i = 0; i < 3; ++i)
    cam[i] = view.R[3 * i] * mean[0] + view.R[3 * i + 1] * mean[1] + view.R[3 * i + 2] * mean[2] + view.t[i];
  p.depth = cam[2];
  p.rz = one / cam[2];
  p.u = cam[0] * p.rz, p.v = cam[1] * p.rz;
  p.x = view.fx * p.u + view.cx, p.y = view.fy * p.v + view.cy;
  p.u_clamped = minimum(maximum(p.u, S{} + view.lim_x[0]), S{} + view.lim_x[1]);
  p.v_clamped = minimum(maximum(p.v, S{} + view.lim_y[0]), S{} + view.lim_y[1]);
  const S J00 = view.fx * p.rz, J11 = view.fy * p.rz;
  const S J02 = -view.fx * p.u_clamped * p.rz, J12 = -view.fy * p.v_clamped * p.rz;
  for (int k = 0; k < 3; ++k) {
    p.P[k] = J00 * view.R[k] + J02 * view.R[6 + k];
    p.P[3 + k] = J11 * view.R[3 + k] + J12 * view.R[6 + k];
  }
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 3; ++j)
      p.U[3 * i + j] = p.P[3 * i] * p.M[j] + p.P[3 * i + 1] * p.M[3 + j] + p.P[3 * i + 2] * p.M[6 + j];
  p.cov_xx = p.U[0] * p.U[0] + p.U[1] * p.U[1] + p.U[2] * p.U[2] + eps2d;
  p.cov_xy = p.U[0] * p.U[3] + p.U[1] * p.U[4] + p.U[2] * p.U[5];
  p.cov_yy = p.U[3] * p.U[3] + p.U[4] * p.U[4] + p.U[5] * p.U[5] + eps2d;
  // As a sum of squares: xx yy - xy^2 would cancel for long thin Gaussians.
  const S across[3] = {p.U[1] * p.U[5] - p.U[2] * p.U[4], p.U[2] * p.U[3] - p.U[0] * p.U[5],
                       p.U[0] * p.U[4] - p.U[1] * p.U[3]};
  p.det = across[0] * across[0] + across[1] * across[1] + across[2] * across[2] + eps2d * (p.cov_xx + p.cov_yy - eps2d);
  const S inv_det = one / p.det;
  p.conic_xx = p.cov_yy * inv_det, p.conic_xy = -p.cov_xy * inv_det, p.conic_yy = p.cov_xx * inv_det;
  return p;
}

template <class S>
struct ProjectionCotangent {
  S x, y, depth, conic_xx, conic_xy, conic_yy;
};

template <class S>
struct ProjectionGradient {
  S mean[3], form[kForm], R[9], t[3];  // R and t: this Gaussian's share of the view's gradient
};

template <class S>
GH_FN void quat_to_rotmat_vjp(const S q[4], const S v_R[9], S v_quat[4]) {
  const S w = q[0], x = q[1], y = q[2], z = q[3];
  const S s01 = v_R[1] + v_R[3], s02 = v_R[2] + v_R[6], s12 = v_R[5] + v_R[7];
  const S d10 = v_R[3] - v_R[1], d02 = v_R[2] - v_R[6], d21 = v_R[7] - v_R[5];
  v_quat[0] = 2.0f * (x * d21 + y * d02 + z * d10);
  v_quat[1] = 2.0f * (y * s01 + z * s02 + w * d21 - 2.0f * x * (v_R[4] + v_R[8]));
  v_quat[2] = 2.0f * (x * s01 + z * s12 + w * d02 - 2.0f * y * (v_R[0] + v_R[8]));
  v_quat[3] = 2.0f * (x * s02 + y * s12 + w * d10 - 2.0f * z * (v_R[0] + v_R[4]));
}

// From v_M to a rotation and scales.
template <class F, class S>
GH_FN void axes_of_rotation_vjp(const Projection<S>& p, const S v_M[9], S v_quat[4], S v_scale[3]) {
  S v_Rq[9], v_unit[4];
  for (int j = 0; j < 3; ++j) {  // M = Rq diag(scale)
    v_scale[j] = v_M[j] * p.Rq[j] + v_M[3 + j] * p.Rq[3 + j] + v_M[6 + j] * p.Rq[6 + j];
    for (int i = 0; i < 3; ++i) v_Rq[3 * i + j] = v_M[3 * i + j] * p.scale[j];
  }
  quat_to_rotmat_vjp(p.quat, v_Rq, v_unit);
  const S along = p.quat[0] * v_unit[0] + p.quat[1] * v_unit[1] + p.quat[2] * v_unit[2] + p.quat[3] * v_unit[3];
  for (int i = 0; i < 4; ++i) v_quat[i] = (v_unit[i] - p.quat[i] * along) * p.inv_norm;
}

// P^T H P of a symmetric H; what stands for two equal entries gets both their gradients.
template <class F, class S>
GH_FN void covariance_vjp(const S P[6], S h00, S h01, S h11, S v_covariance[kCovariance]) {
  int at = 0;
  for (int k = 0; k < 3; ++k)
    for (int l = k; l < 3; ++l) {
      const S entry = h00 * P[k] * P[l] + h01 * (P[k] * P[3 + l] + P[3 + k] * P[l]) + h11 * P[3 + k] * P[3 + l];
      v_covariance[at++] = k == l ? entry : F(2) * entry;
    }
}

template <class S, class F>
GH_FN ProjectionGradient<S> project_vjp(const S mean[3], const Projection<S>& p, bool covariances, const View<F>& view,
                                        const ProjectionCotangent<S>& v) {
  ProjectionGradient<S> g;
  // conic = cov^-1: v_cov = -conic v_conic conic; conic_xy stands for both off-diagonals.
  const S a = p.conic_xx, b = p.conic_xy, c = p.conic_yy, half_b = F(0.5) * v.conic_xy;
  const S q00 = v.conic_xx * a + half_b * b, q01 = v.conic_xx * b + half_b * c;
  const S q10 = half_b * a + v.conic_yy * b, q11 = half_b * b + v.conic_yy * c;
  const S h00 = -(a * q00 + b * q10), h01 = -(a * q01 + b * q11), h11 = -(b * q01 + c * q11);

  S v_U[6], v_P[6], v_M[9];
  for (int j = 0; j < 3; ++j) {  // cov = U U^T + eps
    v_U[j] = F(2) * (h00 * p.U[j] + h01 * p.U[3 + j]);
    v_U[3 + j] = F(2) * (h01 * p.U[j] + h11 * p.U[3 + j]);
  }
  for (int k = 0; k < 3; ++k) {  // U = P M
    v_P[k] = v_U[0] * p.M[3 * k] + v_U[1] * p.M[3 * k + 1] + v_U[2] * p.M[3 * k + 2];
    v_P[3 + k] = v_U[3] * p.M[3 * k] + v_U[4] * p.M[3 * k + 1] + v_U[5] * p.M[3 * k + 2];
    for (int j = 0; j < 3; ++j) v_M[3 * k + j] = p.P[k] * v_U[j] + p.P[3 + k] * v_U[3 + j];
  }
  g.form[kForm - 1] = S{};
  if (covariances)
    covariance_vjp<F>(p.P, h00, h01, h11, g.form);
  else
    axes_of_rotation_vjp<F>(p, v_M, g.form, g.form + 4);

  // P = J R with J00 = fx/z, J02 = -fx clamp(x/z)/z and the same in y.
  S v_J00 = S{}, v_J02 = S{}, v_J11 = S{}, v_J12 = S{};
  for (int k = 0; k < 3; ++k) {
    v_J00 += v_P[k] * view.R[k], v_J02 += v_P[k] * view.R[6 + k];
    v_J11 += v_P[3 + k] * view.R[3 + k], v_J12 += v_P[3 + k] * view.R[6 + k];
  }
  const S zero = S{};
  const auto inside_x = both(less(S{} + view.lim_x[0], p.u), less(p.u, S{} + view.lim_x[1]));
  const auto inside_y = both(less(S{} + view.lim_y[0], p.v), less(p.v, S{} + view.lim_y[1]));
  const S v_u = view.fx * v.x + select(inside_x, -view.fx * p.rz * v_J02, zero);
  const S v_v = view.fy * v.y + select(inside_y, -view.fy * p.rz * v_J12, zero);
  const S v_rz = view.fx * (v_J00 - p.u_clamped * v_J02) + view.fy * (v_J11 - p.v_clamped * v_J12) +
                 (v_u * p.u + v_v * p.v) * p.depth;
  const S v_cam[3] = {v_u * p.rz, v_v * p.rz, v.depth - v_rz * p.rz * p.rz};

  const S J00 = view.fx * p.rz, J11 = view.fy * p.rz;
  const S J02 = -view.fx * p.u_clamped * p.rz, J12 = -view.fy * p.v_clamped * p.rz;
  for (int k = 0; k < 3; ++k) {
    g.mean[k] = view.R[k] * v_cam[0] + view.R[3 + k] * v_cam[1] + view.R[6 + k] * v_cam[2];
    g.t[k] = v_cam[k];
    g.R[k] = v_cam[0] * mean[k] + J00 * v_P[k];
    g.R[3 + k] = v_cam[1] * mean[k] + J11 * v_P[3 + k];
    g.R[6 + k] = v_cam[2] * mean[k] + J02 * v_P[k] + J12 * v_P[3 + k];
  }
  return g;
}

}  // namespace gh::GH_ISA
