"""The closed surfaces around the face: hair and back of the head, neck, torso, eyes, teeth, tongue, mouth cavity.

All in photo pixels (x right, y down, z away from the viewer); texture coordinates in photo pixels or tile units.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

PX = 0.0117 / 8.37
"""Metres per photo pixel: the iris is 11.7 mm wide and 8.37 pixels in the photo."""

COLLAR_CENTRE = np.array([214.5, 212.5, 62.0])
COLLAR_RADIUS = 94.4
COLLAR_SQUASH = 0.592
"""Height over width of the ring in the photo."""
COLLAR_TILT_DEG = 23.3


@dataclass(frozen=True, kw_only=True)
class Patch:
    """One piece of surface."""

    vertices: np.ndarray
    """``[V, 3]``."""
    triangles: np.ndarray
    """``[F, 3]`` i64."""
    uv: np.ndarray
    """``[V, 2]`` in the patch's own texture: photo pixels, or 0..1 across a tile."""


def grid(points: np.ndarray, uv: np.ndarray) -> Patch:
    """A patch from a lattice of points ``[A, B, 3]`` and texture coordinates ``[A, B, 2]``."""
    rows, cols = points.shape[:2]
    index = np.arange(rows * cols).reshape(rows, cols)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    triangles = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    return Patch(vertices=points.reshape(-1, 3), triangles=triangles, uv=uv.reshape(-1, 2))


def unit_lattice(rows: int, cols: int) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays ``[rows, cols]`` running from 0 to 1 down and across."""
    down, across = np.meshgrid(np.linspace(0, 1, rows), np.linspace(0, 1, cols), indexing="ij")
    return down, across


def silhouette_radius(mask: np.ndarray, centre: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Distance ``[A]`` in pixels from ``centre`` to the edge of ``mask`` along each angle."""
    steps = np.arange(20.0, 130.0, 0.25)
    x = centre[0] + np.cos(angles)[:, None] * steps
    y = centre[1] + np.sin(angles)[:, None] * steps
    inside = mask[np.clip(y.astype(int), 0, None), x.astype(int)]
    first_out = np.where(inside.all(1), len(steps) - 1, inside.argmin(1))
    return steps[first_out]


def head_shell(rim: np.ndarray, mask: np.ndarray, centre: np.ndarray, rings: int) -> tuple[np.ndarray, np.ndarray]:
    """Surface from the rim of the face over the hair to the back of the head.

    Args:
        rim: ``[A, 3]`` closed loop, first point repeated last, starting at the chin.
        mask: head silhouette ``[H, W]`` in the photo.
        centre: ``[2]`` middle of the face.
        rings: number of loops before and behind the widest one each.

    Returns:
        Lattice ``[2 * rings + 1, A, 3]`` and how upright each column is, ``[A]`` in -1 (chin) .. 1 (crown).
    """
    offset = rim[:, :2] - centre
    angles = np.arctan2(offset[:, 1], offset[:, 0])
    inner = np.hypot(offset[:, 0], offset[:, 1])
    upright = -np.sin(angles)
    outer = silhouette_radius(mask, centre, angles)
    below = np.clip((-upright - 0.62) / 0.2, 0, 1)
    outer = np.maximum((1 - below) * outer + below * inner, inner + 0.5)
    outer = gaussian_filter1d(outer, 1.0, mode="wrap") - 0.6
    back = 66.0 + 80.0
    widest = np.maximum(rim[:, 2] + 22.0, 62.0)
    turn = np.linspace(0, np.pi / 2, rings + 1)[:, None]
    radius = np.concatenate([inner + (outer - inner) * np.sin(turn), outer * np.cos(turn[1:])])
    puff = 7.0 * np.clip(upright + 0.5, 0, 1) * np.sin(2 * turn) * np.clip((outer - inner) / 25, 0, 1)
    front = rim[:, 2] + (widest - rim[:, 2]) * (1 - np.cos(turn)) - puff
    depth = np.concatenate([front, widest + (back - widest) * np.sin(turn[1:])])
    direction = np.stack([np.cos(angles), np.sin(angles)], -1)
    points = np.concatenate([centre + radius[..., None] * direction, depth[..., None]], -1)
    points[0] = rim
    return points, upright


def neck_tube(chin: np.ndarray) -> Patch:
    """Elliptical tube from inside the head down into the collar; texture in photo pixels."""
    down, around = unit_lattice(16, 49)
    angle = (around - 0.5) * 2 * np.pi
    y = chin[1] - 20 + down * 96
    flare = 1 + 0.10 * np.clip(down - 0.3, 0, 1) ** 2
    x = chin[0] - 1 + 34.5 * flare * np.sin(angle)
    z = 72 - 39 * flare * np.cos(angle) - 5 * down
    uv = np.stack([chin[0] - 2 + 29 * np.sin(angle), y], -1)
    return grid(np.stack([x, y, z], -1), uv)


def torso_body(edges: np.ndarray, top: float = 194.0, photo_bottom: float = 333.0, bottom: float = 470.0) -> Patch:
    """Closed body of elliptic cross-sections that fill the torso's outline; round shoulders close it at the ``top``."""
    down, around = unit_lattice(72, 97)
    angle = (around - 0.5) * 2 * np.pi
    y = top + down * (bottom - top)
    shoulder = 54.0
    row = np.clip(y, top + shoulder, len(edges) - 1)
    left = np.interp(row, np.arange(len(edges)), edges[:, 0]) + 1.5
    right = np.interp(row, np.arange(len(edges)), edges[:, 1]) - 1.5
    middle = (left + right) / 2
    half = (right - left) / 2 * np.sqrt(np.clip((y - top) / shoulder, 0, 1))
    thickness = 6 + 94 * np.clip((y - top) / 87, 0, 1) ** 1.8
    cosine = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.7
    sweep = np.abs(angle)
    sweep = np.where(sweep > 1.15, 1.15 - 0.45 * (sweep - 1.15), sweep)
    folded = middle + half * np.sin(sweep) * np.sign(angle)
    mirrored = np.where(y > photo_bottom, 2 * photo_bottom - y, y)
    points = np.stack([middle + half * np.sin(angle), y, 120 - thickness * cosine], -1)
    return grid(points, np.stack([folded, mirrored], -1))


