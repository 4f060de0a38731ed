"""What a clip that hardly turns leaves open stays on the surface it began on: depth, tilt and thickness.

Adam walks as far where a picture says next to nothing as where it says much: from one side, along the line of sight. By
the time the picture is sharp, single Gaussians stand centimetres before and behind the skin, on edge, and a profile is
all splinters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..capture import CaptureView
from ..head import PARTS
from ..motion import Pose
from ..transforms import quat_conjugate, quat_multiply, quat_normalize, quat_rotate, quat_to_rotmat

TOLD = 0.004
"""Mean square of the sine of turns at which a clip tells half of the depth: 3.6 degrees. Of one that turns thrice as
far hardly anything is held: even a ninth of it cost half a decibel."""
STEEPEST = 0.3
"""Cosine between a surface and the line of sight down to which depth is reckoned along the latter."""
WAYS = 200
"""Frames, evenly spaced, whose ways are kept."""
REACH = 0.004
"""Metres aside up to which a surface is taken for flat."""


@dataclass(frozen=True, kw_only=True)
class Sight:
    """How cameras saw a part that moves as one."""

    direction: Tensor
    """``[3]`` the way it was seen least from aside, in its own frame."""
    untold: float
    """How little is known of its depth that way: 1 where it never turned, towards 0 the more it did."""
    ways: Tensor
    """``[M, 3]`` unit, from cameras towards it in some of the frames, in its own frame."""
    eye: Tensor
    """``[3]`` metres, where cameras were on the mean, in its own frame."""


def sights_of(cameras: Sequence[CaptureView], device: torch.device) -> dict[str, Sight]:
    """By branch, how the training frames of all cameras saw it."""
    of_head = _sight([(camera, camera.motion.head) for camera in cameras], device)
    of_torso = _sight([(camera, camera.motion.torso) for camera in cameras], device)
    return {name: of_torso if name == "torso" else of_head for name in PARTS}


def _sight(seen: Sequence[tuple[CaptureView, Pose]], device: torch.device) -> Sight:
    ways = []
    for camera, pose in seen:
        frames = camera.train_frames
        away = pose.positions[frames] - camera.camera.position
        ways.append(quat_rotate(quat_conjugate(pose.quats[frames]), away))
    ways = torch.cat(ways).double()
    way = torch.nn.functional.normalize(ways, dim=1)
    aside = torch.eye(3, dtype=torch.float64) - way.T @ way / len(way)
    sizes, axes = torch.linalg.eigh(aside)
    some = torch.linspace(0, len(way) - 1, min(WAYS, len(way))).round().long()
    return Sight(
        direction=axes[:, 0].float().to(device),
        untold=1 / (1 + (max(float(sizes[0]), 0.0) / TOLD) ** 4),
        ways=way[some].float().to(device),
        eye=-ways.mean(0).float().to(device),
    )


def depth_held(
    means: Tensor, home: Tensor, normals: Tensor, direction: Tensor, beside: tuple[Tensor, Tensor], together: float,
    back: float,
) -> Tensor:  # fmt: skip
    """Centres ``[N, 3]`` moved along the line of sight towards their neighbours' mean depth and their own first one.

    Args:
        means: ``[N, 3]`` centres, metres.
        home: ``[N, 3]`` points of the surface that each began on.
        normals: ``[N, 3]`` unit, of that surface there.
        direction: ``[3]`` unit, the line of sight.
        beside: indices and weights ``[N, k]`` of neighbours.
        together: share of the way to the neighbours' mean distance from the surface.
        back: share of the way back onto the surface.
    """
    slope = normals @ direction
    slope = torch.where(slope < 0, -1.0, 1.0) * slope.abs().clamp(min=STEEPEST)
    away = means - home
    deeper = away @ direction
    aside = away - deeper[:, None] * direction
    aside = aside * (REACH / aside.norm(dim=1, keepdim=True).clamp(min=REACH))
    off = deeper + (aside * normals).sum(1) / slope
    rows, weights = beside
    mean = (weights * off[rows]).sum(1)
    return means + ((1 - back) * torch.lerp(off, mean, together) - off)[:, None] * direction


def tilt_held(quats: Tensor, log_scales: Tensor, normals: Tensor, share: float) -> Tensor:
    """Rotations ``[N, 4]`` whose flat side is turned towards a surface by a share of the way (for small angles)."""
    units = quat_normalize(quats)
    thinnest = log_scales.argmin(1)
    flat = quat_to_rotmat(units).gather(2, thinnest[:, None, None].expand(-1, 3, 1))[:, :, 0]
    flat = flat * torch.where((flat * normals).sum(1, keepdim=True) < 0, -1.0, 1.0)
    turn = 0.5 * share * torch.linalg.cross(flat, normals)
    spin = quat_normalize(torch.cat([torch.ones_like(turn[:, :1]), turn], 1))
    return quat_multiply(spin, units) * quats.norm(dim=1, keepdim=True)


def length_held(log_scales: Tensor, most: float) -> Tensor:
    """Log scales ``[N, 3]`` whose largest is at most ``most`` more than the middle one: no needles."""
    return log_scales.minimum(log_scales.median(1, keepdim=True).values + most)


def thickness_held(log_scales: Tensor, most: Tensor) -> Tensor:
    """Log scales ``[N, 3]`` whose smallest is at most ``most`` ``[N]``."""
    thinnest = torch.zeros_like(log_scales, dtype=torch.bool).scatter_(1, log_scales.argmin(1, keepdim=True), True)
    return torch.where(thinnest, log_scales.minimum(most[:, None]), log_scales)
