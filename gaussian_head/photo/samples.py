"""Points on a photographed person's surface, each hung on a triangle of the parametric head, and what a photo shows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import map_coordinates

from ..face import REGIONS
from ..head.hull import Hull, vertex_normals
from ..head.outline import eroded, nearest_true
from ..head.volume import HullSamples, sample_hull
from ..screen_mesh import ScreenMesh
from .fitting import FittedPhoto
from .shape import PhotoShape, camera_of
from .view import PhotoView

SEEN_PIXELS, BODY_PIXELS = 1.9, 3.2
"""Pixels between points on what a photograph shows squarely: of the head, of neck and shoulders."""
UNSEEN, UNSEEN_BODY = 0.0032, 0.006
"""Metres between points elsewhere."""
SQUARELY = 0.3
"""Cosine between a surface and the line of sight from which on a photograph shows it squarely."""
HIDDEN = 0.004
"""Metres behind the nearest surface from which on a point is not seen."""
SOLID, EDGE = 250, 2
"""Matte from which on a pixel is the person alone, and pixels from there inwards that are not trusted yet."""
HEAD_PARTS = tuple(REGIONS.index(name) for name in ("face", "lips", "lids", "ears", "scalp"))
INSIDE = ("mouth_cavity", "upper_teeth", "lower_teeth", "tongue")


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """What one photograph shows of S points."""

    row: np.ndarray
    """``[S]`` f64 pixel row, centres of pixels at whole numbers."""
    column: np.ndarray
    """``[S]`` the same across."""
    cosine: np.ndarray
    """``[S]`` how squarely it is seen; 0 where hidden or outside the photograph."""
    pixel: np.ndarray
    """``[S]`` metres that a pixel covers there."""

    def nearest(self, picture: np.ndarray) -> np.ndarray:
        """Values ``[S, ...]`` of a picture at the nearest pixels."""
        row, column = (np.round(v).astype(int).clip(0, len(picture) - 1) for v in (self.row, self.column))
        return picture[row, column]

    def smooth(self, picture: np.ndarray) -> np.ndarray:
        """Values ``[S, 3]`` of a picture ``[H, W, 3]`` between pixels."""
        where = [self.row, self.column]
        return np.stack([map_coordinates(picture[..., i], where, order=1, mode="nearest") for i in range(3)], 1)


def surface_points(shape: PhotoShape, views: list[PhotoView], photos: tuple[FittedPhoto, ...]) -> HullSamples:
    """Points over the outer surface, dense where a photograph shows it squarely; ``triangles`` number the shape's."""
    hull = Hull(
        vertices=shape.vertices,
        triangles=shape.triangles,
        regions=shape.model.regions.numpy(),
        normals=vertex_normals(shape.vertices, shape.triangles),
    )
    corner_regions = hull.regions[shape.triangles]
    of_head = np.isin(corner_regions, HEAD_PARTS).any(1)
    shown = np.zeros(len(shape.triangles), bool)
    pixel = np.inf
    for view, photo in zip(views, photos, strict=True):
        middles = HullSamples(
            points=hull.vertices[shape.triangles].mean(1),
            normals=hull.normals[shape.triangles].mean(1),
            regions=corner_regions[:, 0],
            triangles=np.arange(len(shape.triangles)),
            weights=np.full((len(shape.triangles), 3), 1 / 3),
        )
        sighting = sight(middles, shape, view, photo)
        shown |= sighting.cosine > 0.8 * SQUARELY
        pixel = min(pixel, float(photo.pose.positions[2]) / photo.focal)
    parts = [
        sample_hull(hull, shown & of_head, SEEN_PIXELS * pixel, 0),
        sample_hull(hull, shown & ~of_head, BODY_PIXELS * pixel, 1),
        sample_hull(hull, ~shown & of_head, UNSEEN, 2),
        sample_hull(hull, ~shown & ~of_head, UNSEEN_BODY, 3),
    ]
    return parts[0] + parts[1] + parts[2] + parts[3]


def spacing_of(samples: HullSamples) -> np.ndarray:
    """Metres ``[S]`` to the neighbours around."""
    from scipy.spatial import KDTree

    distance, _ = KDTree(samples.points).query(samples.points, 5)
    return distance[:, 1:].mean(1)


def sight(samples: HullSamples, shape: PhotoShape, view: PhotoView, photo: FittedPhoto) -> Sighting:
    """How a photograph shows points hung on the shape's triangles, in its own expression."""
    posed = shape.posed(photo)
    camera = camera_of(photo, len(view.image))
    corners = shape.triangles[samples.triangles]
    points = np.einsum("pc,pcd->pd", samples.weights, posed[corners])
    normals = np.einsum("pc,pcd->pd", samples.weights, vertex_normals(posed, shape.triangles)[corners])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    size = len(view.image)
    everywhere = np.ones((size, size), bool)
    mesh = ScreenMesh(posed, visible_triangles(shape), camera)
    nearest = mesh.nearest(0.5, 0.5, mesh.touching(everywhere), everywhere).reshape(size, size)
    depth = np.full((size, size), np.inf)
    row, column = np.nonzero(nearest >= 0)
    depth[row, column] = mesh.look_up(nearest[row, column], column + 0.5, row + 0.5)[2]
    x, y = ((points[:, i] / points[:, 2] * photo.focal + photo.centre[i].item() - 0.5) for i in (0, 1))
    inside = (x > 0) & (x < size - 1) & (y > 0) & (y < size - 1) & (points[:, 2] > 0)
    at = depth[np.round(y).astype(int).clip(0, size - 1), np.round(x).astype(int).clip(0, size - 1)]
    cosine = -(normals * points).sum(1) / np.linalg.norm(points, axis=1)
    seen = inside & (points[:, 2] < at + HIDDEN)
    return Sighting(row=y, column=x, cosine=np.where(seen, cosine.clip(0), 0.0), pixel=points[:, 2] / photo.focal)


def visible_triangles(shape: PhotoShape) -> np.ndarray:
    """Triangles ``[F, 3]`` that can hide something: skin, eyes and what the mouth shows, no lashes."""
    regions, triangles = shape.model.regions.numpy(), shape.model.triangles.numpy()
    return triangles[~np.isin(regions[triangles], [REGIONS.index("lashes")]).any(1)]


def unmixed(view: PhotoView) -> np.ndarray:
    """The picture ``[S, S, 3]`` f64 in [0, 1], its person's edge coloured like the nearest inside."""
    inside = eroded(view.alpha > SOLID, EDGE)
    picture = view.image[nearest_true(inside)] if inside.any() else view.image
    return picture.astype(np.float64) / 255


def joined_samples(parts: list[HullSamples]) -> HullSamples:
    """Several lists of points, one after the other."""
    names = vars(parts[0])
    return replace(parts[0], **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})
