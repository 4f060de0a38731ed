"""Shape and pose against a known truth, after the similarity that a single camera cannot know is taken out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..camera import Camera
from ..transforms import quat_conjugate, quat_multiply, quat_rotate, quat_to_rotvec


@dataclass(frozen=True, kw_only=True)
class ViewScores:
    """Renderings of one camera angle against the truth from the same camera, means over frames."""

    yaw_deg: float
    """Turn of the camera about the head, degrees; 0 is the recorded view."""
    psnr_full: float
    """Every pixel, the true background behind both, dB."""
    psnr_head_composited: float
    """Every pixel, those outside the true head replaced by the truth, dB."""
    psnr_head: float
    """The pixels of hair, ears, face and mouth in the truth, dB."""
    depth_mm: float
    """Mean absolute error of depth from the head's centre over the head's pixels, millimetres of the truth."""
    silhouette_iou: float
    """Overlap of the person's outline, intersection over union."""


@dataclass(frozen=True, kw_only=True)
class GeometryScores:
    """A reconstruction against the subject it was made from."""

    views: tuple[ViewScores, ...]
    """One entry per camera angle."""
    frames: int
    """Held-out frames rendered from every angle."""
    rotation_deg: float
    """Mean angle between true and tracked head rotation over held-out frames, degrees."""
    position_mm: float
    """Mean distance between true and tracked head position over held-out frames, millimetres of the truth."""
    vertices_mm: float
    """Mean distance between true and tracked face vertices over held-out frames, millimetres of the truth."""
    scale: float
    """Reconstructed over true size; distance and size of a single camera's subject cannot be told apart."""


def pose_errors(
    true_quats: Tensor, true_positions: Tensor, quats: Tensor, positions: Tensor, reference: Tensor
) -> tuple[Tensor, Tensor]:
    """Angle (degrees) and distance (units of the positions) of two pose tracks, ``[T]`` each.

    Two head frames differ by a constant turn and shift that mean nothing. Both are estimated on the
    ``reference`` frames and taken out everywhere.

    Args:
        true_quats, true_positions: ``[T, 4]``, ``[T, 3]`` of the truth.
        quats, positions: the same of the reconstruction, in the truth's world.
        reference: ``[R]`` frame numbers.
    """
    between = quat_multiply(quat_conjugate(true_quats), quats)
    picked = between[reference]
    picked = picked * torch.where((picked * picked[:1]).sum(1, keepdim=True) < 0, -1.0, 1.0)
    offset = torch.nn.functional.normalize(picked.mean(0), dim=0)
    turn = quat_multiply(quat_conjugate(offset).expand_as(between), between)
    shift = quat_rotate(quat_conjugate(true_quats), positions - true_positions)
    shift = shift - shift[reference].mean(0)
    return torch.rad2deg(quat_to_rotvec(turn).norm(dim=1)), shift.norm(dim=1)


def turned_about(camera: Camera, centre: Tensor, yaw: float) -> Camera:
    """``camera`` carried around ``centre`` ``[3]`` by ``yaw`` radians about its own vertical, still looking at it.

    A positive yaw carries it to the side of its own -x, as ``rendering.orbit_view`` does.
    """
    c, s = float(np.cos(yaw)), float(np.sin(yaw))
    view = camera.viewmat.double()
    turn = torch.tensor([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]], dtype=torch.float64)
    at = view[:3, :3] @ centre.double() + view[:3, 3]
    around = torch.eye(4, dtype=torch.float64)
    around[:3, :3], around[:3, 3] = turn, at - turn @ at
    return camera.with_view((around @ view).float())
