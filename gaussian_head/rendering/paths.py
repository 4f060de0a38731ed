"""Camera paths: one camera per frame, made when asked for, so that a path may be of any length.

A named path is one function of the head and the time in seconds; PATHS is the whole table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from ..camera import Camera
from ..checks import InputError
from ..head import Head
from ._path import CameraPath

ORBIT_YAW_DEG, ORBIT_PERIOD_S = 30.0, 6.0
EIGHT_YAW_DEG, EIGHT_PITCH_DEG, EIGHT_PERIOD_S = 25.0, 8.0, 8.0
DOLLY_NEAREST, DOLLY_PERIOD_S = 0.7, 6.0
"""The dolly comes as near as this share of the recorded distance."""

View = Callable[[Head, float], Camera]


def orbit_view(head: Head, yaw: float, pitch: float = 0.0) -> Camera:
    """The recording camera turned about the resting head: yaw and pitch in radians, at the recorded distance.

    Raises:
        InputError: more than a whole turn, which degrees given as radians are.
    """
    for name, angle in (("yaw", yaw), ("pitch", pitch)):
        if not abs(angle) <= 2 * math.pi:
            raise InputError(
                f"{name} is {angle:g} radians; at most one turn (2 pi) was wanted: math.radians({angle:g})?"
            )
    cy, sy, cp, sp = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
    turn = torch.tensor([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]]) @ torch.tensor([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    around = torch.eye(4)
    around[:3, :3] = turn
    around[:3, 3] = head.centre - turn @ head.centre
    return head.camera.with_view(head.camera.viewmat @ around)


def dolly_view(head: Head, distance: float) -> Camera:
    """The recording camera moved along its line to the resting head; 1 is the recorded distance, 0.5 half of it."""
    view = head.camera.viewmat.clone()
    view[:3, 3] += (distance - 1) * (view[:3, :3] @ head.centre + view[:3, 3])
    return head.camera.with_view(view)


def front_at(head: Head, time: float) -> Camera:
    """The recording camera, still."""
    return head.camera


def orbit_at(head: Head, time: float) -> Camera:
    """From side to side about the head, starting in front."""
    return orbit_view(head, math.radians(ORBIT_YAW_DEG) * _wave(time, ORBIT_PERIOD_S))


def figure_eight_at(head: Head, time: float) -> Camera:
    """A lying eight about the head: to one side, rising and falling, through the front, to the other side."""
    return orbit_view(
        head,
        math.radians(EIGHT_YAW_DEG) * _wave(time, EIGHT_PERIOD_S),
        math.radians(EIGHT_PITCH_DEG) * _wave(time, EIGHT_PERIOD_S / 2),
    )


def dolly_at(head: Head, time: float) -> Camera:
    """Towards the head and back, starting at the recorded distance."""
    near = (1 - math.cos(2 * math.pi * time / DOLLY_PERIOD_S)) / 2
    return dolly_view(head, 1 - (1 - DOLLY_NEAREST) * near)


PATHS: dict[str, View] = {
    "front": front_at,
    "orbit": orbit_at,
    "figure-eight": figure_eight_at,
    "dolly": dolly_at,
}
"""Every named path: its camera at a time in seconds."""


def camera_path(
    head: Head,
    name: str | Path,
    num_frames: int,
    *,
    fps: float,
    seed: int = 0,
    recorded: Mapping[str, Camera] | None = None,
) -> CameraPath:
    """The path that a user names.

    Args:
        head: the person to look at.
        name: a key of PATHS, a ``.json`` file of keyframes, or the folder of another capture, whose camera
            is followed as ``follow_capture`` says.
        num_frames: length.
        fps: frames per second.
        seed: of the loop where a capture is shorter than the path.
        recorded: further still cameras by name, where several filmed the person.

    Raises:
        InputError: no such path, or the file or folder is not what it should be.
    """
    from .follow import follow_capture
    from .keyframes import load_path

    if str(name) in PATHS:
        return named_path(head, str(name), num_frames, fps=fps)
    recorded = recorded or {}
    if str(name) in recorded:
        return CameraPath(num_frames, lambda t: recorded[str(name)])
    if str(name).endswith(".json"):
        return load_path(name, head, num_frames, fps=fps)
    if Path(name).is_dir():
        return follow_capture(name, head, num_frames, fps=fps, seed=seed)
    raise InputError(
        f"camera {str(name)!r} is unknown; choose {', '.join([*PATHS, *recorded])}, a .json file of keyframes "
        "or the folder of a capture."
    )


def named_path(head: Head, name: str, num_frames: int, *, fps: float) -> CameraPath:
    """The path called ``name`` in PATHS."""
    view = PATHS[name]
    return CameraPath(num_frames, lambda t: view(head, t / fps))


def front(head: Head, num_frames: int) -> CameraPath:
    """The recording camera, still."""
    return CameraPath(num_frames, lambda t: head.camera)


def orbit(head: Head, num_frames: int, *, fps: float, yaw_deg: float = ORBIT_YAW_DEG) -> CameraPath:
    """Swing from side to side about the head, sinusoidally, one period every 6 seconds, starting in front."""
    yaw = math.radians(yaw_deg)
    return CameraPath(num_frames, lambda t: orbit_view(head, yaw * _wave(t / fps, ORBIT_PERIOD_S)))


def _wave(time: float, period: float) -> float:
    return math.sin(2 * math.pi * time / period)
