"""The camera of another clip, as its head saw it, moved about this head."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..capture import Capture
from ..head import Head
from ..motion import Motion, loop_poses
from ..motion.edit import resample, typical_frame
from ..smoothing import blurred
from ..transforms import pose_to_matrix, quat_conjugate, quat_multiply, quat_normalize, rigid_inverse, rotmat_to_quat
from ._path import CameraPath

STEADY_S = 0.08
"""Standard deviation, in seconds, of the blur that takes the tracker's tremble out of a followed camera."""


def follow_capture(folder: str | Path, head: Head, num_frames: int, *, fps: float, seed: int = 0) -> CameraPath:
    """The camera moves about our head as the other clip's head moved before its own camera.

    Whoever sat on the other head would have seen the camera swing about them: when that head turned to its left, the
    camera went round to its right. This relative motion, away from the other clip's typical pose, is carried over to
    our resting head and the recording camera; where our head also moves, both motions add. Shifts are scaled so that
    they are as large in our picture as in the other one. The clip is repeated without a jump for any length.

    Args:
        folder: capture of another clip, of the same person or not.
        head: the person to look at.
        num_frames: length.
        fps: frames per second.
        seed: of the loop.

    Raises:
        InputError: not a capture.
    """
    other = Capture.load(folder)
    quats, positions = _steady(loop_poses(resample(other.motion, fps), num_frames, seed), fps)
    rest = other.motion.at(typical_frame(other.motion))
    to_camera = head.camera.viewmat
    seen = to_camera[:3, :3] @ head.centre + to_camera[:3, 3]
    scale = _shift_scale(head, seen, other, rest.head.positions)
    resting = pose_to_matrix(rotmat_to_quat(to_camera[:3, :3]), seen)
    turns = quat_multiply(quats, quat_conjugate(rest.head.quats).expand_as(quats))
    shifts = (positions - rest.head.positions) * scale

    def view(t: int) -> Tensor:
        quat = quat_normalize(quat_multiply(turns[t], rotmat_to_quat(to_camera[:3, :3])))
        return pose_to_matrix(quat, seen + shifts[t]) @ rigid_inverse(resting) @ to_camera

    return CameraPath(num_frames, lambda t: head.camera.with_view(view(t)))


def _shift_scale(head: Head, seen: Tensor, other: Capture, theirs: Tensor) -> Tensor:
    """Factors ``[3]`` on shifts of the head in the camera that keep their size in the picture."""
    nearness = float(seen[2] / theirs[2])
    zoom = float(other.camera.K[1, 1] / other.camera.height) / float(head.camera.K[1, 1] / head.camera.height)
    return torch.tensor([nearness * zoom, nearness * zoom, nearness])


def _steady(motion: Motion, fps: float) -> tuple[Tensor, Tensor]:
    """Head rotations ``[T, 4]`` and positions ``[T, 3]`` without the tracker's tremble."""
    quats = motion.head.quats
    quats = quats * torch.where(quats @ quats[0] < 0, -1.0, 1.0)[:, None]
    return quat_normalize(blurred(quats, STEADY_S * fps)), blurred(motion.head.positions, STEADY_S * fps)
