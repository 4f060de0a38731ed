// Deformation of a range of Gaussians, forward and backward: kWidth Gaussians at a time. Their rows of
// the offset bases stream through once; all else stays in registers and the first-level cache.
#include "simd.h"  // first: the shared headers look its vector operations up

#include "../core/deform.h"

#include "kernels.h"
#include "lanes.h"

namespace gh::GH_ISA {

namespace {

static_assert(kPoseSums == kDeformPoseSums && sizeof(PoseSums<Vec>) == kPoseSums * sizeof(Vec), "rows of partial sums");

// Products between rows of J floats and the coefficients. A last part shorter than a register is read as
// the row's last whole register, in which the lanes already counted meet zeros.
class Rows {
 public:
  Rows(const float* c, int J) : c_(c), J_(J), whole_(J / kWidth), rest_(J % kWidth), tail_{} {
    if (J < kWidth) {
      memcpy(&tail_, c, sizeof(float) * J);
    } else if (rest_) {
      for (int i = 0; i < rest_; ++i) tail_[kWidth - rest_ + i] = c[J - rest_ + i];
    }
  }

  // out[r] = rows[r] . c; writes up to the next multiple of kWidth.
  void dot(const float* rows, int count, float* out) const {
    for (int first = 0; first < count; first += kWidth) {
      Vec sums[kWidth];
      for (int i = 0; i < kWidth; ++i) {
        const float* row = rows + int64_t(first + i < count ? first + i : count - 1) * J_;
        Vec sum = {};
        for (int b = 0; b < whole_; ++b) sum += load(row + b * kWidth) * load(c_ + b * kWidth);
        if (rest_) sum += last(row) * tail_;
        sums[i] = sum;
      }
      lane_sums(sums, out + first);
    }
  }

  // sums[j] += weights[r] rows[r][j].
  void add_weighted(const float* rows, const float* weights, int count, float* sums) const {
    for (int b = 0; b < whole_; ++b) {
      store(sums + b * kWidth, load(sums + b * kWidth) + weighted(rows + b * kWidth, weights, count));
    }
    if (J_ < kWidth) {
      for (int r = 0; r < count; ++r)
        for (int j = 0; j < J_; ++j) sums[j] += weights[r] * rows[int64_t(r) * J_ + j];
    } else if (rest_) {
      const Vec sum = weighted(rows + J_ - kWidth, weights, count);
      for (int i = 0; i < rest_; ++i) sums[J_ - rest_ + i] += sum[kWidth - rest_ + i];
    }
  }

  // out[r][j] = weights[r] c[j], or added to what is there.
  template <bool kAdd>
  void outer(const float* weights, int count, float* out) const {
    if (J_ < kWidth) {
      for (int r = 0; r < count; ++r)
        for (int j = 0; j < J_; ++j) {
          float& target = out[int64_t(r) * J_ + j];
          target = (kAdd ? target : 0.0f) + weights[r] * c_[j];
        }
      return;
    }
    for (int r = 0; r < count; ++r, out += J_) {
      Vec last = weights[r] * load(c_ + J_ - kWidth);  // of a row's end, read before the whole registers are written
      if (kAdd) last += load(out + J_ - kWidth);
      for (int b = 0; b < whole_; ++b) {
        const Vec product = weights[r] * load(c_ + b * kWidth);
        store(out + b * kWidth, kAdd ? load(out + b * kWidth) + product : product);
      }
      if (rest_) store(out + J_ - kWidth, last);
    }
  }

 private:
  Vec last(const float* row) const {
    if (J_ >= kWidth) return load(row + J_ - kWidth);
    Vec part = {};
    memcpy(&part, row, sizeof(float) * J_);
    return part;
  }

  Vec weighted(const float* column, const float* weights, int count) const {
    Vec sums[4] = {};
    int r = 0;
    for (; r + 4 <= count; r += 4)
      for (int i = 0; i < 4; ++i) sums[i] += weights[r + i] * load(column + int64_t(r + i) * J_);
    for (; r < count; ++r) sums[0] += weights[r] * load(column + int64_t(r) * J_);
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
  }

