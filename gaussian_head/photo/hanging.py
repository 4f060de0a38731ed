"""What the surface of a head does not reach: hair that hangs or stands out, wide sleeves; lifted off the photograph.

Such pixels are given a rounded body, as deep as it is wide: half a lens before the line where it meets what lies
behind, and half a lens behind it where nothing does. Source of the rounding: Igarashi, Matsuoka and Tanaka, "Teddy"
(1999), by the distance to the outline.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import binary_dilation, distance_transform_edt, gaussian_filter

from ..face import REGIONS
from ..head.outline import nearest_true
from ..head.surface import Patch, joined
from ..screen_mesh import ScreenMesh
from ..smoothing import smoothstep
from ..transforms import quat_to_rotmat
from .fitting import FittedPhoto
from .plate import plate_of
from .rig import Rig
from .shape import EYES, PhotoShape, camera_of
from .view import PhotoView
from .wisps import SHINES

STRIDE, BACK_STRIDE = 1.6, 4.0
"""Pixels between points in front, and behind."""
NARROW = 0.008
"""Half the width of the narrowest thing that hangs, sides of the square."""
SCRAP = 0.002
"""Share of the square below which a piece is none of its own."""
ON_EAR = 0.3
"""Share of a piece that lies before an ear from which on it is a part of it."""
FAINTEST = 40
"""Matte below which a pixel is left to the background."""
THICK_HAIR, THICK_CLOTHES = 0.028, 0.05
"""Metres from front to middle of what hangs, at most."""
LEANS, NEAR_HAIR = 0.03, 0.012
"""Metres behind the ears' middle that anything hangs at most; sides of the square around hair that count as it."""
FALLS = 0.004
"""Metres before the ears' middle that hair falls, where nothing pushes it forwards."""
BEFORE = 0.004
"""Metres that hair lies before what it hides."""
CURTAIN, NARROWEST = 0.003, 0.045
"""Metres between points of hair behind a neck, and from the face's middle to either side that it reaches at least."""
GAP = 0.02
"""Metres over which a lock may be missing on one side: an ear or a highlight interrupts it."""
BEHIND, UNEVEN, EVEN_OVER = 0.012, 0.05, 0.1
"""Metres that it lies behind neck and back; how far its colours may leave the usual one; metres down from the ears over
which they come to: there it is the hair of the head."""
TUCKED, TUCKED_OVER = 0.22, 0.05
"""How much narrower it begins, under the hair of the head, and metres down over which it widens."""
LOCKS, LOCK_ROWS = 48, 8.0
"""Locks across it, and rows over which one keeps its colour."""
WALL = 0.3
"""How much nearer to the background's colour than to the hair's a pixel amid hair is that shows the background."""
CLOSED = 0.95
SMOOTH = 4.0
"""Pixels over which depths are evened."""


@dataclass(frozen=True, kw_only=True)
class Hanging:
    """Points lifted off one photograph."""

    front: Patch
    """What is seen."""
    back: Patch
    """What lies behind it, in its colours."""
    front_height: np.ndarray
    """``[P]`` height in the head frame, metres, where a neck's share is told by."""
    back_height: np.ndarray
    """``[Q]``."""
    front_hair: np.ndarray
    """``[P]`` bool, hair; the rest is clothes and skin."""


def hanging_of(shape: PhotoShape, rig: Rig, view: PhotoView, photo: FittedPhoto, tone: np.ndarray) -> Hanging:
    """Lift what the surface leaves of the person, and close long hair, usually of ``tone [3]``, behind the neck."""
    size = len(view.image)
    posed = shape.posed(photo)
    depth, region = _covered(shape, posed, photo, size)
    hit = np.isfinite(depth)
    low = np.arange(size)[:, None] > view.landmarks[list(EYES), 1].mean()
    scalp = region == REGIONS.index("scalp")
    hair_before = view.hair & hit & low & ~scalp
    left = (view.alpha > FAINTEST) & (~hit | hair_before) & ~_seen_through(view, region, tone)
    left = _sizable(_broad(left, round(NARROW * size)), view.hair, region == REGIONS.index("ears"))
    ears = posed[shape.model.of_region("ears").numpy()]
    base = depth[nearest_true(hit)] - np.where(hair_before, BEFORE, 0.0)
    hairy = np.asarray(binary_dilation(view.hair, iterations=round(NEAR_HAIR * size)), bool)
    falling = left & hairy & low
    base = np.minimum(base, ears[:, 2].mean() + LEANS)
    base = np.where(falling, np.minimum(np.where(hit, base, np.inf), ears[:, 2].mean() - FALLS), base)
    base = _evened(base, left)
    metre = base / photo.focal
    inside = np.asarray(distance_transform_edt(np.pad(left | (hit & (view.alpha > FAINTEST)), 1)))[1:-1, 1:-1] * metre
    thick = np.where(view.hair, THICK_HAIR, THICK_CLOTHES)
    bulge = np.sqrt((2 * thick * inside - inside**2).clip(0)) * (inside < thick) + thick * (inside >= thick)
    bulge = np.asarray(gaussian_filter(bulge, 1.5))
    near = np.asarray(gaussian_filter(hit.astype(float), 6.0)).clip(0, 1)
    front = base - bulge * np.where(hit, 0.0, 1 - 0.8 * near)
    behind = base + bulge
    colours = view.clean
    parts = []
    for surface, stride, where in ((front, STRIDE, left), (behind, BACK_STRIDE, left & ~hit)):
        step = np.arange(stride / 2, size, stride)
        column, row = (v.ravel() for v in np.meshgrid(step, step))
        kept = where[row.astype(int), column.astype(int)]
        parts.append(_lifted(row[kept], column[kept], surface, colours, view, photo, rig, stride))
    (front_patch, front_rows), (back_patch, _) = parts
    back_patch = joined([back_patch, *_curtain(shape, rig, view, photo, tone)])
    return Hanging(
        front=front_patch,
        back=back_patch,
        front_height=front_patch.surface.points[:, 1],
        back_height=back_patch.surface.points[:, 1],
        front_hair=view.hair[front_rows],
    )


