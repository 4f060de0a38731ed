"""Cameras as the ``transforms.json`` of instant-ngp and nerfstudio: camera-to-world, +y up, +z backward."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..camera import Camera
from ..checks import InputError
from ..durable import replacing

_TO_OPENGL = torch.tensor([1.0, -1.0, -1.0, 1.0])


def write_transforms(path: str | Path, cameras: Sequence[Camera], *, fps: float, pattern: str = "images/%06d.png"):
    """Write cameras with the picture names that frames rendered from them should have.

    Args:
        path: file to write, at once or not at all.
        cameras: T cameras, OpenCV.
        fps: frames per second; each frame carries its time.
        pattern: name of picture ``t`` beside the file.

    Raises:
        InputError: no camera.
    """
    if not len(cameras):
        raise InputError(f"no camera came for {path}; one or more were wanted.")
    frames = [
        {"file_path": pattern % t, "time": t / fps, "transform_matrix": opengl_pose(camera).tolist()}
        | _intrinsics(camera)
        for t, camera in enumerate(cameras)
    ]
    document = {"camera_model": "OPENCV"} | _intrinsics(cameras[0]) | {"frames": frames}
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(document), encoding="utf-8")


def opengl_pose(camera: Camera) -> Tensor:
    """Camera-to-world ``[4, 4]`` with the camera's +y up and +z backward."""
    return torch.linalg.inv(camera.viewmat.double()) * _TO_OPENGL


def _intrinsics(camera: Camera) -> dict[str, float | int]:
    K = camera.K.tolist()
    values = {"fl_x": K[0][0], "fl_y": K[1][1], "cx": K[0][2], "cy": K[1][2], "w": camera.width, "h": camera.height}
    return values | dict.fromkeys(("k1", "k2", "p1", "p2"), 0.0)