  const float* c_;
  int J_, whole_, rest_;
  Vec tail_;
};

inline RestGaussian<Vec> load_rest(const BranchView& branch, int64_t n, int count, const float* moved,
                                   const float* stretched) {
  RestGaussian<Vec> g;
  rows_to_lanes<3>(branch.means + 3 * n, count, g.mean);
  rows_to_lanes<4>(branch.quats + 4 * n, count, g.quat);
  rows_to_lanes<3>(branch.log_scales + 3 * n, count, g.log_scale);
  rows_to_lanes<1>(branch.logit_opacities + n, count, &g.logit_opacity);
  rows_to_lanes<1>(branch.head_weights + n, count, &g.head_weight);
  rows_to_lanes<3>(moved, count, g.moved);
  Vec six[6];
  rows_to_lanes<6>(stretched, count, six);
  for (int k = 0; k < 3; ++k) g.turned[k] = six[k], g.grown[k] = six[3 + k];
  return g;
}

inline void turn_colors(const BranchView& branch, const float* turn, int64_t n, int count, float* colors) {
  if (!branch.degree1) {
    memcpy(colors, branch.sh0 + 3 * n, sizeof(float) * 3 * count);
    return;
  }
  const float *sh0 = branch.sh0 + 3 * n, *shN = branch.shN + 9 * n;
  for (int i = 0; i < count; ++i, sh0 += 3, shN += 9, colors += 12)
    for (int k = 0; k < 3; ++k) {
      colors[k] = sh0[k];
      for (int a = 0; a < 3; ++a)
        colors[3 + 3 * a + k] = turn[3 * a] * shN[k] + turn[3 * a + 1] * shN[3 + k] + turn[3 * a + 2] * shN[6 + k];
    }
}

// Writes rows, or adds them to those of earlier moments.
inline void put(float* out, const float* rows, int count, bool add) {
  if (!add)
    memcpy(out, rows, sizeof(float) * count);
  else
    for (int i = 0; i < count; ++i) out[i] += rows[i];
}

template <int C>
inline void put_lanes(float* out, const Vec* lanes, int count, bool add) {
  float rows[C * kWidth];
  lanes_to_rows<C>(lanes, count, rows);
  put(out, rows, C * count, add);
}

inline void turn_colors_vjp(const BranchView& branch, const float* turn, int64_t n, int count, const float* v_colors,
                            const BranchGradients& out, bool add, float* v_turn) {
  for (int i = 0; i < count; ++i, ++n, v_colors += branch.color_row()) {
    if (out.sh0) put(out.sh0 + 3 * n, v_colors, 3, add);
    if (!branch.degree1) continue;
    const float *v = v_colors + 3, *shN = branch.shN + 9 * n;
    if (out.shN)
      for (int b = 0; b < 3; ++b)
        for (int k = 0; k < 3; ++k) {
          float& target = out.shN[9 * n + 3 * b + k];
          const float value = turn[b] * v[k] + turn[3 + b] * v[3 + k] + turn[6 + b] * v[6 + k];
          target = add ? target + value : value;
        }
    if (v_turn)
      for (int a = 0; a < 3; ++a)
        for (int b = 0; b < 3; ++b)
          v_turn[3 * a + b] += v[3 * a] * shN[3 * b] + v[3 * a + 1] * shN[3 * b + 1] + v[3 * a + 2] * shN[3 * b + 2];
  }
}

}  // namespace

void deform_range(const BranchView& branch, const float* pose_numbers, const Deformed& out, int64_t begin,
                  int64_t end) {
  const BodyPose<float> pose = make_body_pose<float>(pose_numbers);
  const Rows rows(branch.coefficients, branch.J);
  float turn[9];
  sh1_rotation(branch.torso_colors ? pose.torso.R : pose.head.R, turn);
  const int row = branch.color_row();
  for (int64_t n = begin; n < end; n += kWidth) {
    const int count = end - n < kWidth ? int(end - n) : kWidth;
    float moved[3 * kWidth], stretched[6 * kWidth];
    rows.dot(branch.basis + 3 * n * branch.J, 3 * count, moved);
    rows.dot(branch.stretch + 6 * n * branch.J, 6 * count, stretched);
    if (out.moved) {
      memcpy(out.moved + 3 * n, moved, sizeof(float) * 3 * count);
      memcpy(out.stretched + 6 * n, stretched, sizeof(float) * 6 * count);
    }
    const DeformedGaussian<Vec> d = deform(load_rest(branch, n, count, moved, stretched), pose);
    lanes_to_rows<3>(d.mean, count, out.means + 3 * n);
    lanes_to_rows<4>(d.quat, count, out.quats + 4 * n);
    lanes_to_rows<3>(d.scale, count, out.scales + 3 * n);
    lanes_to_rows<1>(&d.opacity, count, out.opacities + n);
    turn_colors(branch, turn, n, count, out.colors + row * n);
  }
}

void deform_vjp_range(const BranchView& branch, const float* pose_numbers, const DeformCotangents& v,
                      const BranchGradients& out, bool want_pose, bool add, float* sums, int64_t begin, int64_t end) {
  const BodyPose<float> pose = make_body_pose<float>(pose_numbers);
  const Rows rows(branch.coefficients, branch.J);
  float turn[9];
  sh1_rotation(branch.torso_colors ? pose.torso.R : pose.head.R, turn);
  const int row = branch.color_row();
  float *v_turn = sums + kPoseSums, *v_c = sums + kDeformSums;
  memset(sums, 0, sizeof(float) * (kDeformSums + branch.J));
  PoseSums<Vec> pose_sums = {};
  for (int64_t n = begin; n < end; n += kWidth) {
    const int count = end - n < kWidth ? int(end - n) : kWidth;
    const RestGaussian<Vec> g = load_rest(branch, n, count, v.moved + 3 * n, v.stretched + 6 * n);
    const DeformedGaussian<Vec> d = deform(g, pose);
    DeformCotangent<Vec> cotangent = {};
    if (v.means) rows_to_lanes<3>(v.means + 3 * n, count, cotangent.mean);
    if (v.quats) rows_to_lanes<4>(v.quats + 4 * n, count, cotangent.quat);
    if (v.scales) rows_to_lanes<3>(v.scales + 3 * n, count, cotangent.scale);
    if (v.opacities) rows_to_lanes<1>(v.opacities + n, count, &cotangent.opacity);
    if (count < kWidth) zero_lanes(count, (Vec*)&cotangent, sizeof cotangent / sizeof(Vec));
    const DeformGradient<Vec> grad = deform_vjp(g, d, pose, cotangent);
    float v_mean[3 * kWidth], v_six[6 * kWidth];
    lanes_to_rows<3>(grad.mean, count, v_mean);
    if (out.means) put(out.means + 3 * n, v_mean, 3 * count, add);
    if (out.quats) put_lanes<4>(out.quats + 4 * n, grad.quat, count, add);
    if (out.log_scales) put_lanes<3>(out.log_scales + 3 * n, grad.log_scale, count, add);
    if (out.logit_opacities)
      put_lanes<1>(out.logit_opacities + n, &grad.logit_opacity, count, add && !branch.logit_row);
    if (v.colors) {
      turn_colors_vjp(branch, turn, n, count, v.colors + row * n, out, add, want_pose ? v_turn : nullptr);
    } else if (!add) {
      if (out.sh0) memset(out.sh0 + 3 * n, 0, sizeof(float) * 3 * count);
      if (out.shN) memset(out.shN + (row - 3) * n, 0, sizeof(float) * (row - 3) * count);
    }
    if (out.basis && add) rows.outer<true>(v_mean, 3 * count, out.basis + 3 * n * branch.J);
    if (out.basis && !add) rows.outer<false>(v_mean, 3 * count, out.basis + 3 * n * branch.J);
    if (out.coefficients) {
      const Vec six[6] = {grad.turned[0],    grad.turned[1],    grad.turned[2],
                          grad.log_scale[0], grad.log_scale[1], grad.log_scale[2]};
      lanes_to_rows<6>(six, count, v_six);
      rows.add_weighted(branch.basis + 3 * n * branch.J, v_mean, 3 * count, v_c);
      rows.add_weighted(branch.stretch + 6 * n * branch.J, v_six, 6 * count, v_c);
    }
    if (want_pose) add_to_pose(g, d, cotangent, grad, pose_sums);
  }
  for (int i = 0; i < kPoseSums; ++i) sums[i] = lane_sum(((const Vec*)&pose_sums)[i]);
}

}  // namespace gh::GH_ISA
