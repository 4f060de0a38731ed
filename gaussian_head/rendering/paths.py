"""Camera paths: one camera per frame."""

from __future__ import annotations

import json
import math
from pathlib import Path

import torch
from torch import Tensor

from ..camera import Camera
from ..checks import InputError, require_file
from ..head import Head
from ..transforms import quat_slerp, quat_to_rotmat, rotmat_to_quat

ORBIT_YAW_DEG = 30.0
ORBIT_PERIOD_S = 6.0


def front(head: Head, num_frames: int) -> list[Camera]:
    """The recording camera, still."""
    return [head.camera] * num_frames


def orbit_view(head: Head, yaw: float, pitch: float = 0.0) -> Camera:
    """The recording camera turned about the resting head: yaw and pitch in radians, at the recorded distance."""
    cy, sy, cp, sp = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
    turn = torch.tensor([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]]) @ torch.tensor([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    around = torch.eye(4)
    around[:3, :3] = turn
    around[:3, 3] = head.centre - turn @ head.centre
    return head.camera.with_view(head.camera.viewmat @ around)


def orbit(head: Head, num_frames: int, *, fps: float, yaw_deg: float = ORBIT_YAW_DEG) -> list[Camera]:
    """Swing from side to side about the head, sinusoidally, one period every 6 seconds, starting in front."""
    phase = [2 * math.pi * t / fps / ORBIT_PERIOD_S for t in range(num_frames)]
    return [orbit_view(head, math.radians(yaw_deg) * math.sin(p)) for p in phase]


def load_path(path: str | Path, head: Head, num_frames: int, *, fps: float) -> list[Camera]:
    """Cameras from a JSON file of keyframes, interpolated in time and held after the last.

    The file is ``{"keyframes": [{"time": seconds, "viewmat": [[4x4]], "focal": pixels (optional)}, ...]}``
    with OpenCV world-to-camera matrices, in the world of the recording camera.

    Raises:
        InputError: not such a file, or no keyframe.
    """
    path = require_file(path, "camera path")
    try:
        keys = sorted(json.loads(path.read_text())["keyframes"], key=lambda key: key["time"])
        times = [float(key["time"]) for key in keys]
        views = torch.tensor([key["viewmat"] for key in keys], dtype=torch.float32)
        focals = torch.tensor([float(key.get("focal", head.camera.K[0, 0])) for key in keys])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"camera path {path} is not a list of keyframes ({error}); "
            'wanted {"keyframes": [{"time": 0, "viewmat": 4x4}]}.'
        ) from error
    if not times or views.shape[1:] != (4, 4):
        raise InputError(
            f"camera path {path} holds {len(times)} keyframes of shape {tuple(views.shape[1:])}; 4x4 wanted."
        )
    return [_between(head.camera, times, views, focals, t / fps) for t in range(num_frames)]


def _between(camera: Camera, times: list[float], views: Tensor, focals: Tensor, time: float) -> Camera:
    after = next((i for i, key in enumerate(times) if key >= time), len(times) - 1)
    before = max(after - 1, 0) if times[after] >= time else after
    span = times[after] - times[before]
    weight = min(max((time - times[before]) / span, 0.0), 1.0) if span > 0 else 0.0
    quats = rotmat_to_quat(views[:, :3, :3])
    centres = -(views[:, :3, :3].transpose(1, 2) @ views[:, :3, 3:])[..., 0]
    rotation = quat_to_rotmat(quat_slerp(quats[before], quats[after], weight))
    view = torch.eye(4)
    view[:3, :3] = rotation
    view[:3, 3] = -rotation @ torch.lerp(centres[before], centres[after], weight)
    K = camera.K.clone()
    K[[0, 1], [0, 1]] = torch.lerp(focals[before], focals[after], weight)
    return Camera(viewmat=view, K=K, width=camera.width, height=camera.height)
