"""Points on a photographed person's surface, each hung on a triangle of the parametric head, and what a photo shows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates, maximum_filter, minimum_filter

from ..face import REGIONS
from ..head.hull import Hull, vertex_normals
from ..head.outline import eroded, nearest_true
from ..head.volume import HullSamples, sample_hull
from ..screen_mesh import ScreenMesh
from ..transforms import quat_to_rotmat
from .beyond import framed
from .fitting import FittedPhoto
from .shape import PhotoShape, camera_of
from .view import PhotoView

SEEN_PIXELS, PLAIN_PIXELS, BODY_PIXELS, LIP_PIXELS = 1.9, 2.7, 3.2, 1.0
"""Pixels between points on what a photograph shows squarely: of the head, of the head where nothing is drawn on it, of
neck and shoulders; on lips, seen or not, where wide Gaussians would close a mouth that is a little open."""
PLAIN, PLAIN_REACH = 0.02, 0.012
"""Deviation of brightness from its surroundings up to which nothing is drawn there; sides of the square around that
have to be plain too."""
UNSEEN, UNSEEN_BODY, RIM = 0.0032, 0.006, 0.0024
"""Metres between points elsewhere, and where the outline is: wide ones would stand out beyond it."""
WIDEST = 1.2
"""Largest distance to the neighbours that counts, next to the one that was wanted: small patches have few points."""
EDGE_ON = 0.35
"""Cosine with the line of sight up to which a triangle is seen edge on."""
SQUARELY = 0.3
"""Cosine between a surface and the line of sight from which on a photograph shows it squarely."""
SNAP, SNAP_ALONG = 0.02, 3.0
"""Sides of the square from which on an outline is another thing's; pixels over which the move is evened."""
INSET, CARVINGS = 0.5, 3
"""Pixels that points stand inside an outline; rounds."""
REACH = 0.7
"""Metres more that they stand inside, next to the distance to their neighbours: wide ones reach farther."""
DEEPER = 0.8
"""Distances to their neighbours that points lie below the surface, which their Gaussians reach."""
STEP, STEP_REACH = 0.02, 0.005
"""Metres between two parts of a surface of which one hides the other; sides of the square around that are unsure."""
HIDDEN = 0.004
"""Metres behind the nearest surface from which on a point is not seen."""
HEAD_PARTS = tuple(REGIONS.index(name) for name in ("face", "lips", "lids", "ears", "scalp"))


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


def surface_points(
    shape: PhotoShape, views: list[PhotoView], photos: tuple[FittedPhoto, ...]
) -> tuple[HullSamples, np.ndarray]:
    """Points over the outer surface, dense where a photograph shows it squarely, and metres ``[S]`` between them;
    ``triangles`` number the shape's."""
    hull = Hull(
        vertices=shape.vertices,
        triangles=shape.triangles,
        regions=shape.model.regions.numpy(),
        normals=vertex_normals(shape.vertices, shape.triangles),
    )
    corner_regions = hull.regions[shape.triangles]
    of_head = np.isin(corner_regions, HEAD_PARTS).any(1)
    shown, rim, plain = (np.full(len(shape.triangles), value) for value in (False, False, True))
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
        here = sighting.cosine > 0.8 * SQUARELY
        shown |= here
        plain &= ~here | sighting.nearest(_plain(view))
        rim |= _edge_on(shape, photo)
        pixel = min(pixel, float(photo.pose.positions[2]) / photo.focal)
    lips = (corner_regions == REGIONS.index("lips")).any(1)
    of_head &= ~lips
    wanted = (
        (lips, LIP_PIXELS * pixel),
        (shown & of_head & ~plain, SEEN_PIXELS * pixel),
        (shown & of_head & plain, PLAIN_PIXELS * pixel),
        (shown & ~of_head & ~lips, BODY_PIXELS * pixel),
        (~shown & of_head & ~rim, UNSEEN),
        (~shown & ~of_head & ~lips & ~rim, UNSEEN_BODY),
        (~shown & rim & ~lips, RIM),
    )
    parts, spacing = [], []
    for seed, (where, apart) in enumerate(wanted):
        if where.any():
            parts.append(sample_hull(hull, where, apart, seed))
            spacing.append(np.minimum(spacing_of(parts[-1]), WIDEST * apart))
    return joined_samples(parts), np.concatenate(spacing)