def _seen_through(view: PhotoView, region: np.ndarray, tone: np.ndarray) -> np.ndarray:
    """``[S, S]`` bool, where the background shows between wisps above the shoulders, or amid hair: nothing hangs there.

    Args:
        view: the photograph.
        region: ``[S, S]`` of the surface in it.
        tone: ``[3]`` usual colour of the hair.
    """
    shoulders = region == REGIONS.index("shoulders")
    top = np.where(shoulders.any(0), shoulders.argmax(0), len(region))
    above = np.arange(len(region))[:, None] < top[None]
    from_wall, from_hair = np.abs(view.image / 255 - plate_of(view)), np.abs(view.image / 255 - tone)
    alike = from_wall.max(-1) < SHINES
    amid = view.hair & alike & (from_wall.mean(-1) < WALL * from_hair.mean(-1))
    return amid | (np.asarray(binary_dilation(above & ~view.hair & alike, iterations=2), bool) & ~view.hair)


def _broad(mask: np.ndarray, radius: int) -> np.ndarray:
    """``mask`` without what is narrower than twice the radius: a rim along the surface is no thing of its own."""
    core = np.asarray(distance_transform_edt(np.pad(mask, radius, mode="edge")))[radius:-radius, radius:-radius]
    return mask & (np.asarray(distance_transform_edt(core <= radius)) <= radius + 1)


def _sizable(mask: np.ndarray, hair: np.ndarray, ears: np.ndarray) -> np.ndarray:
    """``mask`` without scraps that are no hair, and the dark of an ear: they would float beside ear and neck."""
    import cv2

    pieces = np.asarray(cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)[1], np.int64)
    area, locks = np.bincount(pieces.ravel()), np.bincount(pieces.ravel(), hair.ravel())
    kept = (area >= SCRAP * mask.size) | (locks > 0.5 * area)
    kept &= np.bincount(pieces.ravel(), ears.ravel()) < ON_EAR * area
    kept[0] = False
    return kept[pieces]


