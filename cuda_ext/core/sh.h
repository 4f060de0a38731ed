// Real spherical harmonics as colours, degree 0 to 3, in the order and with the signs of the standard 3DGS PLY,
// and their VJP. After Sloan, "Efficient spherical harmonic evaluation" (2013).
#pragma once

#include "config.h"
#include "scalar.h"

namespace gh::GH_ISA {

constexpr int kShBases = 16;          // of degree 3
constexpr float kShNormMin = 1e-12f;  // shorter directions are divided by this instead of their length
constexpr float kShOffset = 0.5f;     // colour of all-zero coefficients
constexpr float kSh0 = 0.28209479177387814f, kSh1 = 0.4886025119029199f;
constexpr float kSh2Cross = 1.0925484305920792f, kSh2Axis = 0.31539156525252005f, kSh2Plane = 0.5462742152960396f;
constexpr float kSh3Edge = 0.5900435899266435f, kSh3Cross = 2.890611442640554f, kSh3Side = 0.4570457994644658f;
constexpr float kSh3Axis = 0.3731763325901154f, kSh3Plane = 1.445305721320277f;

constexpr int sh_bases(int degree) { return (degree + 1) * (degree + 1); }

template <class S>
struct ShDirection {
  S x, y, z, inv_norm;  // unit direction
};

template <class S>
GH_FN ShDirection<S> sh_direction(const S dir[3]) {
  const S norm = square_root(dir[0] * dir[0] + dir[1] * dir[1] + dir[2] * dir[2]);
  const S inv_norm = (S{} + 1.0f) / maximum(norm, S{} + kShNormMin);
  return {dir[0] * inv_norm, dir[1] * inv_norm, dir[2] * inv_norm, inv_norm};
}

template <class S>
GH_FN void sh_basis(int degree, const ShDirection<S>& d, S* out) {
  const S x = d.x, y = d.y, z = d.z;
  out[0] = S{} + kSh0;
  if (degree < 1) return;
  out[1] = -kSh1 * y, out[2] = kSh1 * z, out[3] = -kSh1 * x;
  if (degree < 2) return;
  const S xx = x * x, yy = y * y, zz = z * z;
  out[4] = kSh2Cross * x * y, out[5] = -kSh2Cross * y * z, out[6] = kSh2Axis * (2.0f * zz - xx - yy);
  out[7] = -kSh2Cross * x * z, out[8] = kSh2Plane * (xx - yy);
  if (degree < 3) return;
  out[9] = -kSh3Edge * y * (3.0f * xx - yy), out[10] = kSh3Cross * x * y * z;
  out[11] = -kSh3Side * y * (4.0f * zz - xx - yy), out[12] = kSh3Axis * z * (2.0f * zz - 3.0f * xx - 3.0f * yy);
  out[13] = -kSh3Side * x * (4.0f * zz - xx - yy), out[14] = kSh3Plane * z * (xx - yy);
  out[15] = -kSh3Edge * x * (xx - 3.0f * yy);
}

// Gradient to the direction, before it was normalised, from that to the basis.
template <class S>
GH_FN void sh_basis_vjp(int degree, const ShDirection<S>& d, const S* v, S v_dir[3]) {
  const S x = d.x, y = d.y, z = d.z;
  S v_x = S{}, v_y = S{}, v_z = S{};
  if (degree >= 1) v_x = -kSh1 * v[3], v_y = -kSh1 * v[1], v_z = kSh1 * v[2];
  if (degree >= 2) {
    v_x += kSh2Cross * y * v[4] - 2.0f * kSh2Axis * x * v[6] - kSh2Cross * z * v[7] + 2.0f * kSh2Plane * x * v[8];
    v_y += kSh2Cross * x * v[4] - kSh2Cross * z * v[5] - 2.0f * kSh2Axis * y * v[6] - 2.0f * kSh2Plane * y * v[8];
    v_z += -kSh2Cross * y * v[5] + 4.0f * kSh2Axis * z * v[6] - kSh2Cross * x * v[7];
  }
  if (degree >= 3) {
    const S xx = x * x, yy = y * y, zz = z * z;
    v_x += -6.0f * kSh3Edge * x * y * v[9] + kSh3Cross * y * z * v[10] + 2.0f * kSh3Side * x * y * v[11] -
           6.0f * kSh3Axis * x * z * v[12] - kSh3Side * (4.0f * zz - 3.0f * xx - yy) * v[13] +
           2.0f * kSh3Plane * x * z * v[14] - 3.0f * kSh3Edge * (xx - yy) * v[15];
    v_y += -3.0f * kSh3Edge * (xx - yy) * v[9] + kSh3Cross * x * z * v[10] -
           kSh3Side * (4.0f * zz - xx - 3.0f * yy) * v[11] - 6.0f * kSh3Axis * y * z * v[12] +
           2.0f * kSh3Side * x * y * v[13] - 2.0f * kSh3Plane * y * z * v[14] + 6.0f * kSh3Edge * x * y * v[15];
    v_z += kSh3Cross * x * y * v[10] - 8.0f * kSh3Side * y * z * v[11] +
           kSh3Axis * (6.0f * zz - 3.0f * xx - 3.0f * yy) * v[12] - 8.0f * kSh3Side * x * z * v[13] +
           kSh3Plane * (xx - yy) * v[14];
  }
  const S along = select(less(d.inv_norm, S{} + 1.0f / kShNormMin), x * v_x + y * v_y + z * v_z, S{});
  v_dir[0] = (v_x - x * along) * d.inv_norm;
  v_dir[1] = (v_y - y * along) * d.inv_norm;
  v_dir[2] = (v_z - z * along) * d.inv_norm;
}

}  // namespace gh::GH_ISA
