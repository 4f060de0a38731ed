"""The pixels of one frame as points in the canonical space, coloured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from torch import Tensor

from ..capture import Capture, CaptureFrame
from ..transforms import quat_to_rotmat
from .hull import Hull
from .outline import eroded, nearest_true
from .surface import Patch, lift_pixels

MAX_STRETCH = 4.0
"""Longest initial Gaussian relative to its width, on surfaces seen at a grazing angle."""
OPACITY = 0.8
"""Of Gaussians that training changes, at the start."""
OPAQUE, EDGE = 250, 2
"""Matte from which on a pixel is the person alone, and pixels from there inwards that are not trusted yet."""


def lift_frame(
    capture: Capture,
    hull: Hull,
    t: int,
    parts: tuple[int, ...],
    stride: float,
    code_scale: Tensor,
    margin: float = 0.0,
) -> tuple[Patch, np.ndarray]:
    """Points behind the pixels of frame ``t`` whose label is in ``parts``, and those pixels ``[P, 2]``.

    Args:
        capture: of a person.
        hull: around that person.
        t: frame.
        parts: labels.
        stride: pixels between points.
        code_scale: ``[K]`` unit of the code.
        margin: share of the picture by which its border pixels go on outside it, three times as coarsely.
    """
    frame, motion = capture.frame(t), capture.motion
    sizes = (capture.camera.width, capture.camera.height)
    (x, dx), (y, dy) = (_grid(size, stride, round(margin * size)) for size in sizes)
    uv = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    pitch = np.maximum(*np.meshgrid(dx, dy)).reshape(-1)
    column, row = (np.clip(uv[:, i].astype(int), 0, sizes[i] - 1) for i in (0, 1))
    labels = frame.labels[row, column]
    keep = np.isin(labels, parts) & (frame.alpha[row, column] > 127)
    uv, labels, row, column, pitch = uv[keep], labels[keep], row[keep], column[keep], pitch[keep]
    shape = capture.shape
    neutral = shape.vertices.double().numpy()
    basis = shape.basis.double().permute(1, 2, 0).numpy()
    surface = lift_pixels(
        uv,
        labels,
        neutral + basis @ capture.code[t].double().numpy(),
        basis,
        capture.camera,
        quat_to_rotmat(motion.head.quats[t]).double().numpy(),
        motion.head.positions[t].double().numpy(),
        neutral=neutral,
        hull=hull,
    )
    spacing = pitch * float(motion.head.positions[t, 2]) / float(capture.camera.K[0, 0])
    slant = 1 / np.abs(surface.normals[:, 2]).clip(min=1 / MAX_STRETCH)
    scale = code_scale.double().numpy()
    patch = Patch(
        surface=replace(surface, basis=surface.basis * scale, jacobian=surface.jacobian * scale),
        colours=_unmixed(frame)[row, column].astype(np.float32) / 255,
        spacing=np.stack([spacing * slant, spacing], 1),
        opacities=np.full(len(uv), OPACITY),
    )
    return patch, uv


def _unmixed(frame: CaptureFrame) -> np.ndarray:
    """The picture ``[H, W, 3]``, its person's edge, mixed with what lies behind, coloured like the nearest inside."""
    inside = eroded(frame.alpha > OPAQUE, EDGE)
    return frame.image[nearest_true(inside)] if inside.any() else frame.image


def _grid(size: int, stride: float, margin: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions and pitch along one side of the picture: every ``stride`` inside, every third of it in the margins."""
    inside = np.arange(stride / 2, size, stride)
    coarse = 3 * stride
    after = np.arange(size + coarse / 2, size + margin, coarse)
    x = np.concatenate([size - after[::-1], inside, after])
    pitch = np.where((x < 0) | (x > size), coarse, stride)
    return x, pitch
