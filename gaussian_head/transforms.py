"""Rotations and rigid transforms as pure torch functions.

Quaternions are ``wxyz`` and unit length; a pose is a quaternion and a position that maps
points of the named frame to the world: ``T_world_head``.
"""

from __future__ import annotations

import torch
from torch import Tensor


def quat_normalize(quats: Tensor) -> Tensor:
    """Scale quaternions ``[..., 4]`` to unit length; a zero quaternion stays finite."""
    return torch.nn.functional.normalize(quats, dim=-1, eps=1e-12)


def quat_multiply(a: Tensor, b: Tensor) -> Tensor:
    """Hamilton product of quaternions ``[..., 4]``: rotate by ``b`` first, then by ``a``."""
    aw, ax, ay, az = a.unbind(-1)
    bw, bx, by, bz = b.unbind(-1)
    return torch.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        dim=-1,
    )


def quat_conjugate(quats: Tensor) -> Tensor:
    """Inverse rotation of unit quaternions ``[..., 4]``."""
    return torch.cat([quats[..., :1], -quats[..., 1:]], dim=-1)


def quat_to_rotmat(quats: Tensor) -> Tensor:
    """Rotation matrices ``[..., 3, 3]`` of quaternions ``[..., 4]``, normalised on the way."""
    w, x, y, z = quat_normalize(quats).unbind(-1)
    rows = [
        1 - 2 * (y * y + z * z),
        2 * (x * y - w * z),
        2 * (x * z + w * y),
        2 * (x * y + w * z),
        1 - 2 * (x * x + z * z),
        2 * (y * z - w * x),
        2 * (x * z - w * y),
        2 * (y * z + w * x),
        1 - 2 * (x * x + y * y),
    ]
    return torch.stack(rows, dim=-1).reshape(quats.shape[:-1] + (3, 3))


def rotmat_to_quat(rotmats: Tensor) -> Tensor:
    """Unit quaternions ``[..., 4]`` with ``w >= 0`` of rotation matrices ``[..., 3, 3]``.

    Source: Bar-Itzhack, "New method for extracting the quaternion from a rotation matrix" (2000),
    in the branch-free form that picks the best conditioned of four candidates.
    """
    m00, m01, m02, m10, m11, m12, m20, m21, m22 = rotmats.flatten(-2).unbind(-1)
    candidates = torch.stack(
        [
            torch.stack([1 + m00 + m11 + m22, m21 - m12, m02 - m20, m10 - m01], -1),
            torch.stack([m21 - m12, 1 + m00 - m11 - m22, m01 + m10, m02 + m20], -1),
            torch.stack([m02 - m20, m01 + m10, 1 - m00 + m11 - m22, m12 + m21], -1),
            torch.stack([m10 - m01, m02 + m20, m12 + m21, 1 - m00 - m11 + m22], -1),
        ],
        dim=-2,
    )
    best = candidates.diagonal(dim1=-2, dim2=-1).argmax(-1)
    index = best[..., None, None].expand(best.shape + (1, 4))
    quats = quat_normalize(candidates.gather(-2, index).squeeze(-2))
    return torch.where(quats[..., :1] < 0, -quats, quats)


def rotvec_to_quat(rotvecs: Tensor) -> Tensor:
    """Unit quaternions ``[..., 4]`` of rotation vectors ``[..., 3]`` (axis x angle, radians)."""
    angle_sq = (rotvecs * rotvecs).sum(-1, keepdim=True)
    small = angle_sq < 1e-8
    angle = torch.where(small, torch.ones_like(angle_sq), angle_sq).sqrt()
    half_sinc = torch.where(small, 0.5 - angle_sq / 48, (angle / 2).sin() / angle)
    cos_half = torch.where(small, 1 - angle_sq / 8, (angle / 2).cos())
    return torch.cat([cos_half, rotvecs * half_sinc], dim=-1)


def quat_to_rotvec(quats: Tensor) -> Tensor:
    """Rotation vectors ``[..., 3]`` (radians, length at most pi) of unit quaternions ``[..., 4]``."""
    quats = torch.where(quats[..., :1] < 0, -quats, quats)
    sin_half = quats[..., 1:].norm(dim=-1, keepdim=True)
    angle = 2 * torch.atan2(sin_half, quats[..., :1])
    scale = torch.where(sin_half < 1e-6, torch.full_like(angle, 2.0), angle / sin_half.clamp(min=1e-12))
    return quats[..., 1:] * scale


def mean_rotation(rotations: Tensor) -> Tensor:
    """The rotation ``[3, 3]`` nearest to all of ``[T, 3, 3]``."""
    U, _, Vt = torch.linalg.svd(rotations.mean(0))
    return U @ torch.diag(U.new_tensor([1.0, 1.0, float(torch.det(U @ Vt))])) @ Vt


def quat_slerp(a: Tensor, b: Tensor, weight: Tensor | float) -> Tensor:
    """Spherical interpolation from ``a`` (weight 0) to ``b`` (weight 1), the short way round."""
    return quat_multiply(a, rotvec_to_quat(quat_to_rotvec(quat_multiply(quat_conjugate(a), b)) * weight))


def quat_rotate(quats: Tensor, points: Tensor) -> Tensor:
    """Rotate points ``[..., 3]`` by unit quaternions ``[..., 4]`` (broadcast)."""
    axis = quats[..., 1:]
    twice = 2 * torch.linalg.cross(axis.expand(torch.broadcast_shapes(axis.shape, points.shape)), points)
    return points + quats[..., :1] * twice + torch.linalg.cross(axis.expand_as(twice), twice)


def pose_apply(quat: Tensor, position: Tensor, points: Tensor) -> Tensor:
    """Map points ``[N, 3]`` through one pose: ``R(quat) @ p + position``."""
    return points @ quat_to_rotmat(quat).transpose(-1, -2) + position


def pose_to_matrix(quat: Tensor, position: Tensor) -> Tensor:
    """Homogeneous matrix ``[..., 4, 4]`` of a pose ``[..., 4]``, ``[..., 3]``."""
    matrix = torch.zeros(quat.shape[:-1] + (4, 4), dtype=quat.dtype, device=quat.device)
    matrix[..., :3, :3] = quat_to_rotmat(quat)
    matrix[..., :3, 3] = position
    matrix[..., 3, 3] = 1
    return matrix


def rigid_inverse(matrix: Tensor) -> Tensor:
    """Inverse of rigid matrices ``[..., 4, 4]``."""
    rotation = matrix[..., :3, :3].transpose(-1, -2)
    inverse = torch.zeros_like(matrix)
    inverse[..., :3, :3] = rotation
    inverse[..., :3, 3] = -(rotation @ matrix[..., :3, 3:]).squeeze(-1)
    inverse[..., 3, 3] = 1
    return inverse
