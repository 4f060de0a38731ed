"""The back of the head, which no frame of a talking person shows: a rounded shell behind the recorded outline.

Without it a head turned by the camera is a mask with nothing behind its rim. The recorded frames can only say where the
shell would stick out, so training may make its Gaussians transparent but leaves their place and colour alone.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ..conventions import FACE, HAIR
from .surface import SurfacePoints, canonical_rays

ROUNDNESS = 1.3
"""Depth of the back of a head behind its outline over half the outline's width: skulls are longer than wide."""
DEEPEST = 0.13
"""Metres; long hair that falls wide is not that deep."""
BORDER = 0.3
"""Share of half the width, from the outline inwards, whose colours go round to the back."""
RIM = 0.92
"""Share of half the width from which the recorded surface counts as its outline."""
EAR = 0.16
"""Share of half the width by which ears stand out from the skull: the shell is narrower where the outline is skin."""
SKIN_BORDER = 0.04
"""Share of half the width over which skin at the outline gives way to hair."""
BELOW_HAIR = 4
"""Pixels above the lowest hair of a column whose colour is taken: its very edge is mixed with skin."""
INSET = 0.94
"""The shell is that much narrower than the outline, so that it does not show in the recorded view."""


def back_of_head(
    labels: np.ndarray,
    image: np.ndarray,
    front: SurfacePoints,
    uv: np.ndarray,
    K: np.ndarray,
    rotation: np.ndarray,
    position: np.ndarray,
    stride: float,
    nape_start: float,
    nape_end: float,
) -> tuple[SurfacePoints, np.ndarray, np.ndarray]:
    """Points of the shell, their colours and their spacing.

    Args:
        labels: ``[H, W]`` part labels of the rest frame.
        image: ``[H, W, 3]`` u8 of the same frame.
        front: recorded surface of hair and face in that frame.
        uv: ``[P, 2]`` the pixels that ``front`` was lifted from.
        K: ``[3, 3]`` intrinsics.
        rotation, position: T_world_head of the frame.
        stride: pixels between points.
        nape_start, nape_end: y in the head frame, metres, between which the back of the head recedes to the neck.
    """
    head = (labels == HAIR) | (labels == FACE) | (labels > FACE)
    rows = np.flatnonzero(head.sum(1) > 4 * stride)
    if len(rows) < 8 or len(uv) == 0:
        return _nothing(front)
    left = np.array([np.flatnonzero(head[v])[0] for v in rows], float)
    right = np.array([np.flatnonzero(head[v])[-1] + 1 for v in rows], float)
    hair = _hair(labels, image)
    bare = [_bare(hair, rows, edge, step) for edge, step in ((left, 1), (right - 1, -1))]
    wide = right - left
    left, right = (
        gaussian_filter1d(x, 2.0) for x in (left + EAR * bare[0] * wide / 2, right - EAR * bare[1] * wide / 2)
    )
    middle, half = (left + right) / 2, INSET * (right - left) / 2
    grid = np.stack(np.meshgrid(np.arange(stride / 2, labels.shape[1], stride), rows[:: max(round(stride), 1)]), -1)
    pixels = grid.reshape(-1, 2).astype(float) + [0.0, 0.5]
    at = np.searchsorted(rows, pixels[:, 1] - 0.5)
    across = (pixels[:, 0] - middle[at]) / half[at]
    inside = np.abs(across) < 1
    pixels, at, across = pixels[inside], at[inside], across[inside]
    depth_of = _rim_depths(front, uv, rows, middle, half, rotation, position)
    rim = depth_of[at]
    width = half[at] * rim / K[0, 0]
    origin, rays = canonical_rays(pixels, K, rotation, position)
    height = (origin + rays * rim[:, None])[:, 1]
    nape = np.clip((nape_end - height) / (nape_end - nape_start), 0, 1)
    behind = np.minimum(ROUNDNESS * width, DEEPEST) * np.sqrt((1 - across**2) * nape)
    points = origin + rays * (rim + behind)[:, None]
    keep = nape > 0
    colors = _colours(hair, image, rows[at], middle[at], half[at], across)
    spacing = stride * rim / K[0, 0] / np.sqrt(np.maximum(1 - across**2, 0.25))
    channels = front.basis.shape[2]
    points = points[keep]
    outward = points - (points.mean(0) if len(points) else 0)
    normals = -outward / np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-9)
    shell = SurfacePoints(
        points=points,
        basis=np.zeros((len(points), 3, channels)),
        jacobian=np.zeros((len(points), 3, 3, channels)),
        normals=normals,
    )
    return shell, colors[keep], spacing[keep]


def _hair(labels: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Pixels ``[H, W]`` bool of hair proper: the label holds ears too, which look like skin."""
    face, hair = labels == FACE, labels == HAIR
    if not face.any():
        return hair
    crown = hair & (
        np.arange(len(labels))[:, None] < np.median(np.nonzero(face)[0]) - 0.25 * np.ptp(np.nonzero(face)[0])
    )
    if not crown.any():
        return hair
    colour = image.astype(np.float32)
    to_hair, to_skin = (np.abs(colour - np.median(colour[part], axis=0)).sum(-1) for part in (crown, face))
    return hair & (to_hair < to_skin)


def _bare(hair: np.ndarray, rows: np.ndarray, edge: np.ndarray, step: int) -> np.ndarray:
    """1 for the rows whose outline is no hair but ear or cheek, else 0, smooth along the outline."""
    inside = np.clip(edge.astype(int) + 3 * step, 0, hair.shape[1] - 1)
    return gaussian_filter1d((~hair[rows, inside]).astype(float), 3.0)


def _colours(hair, image, row, middle, half, across) -> np.ndarray:
    """What the outline shows goes round to the back; beyond ears and cheeks the hair above them comes down."""
    source = np.sign(across) * (1 - BORDER * (1 - np.abs(across)) - 0.06)
    column = np.clip((middle + source * half).astype(int), 0, hair.shape[1] - 1)
    above = np.maximum.accumulate(np.where(hair, np.arange(len(hair))[:, None], -1), axis=0)
    near = np.maximum(above[row, column] - BELOW_HAIR, 0)
    own = image[row, column].astype(np.float32) / 255
    from_hair = np.where((above[row, column] >= 0)[:, None], image[near, column].astype(np.float32) / 255, own)
    inside = np.clip((1 - np.abs(across)) / SKIN_BORDER, 0, 1)[:, None] * ~hair[row, column][:, None]
    return (own + inside * (from_hair - own)).astype(np.float32)


def _nothing(front: SurfacePoints) -> tuple[SurfacePoints, np.ndarray, np.ndarray]:
    empty = SurfacePoints(
        points=front.points[:0], basis=front.basis[:0], jacobian=front.jacobian[:0], normals=front.normals[:0]
    )
    return empty, np.zeros((0, 3), np.float32), np.zeros(0)


def _rim_depths(front, uv, rows, middle, half, rotation, position) -> np.ndarray:
    """Depth in the camera of the recorded surface at the outline of every row, smooth along the outline."""
    depth = front.points @ rotation[2] + position[2]
    at = np.clip(np.searchsorted(rows, uv[:, 1] - 0.5), 0, len(rows) - 1)
    near = np.abs(uv[:, 0] - middle[at]) > RIM * half[at]
    total = np.bincount(at[near], depth[near], len(rows))
    count = np.bincount(at[near], minlength=len(rows))
    known = count > 0
    if not known.any():
        return np.full(len(rows), np.median(depth))
    mean = np.interp(np.arange(len(rows)), np.flatnonzero(known), total[known] / count[known])
    return gaussian_filter1d(mean, 6.0)
