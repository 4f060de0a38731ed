"""Cameras that somebody else calibrated: ``transforms.json`` as NeRF tools write it, or COLMAP's model as text."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..camera import Camera
from ..checks import InputError, read_json, require_number
from ..transforms import pose_to_matrix
from .views import camera_name

TRANSFORMS, COLMAP = "transforms.json", ("cameras.txt", "images.txt")
_AXES = np.diag([1.0, -1.0, -1.0, 1.0])
_PINHOLES = {"SIMPLE_PINHOLE": 3, "PINHOLE": 4, "SIMPLE_RADIAL": 4, "RADIAL": 5, "OPENCV": 8}
"""COLMAP's models that are read, and how many numbers each has; distortion is left out where it is small."""
STRONGEST = 0.15
"""First radial coefficient up to which a lens is taken for a pinhole."""


def read_cameras(path: str | Path) -> dict[str, Camera]:
    """Cameras by the name of what they took (``camera_name`` of the file), world to camera, OpenCV axes.

    Args:
        path: ``transforms.json``, or a folder that holds one or COLMAP's ``cameras.txt`` and ``images.txt``.

    Raises:
        InputError: neither, damaged, or lenses that are no pinholes.
    """
    path = Path(path)
    if path.is_dir() and all((path / name).is_file() for name in COLMAP):
        return _from_colmap(path)
    where = path / TRANSFORMS if path.is_dir() else path
    if not where.is_file():
        raise InputError(f"{path} holds no cameras; {TRANSFORMS}, or COLMAP's {' and '.join(COLMAP)}, were wanted.")
    return _from_transforms(where)


def _from_transforms(where: Path) -> dict[str, Camera]:
    data = read_json(where, "transforms")
    try:
        cameras = {camera_name(f["file_path"]): _of_frame(f, data) for f in data["frames"]}
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{where} is no transforms.json of cameras ({type(error).__name__}: {error}).") from error
    if not cameras:
        raise InputError(f"{where} names no pictures in 'frames'.")
    return cameras


def _of_frame(frame: dict[str, Any], whole: dict[str, Any]) -> Camera:
    """One camera; what its frame does not say stands above all frames."""

    def number(name: str, otherwise: float | None = None) -> float:
        value = frame.get(name, whole.get(name, otherwise))
        if value is None:
            raise InputError(f"{name} is missing")
        return require_number(value, name, least=-1e7, most=1e7)

    width, height = number("w"), number("h")
    angle = frame.get("camera_angle_x", whole.get("camera_angle_x"))
    told = None if angle is None else width / 2 / math.tan(require_number(angle, "camera_angle_x", least=0, most=3) / 2)
    fx = number("fl_x", told)
    matrix = np.array(frame["transform_matrix"], np.float64)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:3, :3]) - 1) > 0.05:
        raise InputError("transform_matrix is no 4x4 rotation with a translation")
    K = [[fx, 0, number("cx", width / 2)], [0, number("fl_y", fx), number("cy", height / 2)], [0, 0, 1]]
    view = np.linalg.inv(matrix @ _AXES)
    return camera_of(view, K, width, height)


def _from_colmap(folder: Path) -> dict[str, Camera]:
    try:
        lenses = {words[0]: _lens(words) for words in _lines(folder / COLMAP[0]) if words}
        cameras = {}
        for words in _lines(folder / COLMAP[1])[::2]:
            quat, shift = (torch.tensor([float(w) for w in words[a:b]]).double() for a, b in ((1, 5), (5, 8)))
            K, width, height = lenses[words[8]]
            cameras[camera_name(words[9])] = camera_of(pose_to_matrix(quat, shift).numpy(), K, width, height)
    except (KeyError, IndexError, ValueError) as error:
        raise InputError(f"{folder} holds no text model of COLMAP ({type(error).__name__}: {error}).") from error
    if not cameras:
        raise InputError(f"{folder / COLMAP[1]} names no pictures.")
    return cameras


def _lines(path: Path) -> list[list[str]]:
    """Words of every line that is no remark; a picture without points has an empty second line, which counts."""
    text = path.read_text(encoding="utf-8").splitlines()
    return [line.split() for line in text if not line.startswith("#")]


def _lens(words: list[str]) -> tuple[list[list[float]], float, float]:
    kind, width, height = words[1], float(words[2]), float(words[3])
    if kind not in _PINHOLES:
        raise InputError(f"lens {kind} is not read; undistort the pictures with COLMAP first")
    numbers = [float(word) for word in words[4 : 4 + _PINHOLES[kind]]]
    single = kind.startswith(("SIMPLE", "RADIAL"))
    (fx, fy), rest = (numbers[0], numbers[0 if single else 1]), numbers[1 if single else 2 :]
    if len(rest) > 2 and abs(rest[2]) > STRONGEST:
        raise InputError(f"lens {kind} bends lines (k1 {rest[2]:g}); undistort the pictures with COLMAP first")
    return [[fx, 0.0, rest[0]], [0.0, fy, rest[1]], [0.0, 0.0, 1.0]], width, height


def camera_of(view: np.ndarray, K: list[list[float]] | np.ndarray, width: float, height: float) -> Camera:
    """A camera of numbers: world to camera ``[4, 4]``, OpenCV axes, and lens ``[3, 3]``."""
    return Camera(
        viewmat=torch.from_numpy(view).float(),
        K=torch.from_numpy(np.array(K, np.float32)),
        width=round(width),
        height=round(height),
    )