def collar() -> Patch:
    """The suit's neck ring: a bowl inside, a flat rim, a wall outside; texture in photo pixels."""
    rows = (
        (0.0, 14),
        (0.25, 13.5),
        (0.45, 12),
        (0.62, 9),
        (0.78, 5),
        (0.9, 1),
        (0.93, 0),
        (1.0, 0),
        (1.015, 5),
        (1.01, 15),
        (0.98, 30),
    )
    angle = np.linspace(0, 2 * np.pi, 97)
    share, depth = np.array(rows).T[:, :, None]
    along, across = COLLAR_RADIUS * share * np.cos(angle), COLLAR_RADIUS * share * np.sin(angle)
    tilt = np.radians(COLLAR_TILT_DEG)
    u, v = np.array([np.cos(tilt), np.sin(tilt)]), np.array([-np.sin(tilt), np.cos(tilt)])
    lower = COLLAR_SQUASH * across + 0.76 * depth
    flat = COLLAR_CENTRE[:2] + along[..., None] * u + lower[..., None] * v
    z = COLLAR_CENTRE[2] - 0.65 * across + 0.65 * depth
    return grid(np.concatenate([flat, z[..., None]], -1), flat)


def collar_mask(shape: tuple[int, ...]) -> np.ndarray:
    """Photo pixels that the collar covers, ``[H, W]`` bool."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    tilt = np.radians(COLLAR_TILT_DEG)
    dx, dy = x - COLLAR_CENTRE[0], y - COLLAR_CENTRE[1]
    along, lower = dx * np.cos(tilt) + dy * np.sin(tilt), -dx * np.sin(tilt) + dy * np.cos(tilt) - 6.0
    return (along / (COLLAR_RADIUS * 1.07)) ** 2 + (lower / (COLLAR_RADIUS * COLLAR_SQUASH * 1.28)) ** 2 < 1


def eyeball(centre: np.ndarray, radius: float) -> Patch:
    """Front half of a sphere; texture is the unit tile with the pupil in its middle."""
    down, around = unit_lattice(15, 33)
    polar, angle = down * np.pi * 0.48, around * 2 * np.pi
    side = np.sin(polar)
    points = np.stack([side * np.cos(angle), side * np.sin(angle), -np.cos(polar)], -1) * radius + centre
    uv = np.stack([0.5 + down * 0.5 * np.cos(angle), 0.5 + down * 0.5 * np.sin(angle)], -1)
    return grid(points, uv)


def tooth_row(middle: np.ndarray, half_width: float, depth: float, height: float) -> Patch:
    """A curved row of teeth with gum; ``middle`` is the biting edge's centre, ``height`` negative for the upper row."""
    down, across = unit_lattice(5, 33)
    turn = (across - 0.5) * 2.6
    bulge = 1.5 * np.sin(down * np.pi)
    x = middle[0] + half_width * np.sin(turn) / np.sin(1.3)
    z = middle[2] + depth * (1 - np.cos(turn)) - bulge
    y = middle[1] + down * height
    return grid(np.stack([x, y, z], -1), np.stack([across, down], -1))


def tongue_body(tip: np.ndarray) -> Patch:
    """A rounded tongue behind the lower teeth."""
    down, around = unit_lattice(12, 25)
    polar, angle = down * np.pi, around * 2 * np.pi
    x = tip[0] + 12.5 * np.sin(polar) * np.cos(angle)
    y = tip[1] + 4.0 + 3.6 * np.sin(polar) * np.sin(angle)
    z = tip[2] + 17 - 17 * np.cos(polar)
    return grid(np.stack([x, y, z], -1), np.stack([around, down], -1))


def mouth_cavity(lips: np.ndarray) -> tuple[Patch, np.ndarray]:
    """A pouch behind the inner lip loop ``[P, 3]``, which starts at a corner and runs over the upper lip first.

    Returns:
        The pouch, texture running 0..1 inwards, and which loop point each vertex follows, ``[V]``.
    """
    loop = np.concatenate([lips, lips[:1]])
    half = len(lips) // 2
    position = np.arange(len(loop))
    sign = np.where(position % half == 0, 0.0, np.where(position < half, -1.0, 1.0))
    middle = lips.mean(0)
    reach = np.sqrt(np.maximum(1 - ((loop[:, 0] - middle[0]) / np.abs(loop[:, 0] - middle[0]).max()) ** 2, 0))
    rings = []
    for wide, tall, back in ((1, 0, 0), (1, 0, 1.2), (1.06, 6, 6), (1, 9, 15), (0.5, 7, 22), (0, 0, 24)):
        x = middle[0] + (loop[:, 0] - middle[0]) * wide
        y = middle[1] + (loop[:, 1] - middle[1]) * min(1, 2 * wide) + sign * tall * reach
        rings.append(np.stack([x, y, loop[:, 2] + back], -1))
    down, across = unit_lattice(len(rings), len(loop))
    return grid(np.stack(rings), np.stack([across, down], -1)), np.tile(position % len(lips), len(rings))
