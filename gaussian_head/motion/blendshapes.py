"""Blendshapes as MediaPipe's Face Landmarker tells them, kept as JSON: one entry a frame.

A frame is what ``detectForVideo`` gives in JavaScript (``faceBlendshapes``, ``facialTransformationMatrixes``) or Python
(``face_blendshapes``, ``facial_transformation_matrixes``), its first face; or plainly ``{"jawOpen": 0.3, …}``, bare or
under ``blendshapes``. The file is a list of frames, or an object with the list under ``frames``. Its rate is ``fps``
there, or comes from each frame's ``timestamp`` (``timestamp_ms``, ``timestampMs``), milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..checks import InputError, require_number
from ..face import UNITS, gaze_of_looks
from ..transforms import quat_normalize, rotmat_to_quat
from ._types import FASTEST, SLOWEST, Motion, Pose

SHAPES = ("faceBlendshapes", "face_blendshapes", "blendshapes")
MATRICES = ("facialTransformationMatrixes", "facial_transformation_matrixes")
STAMPS = ("timestamp_ms", "timestampMs", "timestamp")
NEUTRAL = "_neutral"
"""MediaPipe's first blendshape, which says nothing."""
USUAL = 2.0
"""Scores beyond this are none."""
_AXES = torch.tensor([1.0, -1.0, -1.0])
"""From OpenGL's axes, in which MediaPipe tells heads, to ours."""


def is_blendshapes(data: Any) -> bool:
    """Whether the content of a JSON file is meant as blendshapes."""
    frames = _frames(data)
    return bool(frames) and any(_shapes(frame) is not None for frame in frames[:100])


def motion_of_blendshapes(data: Any, path: Path) -> Motion:
    """The motion of a file's content at the world's origin; ``retarget`` puts it into somebody's place.

    Frames without a face repeat the one before.

    Raises:
        InputError: no rate, a name that is no blendshape, or a score that is no number; with the frame's number.
    """
    frames = _frames(data)
    rows: list[Tensor] = []
    turns: list[Tensor] = []
    for t, frame in enumerate(frames):
        shapes = _shapes(frame)
        if shapes:
            rows.append(_units(shapes, f"{path}, frame {t}"))
            turns.append(_rotation(frame, f"{path}, frame {t}"))
        elif rows:
            rows.append(rows[-1])
            turns.append(turns[-1])
    if not rows:
        raise InputError(f"{path}: no frame holds blendshapes; track with outputFaceBlendshapes on.")
    units = torch.stack(rows)
    still = torch.zeros(len(units), 3)
    return Motion(
        fps=_rate(data, frames, path),
        head=Pose(quats=quat_normalize(rotmat_to_quat(torch.stack(turns))), positions=still),
        torso=Pose(quats=torch.tensor([1.0, 0.0, 0.0, 0.0]).repeat(len(units), 1), positions=still),
        units=units,
        gaze=gaze_of_looks(units),
        residual=torch.zeros(len(units), 0),
    )


def _frames(data: Any) -> list[Any]:
    frames = data.get("frames") if isinstance(data, dict) else data
    return frames if isinstance(frames, list) else []


def _shapes(frame: Any) -> Mapping[str, Any] | None:
    """Name to score of one frame; empty where there was no face, None where it is no such frame."""
    if not isinstance(frame, dict):
        return None
    found = next((frame[key] for key in SHAPES if key in frame), frame if "jawOpen" in frame else None)
    while isinstance(found, list) and found and isinstance(found[0], list):
        found = found[0]
    if isinstance(found, list) and found and isinstance(found[0], dict) and "categories" in found[0]:
        found = found[0]["categories"]
    if isinstance(found, list):
        named = [shape for shape in found if isinstance(shape, dict)]
        return {str(shape.get("categoryName", shape.get("category_name"))): shape.get("score") for shape in named}
    return found if isinstance(found, dict) else None


def _units(shapes: Mapping[str, Any], where: str) -> Tensor:
    units = torch.zeros(len(UNITS))
    for name, score in shapes.items():
        if name == NEUTRAL or name in STAMPS or name in MATRICES:
            continue
        if name not in UNITS:
            raise InputError(f"{where}: {name!r} is no blendshape of ARKit; names such as jawOpen were wanted.")
        units[UNITS.index(name)] = require_number(score, f"{where}, {name}", least=-USUAL, most=USUAL)
    return units


def _rotation(frame: Mapping[str, Any], where: str) -> Tensor:
    """Head to camera ``[3, 3]`` in our axes, upright where the frame does not say."""
    matrix = next((frame[key] for key in MATRICES if frame.get(key)), None)
    if matrix is None:
        return torch.eye(3)
    try:
        first = matrix[0]
        by_column = isinstance(first, dict)
        numbers = torch.tensor(first["data"] if by_column else first, dtype=torch.float32).reshape(4, 4)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{where}: its transformation matrix is no 4x4 ({error}).") from error
    turn = (numbers.T if by_column else numbers)[:3, :3]
    if not turn.isfinite().all() or abs(float(torch.linalg.det(turn)) - 1) > 0.1:
        raise InputError(f"{where}: its transformation matrix holds no rotation.")
    return _AXES[:, None] * turn * _AXES


def _rate(data: Any, frames: list[Any], path: Path) -> float:
    if isinstance(data, dict) and "fps" in data:
        return require_number(data["fps"], f"{path}: fps", least=SLOWEST, most=FASTEST)
    stamps = [
        frame.get(next((key for key in STAMPS if key in frame), "")) for frame in frames if isinstance(frame, dict)
    ]
    times = [float(stamp) for stamp in stamps if isinstance(stamp, int | float) and not isinstance(stamp, bool)]
    if len(times) == len(frames) > 1 and times[-1] > times[0]:
        return require_number(1000 * (len(times) - 1) / (times[-1] - times[0]), "fps", least=SLOWEST, most=FASTEST)
    raise InputError(f"{path} says no rate; give fps beside frames, or each frame its timestamp in milliseconds.")
