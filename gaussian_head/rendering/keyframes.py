"""Camera paths as JSON files of keyframes, joined by a smooth curve that never overshoots."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..camera import Camera
from ..checks import InputError, read_json, require_number
from ..durable import replacing
from ..head import Head
from ..smoothing import smoothstep
from ..transforms import quat_to_rotmat, rotmat_to_quat
from ._path import CameraPath

MOST_LAID = 24
"""Keyframes that a path laid by hand has at most."""
NEAR = 2e-3
"""Of quaternion units, of metres, and of the focal length: views that differ by less are the same by eye."""
FARTHEST = 1e6
"""Seconds, metres and pixels beyond which a camera path is taken for damaged."""


def load_path(path: str | Path, head: Head, num_frames: int, *, fps: float) -> CameraPath:
    """Cameras from a JSON file of keyframes: still until the first, a smooth curve through all, still after the last.

    The file is ``{"height": pixels (optional), "keyframes": [{"time": seconds, "viewmat": [[4x4]],
    "focal": pixels (optional)}, ...]}`` with OpenCV world-to-camera matrices in the world of the recording
    camera. Focal lengths belong to a picture of ``height`` pixels, by default the recorded height.

    Between two keyframes the focal length, the camera's rotation and the place of the head as the camera sees it
    follow monotone cubics: no value leaves the range of its two keyframes, speed is continuous everywhere, and a
    camera that turns about the head stays on its arc instead of cutting the corner.

    Raises:
        InputError: not such a file, no keyframe, two keyframes at one time, or a matrix that is no rigid pose.
    """
    times, views, focals = _read(Path(path), head)
    order = times.argsort()
    curve = _Curve.through(times[order], _states(views[order], focals[order], head.centre))
    return CameraPath(num_frames, lambda t: _camera(curve.at(t / fps), head))


def key_times(path: str | Path, head: Head) -> list[float]:
    """Moments in seconds of the keyframes that somebody would lay by hand for the path in a file of ``load_path``.

    Up to MOST_LAID keyframes they are the file's own. Of more, as exports have one a frame, they are the fewest found
    whose curve keeps within NEAR of all others.

    Raises:
        InputError: as ``load_path``.
    """
    times, views, focals = _read(Path(path), head)
    order = times.argsort()
    times, states = times[order], _states(views[order], focals[order], head.centre)
    if len(times) <= MOST_LAID:
        return times.tolist()
    scale = torch.tensor([NEAR] * 4 + [NEAR] * 3 + [NEAR * float(head.camera.K[1, 1])], dtype=torch.float64)
    chosen = [0, len(times) - 1]
    while True:
        curve = _Curve.through(times[chosen], states[chosen])
        away = ((torch.stack([curve.at(t) for t in times.tolist()]) - states) / scale).abs().max(1).values
        pieces = itertools.pairwise(chosen)
        worst = [a + 1 + int(away[a + 1 : b].argmax()) for a, b in pieces if b - a > 1]
        missed = [k for k in worst if away[k] > 1]
        if not missed:
            return times[chosen].tolist()
        chosen = sorted([*chosen, *missed])


def save_path(path: str | Path, cameras: Sequence[Camera], *, fps: float) -> None:
    """Write cameras as a file that ``load_path`` reads back, one keyframe a frame.

    Args:
        path: the .json to write.
        cameras: T cameras; their principal points are not kept.
        fps: frames per second.

    Raises:
        InputError: another suffix, or no camera.
    """
    path = Path(path)
    if path.suffix != ".json" or not len(cameras):
        raise InputError(f"{len(cameras)} cameras were to be saved as {path}; one or more and a .json file wanted.")
    keys = [
        {"time": t / fps, "viewmat": camera.viewmat.tolist(), "focal": float(camera.K[1, 1])}
        for t, camera in enumerate(cameras)
    ]
    with replacing(path) as temporary:
        temporary.write_text(json.dumps({"height": cameras[0].height, "keyframes": keys}), encoding="utf-8")


def _read(path: Path, head: Head) -> tuple[Tensor, Tensor, Tensor]:
    """Times ``[M]`` float64, view matrices ``[M, 4, 4]`` and focals ``[M]`` in pixels of the recorded picture."""
    recorded, data = head.camera, read_json(path, "camera path")
    try:
        keys = data["keyframes"]
        height = require_number(data.get("height", recorded.height), "height", least=1, most=1e6)
        times = np.array([key["time"] for key in keys], np.float64)
        views = np.array([key["viewmat"] for key in keys], np.float64)
        scale, usual = recorded.height / height, float(recorded.K[1, 1])
        focals = np.array([key["focal"] * scale if "focal" in key else usual for key in keys], np.float64)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise InputError(
            f"camera path {path} is not a list of keyframes ({type(error).__name__}: {error}); "
            'wanted {"keyframes": [{"time": 0, "viewmat": 4x4}]}.'
        ) from error
    if not len(keys):
        raise InputError(f"camera path {path} holds no keyframe; one or more are wanted: add a view in the viewer.")
    if views.shape[1:] != (4, 4):
        size = "x".join(map(str, views.shape[1:]))
        raise InputError(f"camera path {path} has a viewmat of {size} numbers; 4x4 from world to camera is wanted.")
    if not (np.abs(times) < FARTHEST).all() or not (np.abs(views) < FARTHEST).all():
        raise InputError(f"camera path {path} holds times or viewmats that are not finite, or beyond {FARTHEST:g}.")
    if times.ndim > 1 or focals.ndim > 1 or not ((focals > 0) & (focals < FARTHEST)).all():
        raise InputError(f"camera path {path} holds times that are no numbers, or focal lengths not above 0.")
    return _checked(path, torch.from_numpy(times), torch.from_numpy(views).float(), torch.from_numpy(focals).float())


def _checked(path: Path, times: Tensor, views: Tensor, focals: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The same three; InputError where a matrix is no rigid pose or two keyframes are at one time."""
    rotations = views[:, :3, :3]
    if (rotations @ rotations.transpose(1, 2) - torch.eye(3)).abs().max() > 1e-2 or (rotations.det() < 0).any():
        raise InputError(f"camera path {path} holds a viewmat that is no rotation with a translation.")
    if len(times.unique()) < len(times):
        raise InputError(f"camera path {path} has two keyframes at one time; give each its own.")
    return times, views, focals