def _covered(shape: PhotoShape, posed: np.ndarray, photo: FittedPhoto, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Depth ``[S, S]`` of the surface, infinite beside it, and its region."""
    everywhere = np.ones((size, size), bool)
    mesh = ScreenMesh(posed, shape.triangles, camera_of(photo, size))
    nearest = mesh.nearest(0.5, 0.5, mesh.touching(everywhere), everywhere).reshape(size, size)
    row, column = np.nonzero(nearest >= 0)
    triangle, _, depths = mesh.look_up(nearest[row, column], column + 0.5, row + 0.5)
    depth, region = np.full((size, size), np.inf), np.full((size, size), -1)
    depth[row, column] = depths
    region[row, column] = shape.model.regions.numpy()[shape.triangles[triangle, 0]]
    return depth, region


def _evened(depth: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Depth ``[S, S]`` without steps inside ``where``."""
    share = np.asarray(gaussian_filter(where.astype(float), SMOOTH))
    smooth = np.asarray(gaussian_filter(np.where(where, depth, 0.0), SMOOTH)) / np.maximum(share, 1e-6)
    return np.where(where & (share > 1e-3), smooth, depth)


def _lifted(row, column, depth, colours, view: PhotoView, photo: FittedPhoto, rig: Rig, stride: float):
    """Points behind pixels at a depth, in the head frame, and their pixels."""
    rows = np.floor(row).astype(int), np.floor(column).astype(int)
    z = depth[rows]
    ray = np.stack([(column - photo.centre[0].item()) / photo.focal, (row - photo.centre[1].item()) / photo.focal], 1)
    points = np.column_stack([ray * z[:, None], z])
    slope = (
        np.moveaxis(np.array(np.gradient(np.asarray(gaussian_filter(depth, 2.0)))), 0, -1)[rows]
        / (z / photo.focal)[:, None]
    )
    normals = np.column_stack([slope[:, 1], slope[:, 0], -np.ones(len(z))]).clip(-2.5, 2.5)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    rotation = quat_to_rotmat(photo.pose.quats).double().numpy()
    points = (points - photo.pose.positions.double().numpy()) @ rotation
    metre = stride * z / photo.focal
    slant = (1 / np.abs(normals[:, 2]).clip(0.35))[:, None]
    patch = Patch(
        surface=rig.resting(points, normals @ rotation),
        colours=colours[rows],
        spacing=np.concatenate([metre[:, None] * slant, metre[:, None]], 1),
        opacities=np.minimum(CLOSED, view.alpha[rows] / 255).clip(0.02),
    )
    return patch, rows


def _curtain(shape: PhotoShape, rig: Rig, view: PhotoView, photo: FittedPhoto, tone: np.ndarray) -> list[Patch]:
    """Hair that falls on both sides of a neck, carried on behind it: half an ellipse at every height."""
    metre = float(photo.pose.positions[2]) / photo.focal
    rotation, position = quat_to_rotmat(photo.pose.quats).double().numpy(), photo.pose.positions.double().numpy()
    body = shape.vertices[shape.model.of_region("scalp", "neck", "shoulders").numpy()]
    ears = shape.vertices[shape.model.of_region("ears").numpy()].mean(0)
    start = rotation @ ears + position
    rows = _long_rows(view, start, photo, metre)
    points, normals, paint = [], [], []
    colours = _curtain_colours(rows, view, tone, metre)
    for number, (row, left, right) in enumerate(rows):
        within = 1 - TUCKED * (1 - min((row - rows[0][0]) * metre / TUCKED_OVER, 1.0)) ** 2
        middle, half = (left + right) / 2, 0.97 * within * (right - left) / 2 * metre
        world = np.array([(middle - photo.centre[0].item()) * metre, (row - photo.centre[1].item()) * metre, start[2]])
        x, y, _ = (world - position) @ rotation
        near = body[np.abs(body[:, 1] - y) < 0.015]
        depth = max(within * (float(near[:, 2].max(initial=0.05)) + BEHIND - ears[2]), 0.04)
        count = max(8, int(np.pi * (half + depth) / 2 / CURTAIN))
        angle = (np.arange(count) + 0.5 * (number % 2)) / count * np.pi
        points.append(np.column_stack([x - half * np.cos(angle), np.full(count, y), ears[2] + depth * np.sin(angle)]))
        out = np.column_stack([-np.cos(angle) / half, np.zeros(count), np.sin(angle) / depth])
        normals.append(out / np.linalg.norm(out, axis=1, keepdims=True))
        paint.append(colours[number, np.round((0.5 - 0.5 * np.cos(angle)) * (LOCKS - 1)).astype(int)])
    if not points:
        return []
    return [
        Patch(
            surface=rig.resting(np.concatenate(points), np.concatenate(normals)),
            colours=np.concatenate(paint).clip(0, 1),
            spacing=np.full((sum(map(len, points)), 2), 1.3 * CURTAIN),
            opacities=np.full(sum(map(len, points)), CLOSED),
        )
    ]


def _curtain_colours(
    rows: list[tuple[int, float, float]], view: PhotoView, tone: np.ndarray, metre: float
) -> np.ndarray:
    """Colours ``[R, LOCKS, 3]`` across each row: of the nearest hair in it, locks running down."""
    found = np.empty((len(rows), LOCKS, 3))
    for number, (row, left, right) in enumerate(rows):
        hair, wanted = np.flatnonzero(view.hair[row]), np.linspace(left, right, LOCKS)
        found[number] = view.clean[row, hair[np.abs(hair[None] - wanted[:, None]).argmin(1)]]
    down = np.array([row - rows[0][0] for row, _, _ in rows]) * metre / EVEN_OVER
    uneven = np.asarray(gaussian_filter((found - tone).clip(-UNEVEN, UNEVEN), (LOCK_ROWS, 1, 0), mode="nearest"))
    return tone + smoothstep(torch.from_numpy(down.clip(0, 1))).numpy()[:, None, None] * uneven


def _long_rows(view: PhotoView, ear: np.ndarray, photo: FittedPhoto, metre: float) -> list[tuple[int, float, float]]:
    """Rows below the ears with hair on both sides of the face, and its ends; none where it does not reach the chin."""
    first = int(ear[1] / ear[2] * photo.focal + photo.centre[1].item())
    middle, chin = view.landmarks[152]
    found = []
    for row in range(max(first, 0), len(view.image), max(1, round(CURTAIN / metre))):
        hair = np.flatnonzero(view.hair[row])
        if len(hair) < 8 or min(middle - hair[0], hair[-1] - middle) * metre < NARROWEST:
            if (row - (found[-1][0] if found else first)) * metre > GAP:
                break
            continue
        found.append((row, hair[0], hair[-1]))
    if not found or found[-1][0] < min(chin, len(view.image) - 12):
        return []
    ends = np.array([row[1:] for row in found], float)
    ends = np.asarray(gaussian_filter(ends, (3.0, 0), mode="nearest"))
    return [(row, *end) for (row, _, _), end in zip(found, ends.tolist(), strict=True)]
