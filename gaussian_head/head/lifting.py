"""The pixels of one frame as points in the canonical space, coloured."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from torch import Tensor

from ..camera import Camera
from ..capture import Capture, CaptureFrame
from ..conventions import HAIR, NECK, TORSO
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
    neutral: np.ndarray,
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
        neutral: ``[478, 3]`` neutral landmarks, as deep as skin is.
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
    pose = (quat_to_rotmat(motion.head.quats[t]).double().numpy(), motion.head.positions[t].double().numpy())
    labels = settled_labels(frame, hull, capture.camera, *pose)[row, column]
    keep = np.isin(labels, parts) & (frame.alpha[row, column] > 127) & _continued(uv, hull, capture, t, *pose)
    uv, labels, row, column, pitch = uv[keep], labels[keep], row[keep], column[keep], pitch[keep]
    shape = capture.shape
    basis = shape.basis.double().permute(1, 2, 0).numpy()
    surface = lift_pixels(
        uv,
        labels,
        neutral + basis @ capture.code[t].double().numpy(),
        basis,
        capture.camera,
        *pose,
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


def settled_labels(
    frame: CaptureFrame, hull: Hull, camera: Camera, rotation: np.ndarray, position: np.ndarray
) -> np.ndarray:
    """The frame's labels ``[H, W]``; hair that lies beside the head, before the body, is what of the body is next."""
    of_head, labels = hull.of_head(), frame.labels
    body = np.isin(labels, (NECK, TORSO))
    head, behind = (hull.covered(chosen, camera, rotation, position) for chosen in (of_head, ~of_head))
    stray = (labels == HAIR) & behind & ~head
    return np.where(stray, labels[nearest_true(body)], labels) if stray.any() and body.any() else labels


def _continued(
    uv: np.ndarray, hull: Hull, capture: Capture, t: int, rotation: np.ndarray, position: np.ndarray
) -> np.ndarray:
    """``[P]`` bool, pixels ``[P, 2]`` in the picture or below it.

    Beside it those that some frame shows there, and those where the hull's body goes on: shoulders do not end square.
    """
    camera, torso = capture.camera, capture.motion.torso.positions
    beside = max(0, math.ceil(-uv[:, 0].min(initial=0)))
    if not beside:
        return np.ones(len(uv), bool)
    K = camera.K.clone()
    K[0, 2] += beside
    wide = Camera(viewmat=camera.viewmat, K=K, width=camera.width + 2 * beside, height=camera.height)
    body = hull.covered(~hull.of_head(), wide, rotation, position)
    column, row = (uv[:, 0] + beside).astype(int), uv[:, 1].astype(int).clip(0, camera.height - 1)
    moved = (torso[capture.train_frames, 0] - torso[t, 0]).abs().max() * K[0, 0] / torso[t, 2]
    away = np.maximum(-uv[:, 0], uv[:, 0] - camera.width)
    return (away <= float(moved)) | body[row, column.clip(0, wide.width - 1)]


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
