"""Views at moments: a camera path that the user lays down, in the file format of ``rendering.load_path``."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ..camera import Camera
from ..checks import InputError
from ..head import Head
from ..rendering import CameraPath, key_times, load_path
from ..transforms import rigid_inverse, rotmat_to_quat
from .views import View, camera_of

T = TypeVar("T")
SAME_MOMENT = 0.01
"""Keyframes nearer than this are one, seconds."""


@dataclass(frozen=True, kw_only=True)
class Keyframe:
    """Where the camera is at one moment."""

    time: float
    """Seconds from the start of the performance."""
    view: View
    """The camera then; its aspect says nothing."""


def with_key(keys: Sequence[Keyframe], key: Keyframe) -> tuple[Keyframe, ...]:
    """``keys`` and ``key`` in the order of time; a key at the same moment is replaced."""
    others = [k for k in keys if abs(k.time - key.time) >= SAME_MOMENT]
    return tuple(sorted([*others, key], key=lambda k: k.time))


def without_key(keys: Sequence[Keyframe], index: int) -> tuple[Keyframe, ...]:
    """``keys`` without the one at ``index``; all of them where there is none."""
    return tuple(k for i, k in enumerate(keys) if i != index)


def to_json(keys: Sequence[Keyframe], head: Head) -> str:
    """Keyframes as text that ``load_path``, and so ``gaussian-head render --camera``, reads.

    Raises:
        InputError: no keyframe.
    """
    if not keys:
        raise InputError("there is no keyframe yet; turn the head and add one first.")
    height = head.camera.height
    cameras = [camera_of(key.view, head, height) for key in keys]
    rows = [
        {"time": key.time, "viewmat": camera.viewmat.tolist(), "focal": focal_of(key.view.fov, height)}
        for key, camera in zip(keys, cameras, strict=True)
    ]
    return json.dumps({"height": height, "keyframes": rows})


def from_json(text: str, head: Head, name: str = "camera path") -> tuple[Keyframe, ...]:
    """The keyframes of a file that ``to_json`` or ``save_path`` wrote, or somebody by hand.

    Args:
        text: the file's content.
        head: gives the recorded height and focal length where the file is silent.
        name: what the user calls the file, for messages.

    Raises:
        InputError: what ``load_path`` refuses.
    """
    times = _read(text, name, lambda path: key_times(path, head))
    # One camera a millisecond, so that every keyframe is met where the file has it.
    path = _load(text, head, math.ceil(max(times[-1], 0.0) * 1000) + 1, 1000.0, name)
    return tuple(Keyframe(time=max(t, 0.0), view=view_of(path[max(round(t * 1000), 0)])) for t in times)


def path_of(keys: Sequence[Keyframe], head: Head, num_frames: int, *, fps: float) -> CameraPath:
    """The smooth path through ``keys``, exactly as ``gaussian-head render`` would fly it.

    Raises:
        InputError: no keyframe.
    """
    return _load(to_json(keys, head), head, num_frames, fps, "camera path")


def view_of(camera: Camera, aspect: float = 1.0) -> View:
    """A camera as a browser has it; the principal point stays behind."""
    to_world = rigid_inverse(camera.viewmat)
    w, x, y, z = rotmat_to_quat(to_world[:3, :3]).tolist()
    px, py, pz = to_world[:3, 3].tolist()
    fov = 2 * math.atan(camera.height / 2 / float(camera.K[1, 1]))
    return View(wxyz=(w, x, y, z), position=(px, py, pz), fov=fov, aspect=aspect)


def followed(path: CameraPath | None, frame: int, view: View) -> View:
    """The view that ``path`` has at ``frame``, in the window of ``view``; without a path ``view`` itself."""
    return view if path is None else view_of(path[min(frame, len(path) - 1)], view.aspect)


def focal_of(fov: float, height: float) -> float:
    """Focal length in pixels of a vertical field of view in radians."""
    return height / 2 / math.tan(fov / 2)


def _load(text: str, head: Head, num_frames: int, fps: float, name: str) -> CameraPath:
    return _read(text, name, lambda path: load_path(path, head, num_frames, fps=fps))


def _read(text: str, name: str, read: Callable[[Path], T]) -> T:
    """What ``read`` makes of a file with ``text``; its errors name the file as the user knows it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "path.json"
        path.write_text(text, encoding="utf-8")
        try:
            return read(path)
        except InputError as error:
            raise InputError(str(error).replace(str(path), name)) from None
