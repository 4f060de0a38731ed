"""The surface that a picture shows, and where what is added to it stands."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ..camera import Camera
from .difference import SOLID, Painted, grouped
from .seeding import Seeds
from .standing import standing

SMOOTH = 1.5
"""Pixels over which rendered depth is averaged; training leaves it rough."""
ROUND = 0.6
"""Half the depth of what is added beyond the outline, over its half width."""
CLEAR, STEEP = 0.95, 4.0
"""Opacity well inside the person, and slope of the surface (depth over breadth) beyond which no detail is seeded."""
GAP = 9
"""Pixels whose median depth is taken: between lip and chin some are looked through, to what lies behind."""
WIDTHS = 0.3, 0.55
"""Standard deviations of new Gaussians at the edge of the paint and some pixels inside it, in distances of neighbours:
wide ones blur the edge, narrow ones are looked through from near."""
WITHIN = 3
"""Pixels from the edge at which they are wide."""
OVERLAP = 3
"""New Gaussians that make a pixel."""
OPAQUE, SHEER = 0.97, 0.5
"""Opacity of new Gaussians; those whose change black or white of less opacity than this would do are sheer."""


def seeds_at(painted: Painted, wanted: np.ndarray, *, stiff: bool, lift: np.ndarray, spacing: int = 1) -> Seeds:
    """Seeds at the pixels ``wanted`` ``[H, W]`` bool of a picture, in its colours; beyond the outline in two shells.

    Args:
        painted: the picture.
        wanted: where.
        stiff: they rest on the face as a stiff thing does.
        lift: ``[H, W]`` pixels by which they stand before it.
        spacing: pixels between neighbours.
    """
    camera = painted.canvas.camera
    depth = shown_depth(painted, stiff=stiff)
    border = np.asarray(ndimage.binary_dilation(~painted.changed), bool)
    wanted = wanted & ~(painted.added & border)  # the border beyond the outline is half what is behind
    pixel = float(np.median(depth[wanted])) / float(camera.K[0, 0]) if wanted.any() else 0.0
    half = thickness(painted.added & wanted, pixel)
    front = _shell(painted, wanted, depth - half - lift * pixel, stiff=stiff, spacing=spacing)
    back = _shell(painted, wanted & (half > 0), depth + half, stiff=stiff, spacing=spacing)
    return Seeds.joined([front, back])


def _shell(painted: Painted, wanted: np.ndarray, depth: np.ndarray, *, stiff: bool, spacing: int) -> Seeds:
    """Seeds at pixels on one depth map."""
    camera = painted.canvas.camera
    rows, columns = np.nonzero(wanted)
    points = points_at(rows, columns, depth[rows, columns], camera)
    normals = torch.from_numpy(normals_of(depth, camera)[rows, columns]).float()
    target = painted.target[rows, columns]
    faded = torch.from_numpy(painted.added[rows, columns]) | stiff
    opacities = _opacities(painted.canvas.frame.rgb[rows, columns], target) if stiff else torch.full((len(rows),), 1.0)
    opacities = OPAQUE * torch.where(faded, _overlapping(painted.strength) * opacities, opacities)
    return Seeds(
        points=points,
        normals=normals,
        sight=torch.nn.functional.normalize(points - camera.position, dim=1),
        widths=torch.from_numpy(_widths(painted, spacing)[rows, columns] * depth[rows, columns]).float()
        / float(camera.K[0, 0]),
        colours=target,
        opacities=opacities,
    )


def _widths(painted: Painted, spacing: int) -> np.ndarray:
    """``[H, W]`` standard deviations of Gaussians so many pixels apart, in pixels: narrow along the paint's edge."""
    if spacing > 1:
        return np.full(painted.changed.shape, spacing * WIDTHS[-1])
    inside = np.asarray(ndimage.distance_transform_edt(np.pad(painted.changed, 1, constant_values=True)))[1:-1, 1:-1]
    return np.interp(inside, (1, WITHIN), WIDTHS)


def _opacities(before: Tensor, after: Tensor) -> Tensor:
    """``[P]`` opaque, but where a little black or white over ``before`` would do as much: a lens, a shadow."""
    change = after - before
    least = torch.where(change > 0, change / (1 - before).clamp(min=1e-3), -change / before.clamp(min=1e-3)).amax(1)
    return (least / SHEER).clamp(0.05, 1)


