"""What the surface of a head does not reach: hair that hangs or stands out, wide sleeves; lifted off the photograph.

Such pixels are given a rounded body, as deep as it is wide: half a lens before the line where it meets what lies
behind, and half a lens behind it where nothing does. Source of the rounding: Igarashi, Matsuoka and Tanaka, "Teddy"
(1999), by the distance to the outline.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation, distance_transform_edt, gaussian_filter

from ..conventions import TORSO
from ..face import REGIONS
from ..head.outline import nearest_true
from ..head.surface import Patch, SurfacePoints
from ..screen_mesh import ScreenMesh
from ..transforms import quat_to_rotmat
from .fitting import FittedPhoto
from .rig import Rig
from .samples import unmixed
from .shape import EYES, PhotoShape, camera_of
from .view import PhotoView

STRIDE, BACK_STRIDE = 1.6, 4.0
"""Pixels between points in front, and behind."""
FAINTEST = 40
"""Matte below which a pixel is left to the background."""
THICK_HAIR, THICK_CLOTHES = 0.028, 0.05
"""Metres from front to middle of what hangs, at most."""
BEFORE = 0.004
"""Metres that hair lies before what it hides."""
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


def hanging_of(shape: PhotoShape, rig: Rig, view: PhotoView, photo: FittedPhoto) -> Hanging:
    """Lift what the surface leaves of the person."""
    size = len(view.image)
    posed = shape.posed(photo)
    depth, region = _covered(shape, posed, photo, size)
    hit = np.isfinite(depth)
    low = np.arange(size)[:, None] > view.landmarks[list(EYES), 1].mean()
    scalp = region == REGIONS.index("scalp")
    hair_before = view.hair & hit & low & ~scalp
    hair_before &= ~np.isin(region, [REGIONS.index("face"), REGIONS.index("lips")]) | _beside_face(view)
    left = (view.alpha > FAINTEST) & (~hit | hair_before)
    base = depth[nearest_true(hit)] - np.where(hair_before, BEFORE, 0.0)
    base = _evened(base, left)
    metre = base / photo.focal
    inside = np.asarray(distance_transform_edt(np.pad(left | (hit & (view.alpha > FAINTEST)), 1)))[1:-1, 1:-1] * metre
    thick = np.where(view.hair, THICK_HAIR, THICK_CLOTHES)
    bulge = np.sqrt((2 * thick * inside - inside**2).clip(0)) * (inside < thick) + thick * (inside >= thick)
    bulge = np.asarray(gaussian_filter(bulge, 1.5))
    near = np.asarray(gaussian_filter(hit.astype(float), 6.0)).clip(0, 1)
    front = base - bulge * np.where(hit, 0.0, 1 - 0.8 * near)
    behind = base + bulge
    colours = unmixed(view)
    parts = []
    for surface, stride, where in ((front, STRIDE, left), (behind, BACK_STRIDE, left & ~hit)):
        step = np.arange(stride / 2, size, stride)
        column, row = (v.ravel() for v in np.meshgrid(step, step))
        kept = where[row.astype(int), column.astype(int)]
        parts.append(_lifted(row[kept], column[kept], surface, colours, view, photo, rig, stride))
    (front_patch, front_rows), (back_patch, _) = parts
    return Hanging(
        front=front_patch,
        back=back_patch,
        front_height=front_patch.surface.points[:, 1],
        back_height=back_patch.surface.points[:, 1],
        front_hair=view.hair[front_rows],
    )


def _beside_face(view: PhotoView) -> np.ndarray:
    """``[S, S]`` bool, outside the middle of the face, where hair is a beard or a shadow."""
    x = np.arange(len(view.image))[None]
    left, right = view.landmarks[[33, 263], 0]
    return (x < min(left, right)) | (x > max(left, right))


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
    slope = np.stack(np.gradient(np.asarray(gaussian_filter(depth, 2.0))), -1)[rows] / (z / photo.focal)[:, None]
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


def is_clothes(view: PhotoView) -> np.ndarray:
    """``[S, S]`` bool, clothes and not the hair that hangs over them."""
    return (view.labels == TORSO) & ~np.asarray(binary_dilation(view.hair))
