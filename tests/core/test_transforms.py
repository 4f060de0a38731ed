"""Rotations against SciPy, which is independent of ours."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from gaussian_head import transforms as tf


def random_quats(n: int, seed: int = 0) -> torch.Tensor:
    return tf.quat_normalize(torch.randn(n, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64))


def to_scipy(quats: torch.Tensor) -> Rotation:
    return Rotation.from_quat(quats.numpy()[:, [1, 2, 3, 0]])


def test_rotmat_and_product_agree_with_scipy():
    a, b = random_quats(50, 1), random_quats(50, 2)
    np.testing.assert_allclose(tf.quat_to_rotmat(a).numpy(), to_scipy(a).as_matrix(), atol=1e-12)
    product = tf.quat_to_rotmat(tf.quat_multiply(a, b)).numpy()
    np.testing.assert_allclose(product, (to_scipy(a) * to_scipy(b)).as_matrix(), atol=1e-12)


def test_rotmat_to_quat_inverts_even_half_turns():
    half_turns = torch.tensor([[0.0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0]], dtype=torch.float64)
    quats = torch.cat([random_quats(50), half_turns])
    back = tf.rotmat_to_quat(tf.quat_to_rotmat(quats))
    np.testing.assert_allclose((back * quats).sum(1).abs().numpy(), 1, atol=1e-12)


def test_rotvec_agrees_with_scipy_and_survives_zero():
    vectors = torch.cat([torch.randn(20, 3, dtype=torch.float64), torch.zeros(1, 3, dtype=torch.float64)])
    quats = tf.rotvec_to_quat(vectors)
    np.testing.assert_allclose(
        tf.quat_to_rotmat(quats).numpy(), Rotation.from_rotvec(vectors.numpy()).as_matrix(), atol=1e-9
    )
    np.testing.assert_allclose(tf.quat_to_rotvec(quats).numpy(), to_scipy(quats).as_rotvec(), atol=1e-9)


def test_rotvec_gradient_at_zero_is_finite_and_right():
    vector = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    tf.rotvec_to_quat(vector)[1].backward()
    assert vector.grad is not None
    np.testing.assert_allclose(vector.grad.numpy(), [0.5, 0, 0])


@given(st.floats(0, 1))
def test_slerp_moves_at_constant_speed(weight: float):
    a, b = random_quats(1, 3)[0], random_quats(1, 4)[0]
    b = torch.where((a * b).sum() < 0, -b, b)
    whole = tf.quat_to_rotvec(tf.quat_multiply(tf.quat_conjugate(a), b)).norm()
    part = tf.quat_to_rotvec(tf.quat_multiply(tf.quat_conjugate(a), tf.quat_slerp(a, b, weight))).norm()
    assert abs(float(part - weight * whole)) < 1e-6


def test_rigid_inverse_undoes_a_pose():
    quat, position = random_quats(1, 5)[0], torch.randn(3, dtype=torch.float64)
    matrix = tf.pose_to_matrix(quat, position)
    np.testing.assert_allclose((tf.rigid_inverse(matrix) @ matrix).numpy(), np.eye(4), atol=1e-12)
    points = torch.randn(7, 3, dtype=torch.float64)
    np.testing.assert_allclose(
        tf.pose_apply(quat, position, points).numpy(), (points @ matrix[:3, :3].T + matrix[:3, 3]).numpy(), atol=1e-12
    )
    np.testing.assert_allclose(tf.quat_rotate(quat, points).numpy(), (points @ matrix[:3, :3].T).numpy(), atol=1e-12)