def _overlapping(share: float) -> float:
    """Opacity of each of OVERLAP Gaussians one before the other that together have the opacity ``share``."""
    return 1 - (1 - share) ** (1 / OVERLAP)


def shown_depth(painted: Painted, *, stiff: bool) -> np.ndarray:
    """Depth ``[H, W]`` in metres at which what was painted stands: on the surface, or where a stiff thing would rest
    on it; beyond the outline at the depth of the nearest rim."""
    frame = painted.canvas.frame
    depth, person = frame.depth.double().numpy(), frame.alpha.numpy() > SOLID
    depth = _without_gaps(depth, person)
    weight = ndimage.gaussian_filter(person.astype(float), SMOOTH)
    depth = np.where(person, ndimage.gaussian_filter(depth * person, SMOOTH) / np.maximum(weight, 1e-6), 0)
    if stiff:
        depth = standing(depth, person & painted.changed)
    rim = np.asarray(ndimage.binary_erosion(person, iterations=2), bool)
    row, column = np.asarray(ndimage.distance_transform_edt(~rim, return_distances=False, return_indices=True))
    beyond = ndimage.gaussian_filter(depth[row, column], 4 * SMOOTH)
    return np.where(person, depth, beyond)


def _without_gaps(depth: np.ndarray, person: np.ndarray) -> np.ndarray:
    """``depth`` ``[H, W]`` that lies no farther than is usual around."""
    return np.minimum(depth, ndimage.median_filter(np.where(person, depth, np.inf), GAP))


def steep(painted: Painted) -> np.ndarray:
    """``[H, W]`` bool, where the surface turns away or another begins: at the outline, and between chin and neck."""
    frame = painted.canvas.frame
    person = frame.alpha.numpy() > CLEAR
    depth = _without_gaps(frame.depth.double().numpy(), person)
    smooth = ndimage.gaussian_filter(depth * person, 1.0) / np.maximum(ndimage.gaussian_filter(person * 1.0, 1.0), 1e-3)
    down, across = np.gradient(smooth)
    slope = np.hypot(down, across) * float(painted.canvas.camera.K[0, 0]) / np.maximum(depth, 1e-3)
    return ndimage.binary_dilation(~person | (slope > STEEP))


def thickness(added: np.ndarray, metres_per_pixel: float) -> np.ndarray:
    """Half the depth ``[H, W]`` in metres of something round whose outline is ``added`` ``[H, W]`` bool."""
    inside, groups = np.asarray(ndimage.distance_transform_edt(added)), grouped(added)
    widest = np.zeros(groups.max() + 1)
    np.maximum.at(widest, groups, inside)
    half = widest[groups]
    return ROUND * metres_per_pixel * np.sqrt(np.maximum(inside * (2 * half - inside), 0)) * added


def points_at(rows: np.ndarray, columns: np.ndarray, depth: np.ndarray, camera: Camera) -> Tensor:
    """World points ``[P, 3]`` at the centres of pixels, ``depth [P]`` metres along the camera's axis."""
    K, view = camera.K.double().numpy(), camera.viewmat.double().numpy()
    uv = np.stack([columns, rows], 1) + 0.5
    seen = np.concatenate([(uv - K[:2, 2]) / K[[0, 1], [0, 1]], np.ones((len(uv), 1))], 1) * depth[:, None]
    return torch.from_numpy((seen - view[:3, 3]) @ view[:3, :3]).float()


def normals_of(depth: np.ndarray, camera: Camera) -> np.ndarray:
    """Unit normals ``[H, W, 3]`` in the world, towards the camera, of a depth map."""
    height, width = depth.shape
    rows, columns = np.mgrid[:height, :width]
    points = points_at(rows.ravel(), columns.ravel(), ndimage.gaussian_filter(depth, 2.0).ravel(), camera)
    points = points.double().numpy().reshape(height, width, 3)
    normals = np.cross(np.gradient(points, axis=0), np.gradient(points, axis=1))
    normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-12)
    away = camera.position.double().numpy() - points
    return normals * np.where((normals * away).sum(2, keepdims=True) < 0, -1, 1)