def _plain(view: PhotoView) -> np.ndarray:
    """``[S, S]`` bool, where a photograph's brightness has nothing but slopes."""
    grey = view.image.astype(np.float64).mean(2) / 255
    uneven = np.abs(grey - np.asarray(gaussian_filter(grey, 2.0)))
    return np.asarray(maximum_filter(uneven, 2 * round(PLAIN_REACH * len(grey)) + 1)) < PLAIN


def _edge_on(shape: PhotoShape, photo: FittedPhoto) -> np.ndarray:
    """``[F]`` bool, triangles that a photograph would show edge on, hidden or not."""
    posed = shape.posed(photo)
    a, b, c = (posed[shape.triangles[:, i]] for i in range(3))
    normal, middle = np.cross(b - a, c - a), a + b + c
    size = np.maximum(np.linalg.norm(normal, axis=1) * np.linalg.norm(middle, axis=1), 1e-15)
    return np.abs((normal * middle).sum(1)) < EDGE_ON * size


def joined_samples(parts: list[HullSamples]) -> HullSamples:
    """Several lists of points, one after the other."""
    names = vars(parts[0])
    return HullSamples(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def spacing_of(samples: HullSamples) -> np.ndarray:
    """Metres ``[S]`` to the neighbours around."""
    from scipy.spatial import KDTree

    if len(samples) < 6:
        return np.full(len(samples), UNSEEN)
    distance, _ = KDTree(samples.points).query(samples.points, 5)
    return distance[:, 1:].mean(1)


def sight(
    samples: HullSamples, shape: PhotoShape, view: PhotoView, photo: FittedPhoto, triangles: np.ndarray | None = None
) -> Sighting:
    """How a photograph shows points hung on the shape's triangles, or on ``triangles``, in its own expression."""
    triangles = shape.triangles if triangles is None else triangles
    posed = shape.posed(photo)
    camera = camera_of(photo, len(view.image))
    corners = triangles[samples.triangles]
    points = np.einsum("pc,pcd->pd", samples.weights, posed[corners])
    normals = np.einsum("pc,pcd->pd", samples.weights, vertex_normals(posed, triangles)[corners])
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
    step = _stepped(depth)[np.round(y).astype(int).clip(0, size - 1), np.round(x).astype(int).clip(0, size - 1)]
    seen = inside & (points[:, 2] < at + HIDDEN) & ~step
    return Sighting(row=y, column=x, cosine=np.where(seen, cosine.clip(0), 0.0), pixel=points[:, 2] / photo.focal)


def _stepped(depth: np.ndarray) -> np.ndarray:
    """``[S, S]`` bool, beside an edge where one part of the surface hides another: which pixel is whose is not sure."""
    finite = np.where(np.isfinite(depth), depth, np.nan_to_num(depth[np.isfinite(depth)].max(initial=0.0)))
    reach = 2 * round(STEP_REACH * len(depth)) + 1
    return np.asarray(maximum_filter(finite, reach)) - np.asarray(minimum_filter(finite, reach)) > STEP


def carved(
    samples: HullSamples, spacing: np.ndarray, shape: PhotoShape, view: PhotoView, photo: FittedPhoto
) -> HullSamples:
    """Points as deep as Gaussians reach out, and near an outline moved onto the photograph's, across the line of sight.

    None stands out beyond it, nor, from other sides, beyond the surface.
    Source: Laurentini, "The visual hull concept for silhouette-based image understanding" (1994).
    """
    rotation = quat_to_rotmat(photo.pose.quats).double().numpy()
    posed = np.einsum("pc,pcd->pd", samples.weights, shape.posed(photo)[shape.triangles[samples.triangles]])
    deeper = -DEEPER * spacing[:, None] * samples.normals
    moved = _to_the_outline(posed + deeper @ rotation.T, REACH * spacing, shape, view, photo)
    return replace(samples, points=samples.points + deeper + moved @ rotation)


def _to_the_outline(
    posed: np.ndarray, own: np.ndarray, shape: PhotoShape, view: PhotoView, photo: FittedPhoto
) -> np.ndarray:
    """How far ``[S, 3]`` points in the camera have to move, metres; ``own [S]`` is how wide they are."""
    person = view.alpha > 127
    distance = np.asarray(distance_transform_edt(~person)) - np.asarray(distance_transform_edt(person))
    beyond, room = framed(person)
    farther = np.asarray(distance_transform_edt(~beyond)) - np.asarray(distance_transform_edt(beyond))
    slope = np.array(np.gradient(np.asarray(gaussian_filter(farther, 3.0))))
    slope /= np.maximum(np.linalg.norm(slope, axis=0), 1e-6)
    pixel = posed[:, 2] / photo.focal
    rim = outline_of(shape, photo, len(person))
    near_row, near_column = nearest_true(rim) if rim.any() else np.indices(rim.shape)
    away = np.asarray(distance_transform_edt(~rim))
    missing = np.where(np.abs(distance) < SNAP * len(person), -distance, 0.0) * rim
    shift = np.asarray(gaussian_filter(missing, SNAP_ALONG)) / np.maximum(
        np.asarray(gaussian_filter(rim * 1.0, SNAP_ALONG)), 1e-3
    )
    shift = (shift * rim)[near_row, near_column] * np.exp(-((away / (2 * SNAP * len(person))) ** 2))
    moved = _crown_lowered(posed, pixel, photo, int(beyond[:room].any(1).sum()))
    for step in range(1 + CARVINGS):
        now = posed + moved
        x, y = (now[:, i] / now[:, 2] * photo.focal + photo.centre[i].item() - 0.5 for i in (0, 1))
        last, there = len(person) - 1, [y + room, x + room]
        inside = (np.minimum(x, y) > -room) & (np.maximum(x, y) < last + room)
        down, right = (map_coordinates(part, there, order=1, mode="nearest") for part in slope)
        if step == 0:
            far = map_coordinates(shift, [y, x], order=1, mode="nearest")
        else:
            out = map_coordinates(farther, there, order=1, mode="nearest") + INSET + own / pixel
            far = -out.clip(0)
        far = np.where(inside, far, 0.0) * pixel
        moved += np.column_stack([far * right, far * down, np.zeros(len(far))])
    return moved


def _crown_lowered(posed: np.ndarray, pixel: np.ndarray, photo: FittedPhoto, most: int) -> np.ndarray:
    """How far ``[S, 3]`` points above the picture's border move down, metres, so that none lies ``most`` pixels above.

    All of them by the same share of their height: a crown that were cut off there would be flat.
    """
    height = posed[:, 1] / pixel + photo.centre[1].item() - 0.5
    share = max(0.0, 1 - most / max(float(-height.min(initial=0.0)), 1e-6))
    return np.column_stack([np.zeros(len(posed)), -share * height.clip(max=0) * pixel, np.zeros(len(posed))])


def outline_of(shape: PhotoShape, photo: FittedPhoto, size: int) -> np.ndarray:
    """``[S, S]`` bool, the innermost pixels along the surface's own outline, none at the picture's border."""
    everywhere = np.ones((size, size), bool)
    mesh = ScreenMesh(shape.posed(photo), shape.triangles, camera_of(photo, size))
    hit = mesh.nearest(0.5, 0.5, mesh.touching(everywhere), everywhere).reshape(size, size) >= 0
    rim = hit & ~eroded(hit, 1)
    rim[:2], rim[-2:], rim[:, :2], rim[:, -2:] = False, False, False, False
    return rim


def visible_triangles(shape: PhotoShape) -> np.ndarray:
    """Triangles ``[F, 3]`` that can hide something: skin, eyes and what the mouth shows, no lashes."""
    regions, triangles = shape.model.regions.numpy(), shape.model.triangles.numpy()
    return triangles[~np.isin(regions[triangles], [REGIONS.index("lashes")]).any(1)]
