"""The pure terms of the bundle adjustment: projection with its derivatives, robust weights, temporal smoothness."""

from __future__ import annotations

import torch
from torch import Tensor


def skew(v: Tensor) -> Tensor:
    """Cross-product matrices ``[..., 3, 3]`` of vectors ``[..., 3]``."""
    x, y, z = v.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).reshape(*v.shape[:-1], 3, 3)


def left_jacobian(rotvecs: Tensor) -> Tensor:
    """Left Jacobian of SO(3) ``[..., 3, 3]``: d exp(φ) = exp(Jφ dφ) exp(φ).

    Source: Solà et al., "A micro Lie theory for state estimation in robotics" (2018), eq. 145.
    """
    angle_sq = (rotvecs * rotvecs).sum(-1)[..., None, None]
    small = angle_sq < 1e-8
    safe = torch.where(small, torch.ones_like(angle_sq), angle_sq)
    angle = safe.sqrt()
    a = torch.where(small, 0.5 - angle_sq / 24, (1 - angle.cos()) / safe)
    b = torch.where(small, 1 / 6 - angle_sq / 120, (angle - angle.sin()) / (safe * angle))
    K = skew(rotvecs)
    return torch.eye(3, dtype=rotvecs.dtype) + a * K + b * (K @ K)


def project(points: Tensor, focal: Tensor | float, centre: Tensor) -> Tensor:
    """Pixels ``[..., 2]`` of camera points ``[..., 3]``; focal length and centre ``[2]`` in pixels."""
    return focal * points[..., :2] / points[..., 2:] + centre


def project_jacobian(points: Tensor, focal: Tensor | float) -> Tensor:
    """Derivative ``[..., 2, 3]`` of `project` by the camera point."""
    x, y, z = points.unbind(-1)
    zero = torch.zeros_like(x)
    scale = focal / z
    rows = [scale, zero, -scale * x / z, zero, scale, -scale * y / z]
    return torch.stack(rows, dim=-1).reshape(*points.shape[:-1], 2, 3)


def robust_weight(residual: Tensor, scale: Tensor | float) -> Tensor:
    """Weights ``[...]`` in (0, 1] of residual vectors ``[..., 2]`` under the Geman-McClure loss of width ``scale``."""
    squared = (residual * residual).sum(-1) / scale**2
    return 1 / (1 + squared) ** 2


def acceleration_bands(precision: Tensor, num_frames: int) -> tuple[Tensor, Tensor, Tensor]:
    """Normal matrix of Σ_t precision · (x[t-1] - 2 x[t] + x[t+1])² as its three block diagonals.

    Args:
        precision: ``[P]`` inverse variance of each parameter's acceleration, per frame².
        num_frames: T.

    Returns:
        ``[T, P]`` diagonal, ``[T, P]`` first and ``[T, P]`` second off-diagonal; row t couples t with t, t+1, t+2.
    """
    diagonals = [torch.zeros(num_frames, dtype=precision.dtype) for _ in range(3)]
    if num_frames >= 3:
        stencil = (1.0, -2.0, 1.0)
        for i in range(3):
            for j in range(i, 3):
                diagonals[j - i][i : num_frames - 2 + i] += stencil[i] * stencil[j]
    d0, d1, d2 = (d[:, None] * precision for d in diagonals)
    return d0, d1, d2


def apply_bands(bands: tuple[Tensor, Tensor, Tensor], x: Tensor) -> Tensor:
    """Product of `acceleration_bands` with ``x [T, P]``."""
    out = bands[0] * x
    for step in (1, 2):
        if len(x) > step:
            off = bands[step][:-step]
            out[:-step] += off * x[step:]
            out[step:] += off * x[:-step]
    return out