def _states(views: Tensor, focals: Tensor, centre: Tensor) -> Tensor:
    """What is interpolated, ``[M, 8]``: quaternion (neighbours on one side), head's place in the camera, focal."""
    quats = rotmat_to_quat(views[:, :3, :3])
    for i in range(1, len(quats)):
        quats[i] *= 1.0 if (quats[i] * quats[i - 1]).sum() >= 0 else -1.0
    seen = views[:, :3, :3] @ centre + views[:, :3, 3]
    return torch.cat([quats, seen, focals[:, None]], 1).double()


def _camera(state: Tensor, head: Head) -> Camera:
    view = torch.eye(4, dtype=torch.float64)
    view[:3, :3] = quat_to_rotmat(state[:4])
    view[:3, 3] = state[4:7] - view[:3, :3] @ head.centre.double()
    K = head.camera.K.clone()
    K[[0, 1], [0, 1]] *= state[7].float() / K[1, 1]
    return Camera(viewmat=view.float(), K=K, width=head.camera.width, height=head.camera.height)


@dataclass(frozen=True, kw_only=True)
class _Curve:
    """A cubic Hermite curve with continuous speed."""

    times: Tensor
    """``[M]`` ascending."""
    values: Tensor
    """``[M, D]``."""
    speeds: Tensor
    """``[M, D]`` per second, 0 at both ends."""

    @staticmethod
    def through(times: Tensor, values: Tensor) -> _Curve:
        """The curve whose speeds keep each piece between its ends.

        Source: Fritsch and Butland, "A method for constructing local monotone piecewise cubic interpolants" (1984).
        """
        speeds = torch.zeros_like(values)
        if len(times) > 2:
            step = times.diff()[:, None]
            slope = values.diff(dim=0) / step
            left, right, before, after = slope[:-1], slope[1:], step[:-1], step[1:]
            w1, w2 = before + 2 * after, 2 * before + after
            same = left * right > 0
            safe = torch.where(same, w1 * right + w2 * left, torch.ones_like(left))
            speeds[1:-1] = torch.where(same, (w1 + w2) * left * right / safe, torch.zeros_like(left))
        return _Curve(times=times, values=values, speeds=speeds)

    def at(self, time: float) -> Tensor:
        """Values ``[D]`` at a time, held beyond the ends."""
        times = self.times
        if time <= times[0] or len(times) == 1:
            return self.values[0]
        if time >= times[-1]:
            return self.values[-1]
        i = int(torch.searchsorted(times, torch.tensor(time, dtype=torch.float64), right=True)) - 1
        h = float(times[i + 1] - times[i])
        x = (time - float(times[i])) / h
        rest, late = (1 + 2 * x) * (1 - x) ** 2, smoothstep(x)
        begin, end = x * (1 - x) ** 2, x * x * (x - 1)
        return (
            rest * self.values[i] + late * self.values[i + 1] + h * (begin * self.speeds[i] + end * self.speeds[i + 1])
        )
