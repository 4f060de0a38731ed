"""What a head that never moved lacks: the inside of a mouth, and lids for eyes to shut."""

from __future__ import annotations

import numpy as np
from scipy.spatial import KDTree

from ..conventions import FACE
from ..head.hull import Hull, vertex_normals
from ..head.surface import Patch
from ..head.volume import sample_hull
from ..photo.features import mouth_patch
from ..photo.fitting import PhotoFit
from ..photo.rig import Rig
from ..photo.samples import sight
from ..photo.shape import PhotoShape
from ..photo.view import PhotoView
from .binding import eyes_of

WITHIN = 0.0035
"""Metres beneath the skin from which on the inside of a mouth begins."""
LID_SPACING, BENEATH = 0.0007, 0.0008
"""Metres between points of lids, and that they lie beneath what is there."""
OPAQUE, SEEN = 0.97, 0.35
"""Opacity of what is added; cosine from which on a picture tells its colour."""


def mouth_of(shape: PhotoShape, rig: Rig, views: list[PhotoView], fit: PhotoFit) -> Patch:
    """The parametric mouth, toned to the person, without what lies right beneath the skin around it."""
    skin = np.median(views[0].clean[views[0].labels == FACE], 0)
    patch, _ = mouth_patch(shape, rig, views, fit.photos, skin)
    around = shape.vertices[shape.model.of_region("face", "lips").numpy()]
    middles = shape.vertices[shape.triangles].mean(1)
    away, _ = KDTree(np.concatenate([around, middles])).query(patch.surface.points)
    return patch[np.asarray(away) > WITHIN]


def lids_of(shape: PhotoShape, rig: Rig, views: list[PhotoView], fit: PhotoFit) -> Patch:
    """Lids in their usual colour right beneath those that are there, which spread as the eye shuts."""
    hull = Hull(
        vertices=shape.vertices,
        triangles=shape.triangles,
        regions=shape.model.regions.numpy(),
        normals=vertex_normals(shape.vertices, shape.triangles),
    )
    lids = shape.model.of_region("lids").numpy()
    chosen = np.asarray(np.isin(shape.triangles, lids).all(1))
    samples = sample_hull(hull, chosen, LID_SPACING, 7)
    found = sight(samples, shape, views[0], fit.photos[0])
    told = found.cosine > SEEN
    colours = found.smooth(views[0].clean)
    usual = np.median(colours[told], 0) if told.any() else np.full(3, 0.5)
    points = samples.points - BENEATH * samples.normals
    patch = Patch(
        surface=rig.carried(points, samples.normals, shape.triangles[samples.triangles], samples.weights),
        colours=np.broadcast_to(usual, points.shape).copy(),
        spacing=np.full((len(points), 2), LID_SPACING * 1.3),
        opacities=np.full(len(points), OPAQUE),
    )
    return patch[eyes_of(points, views[0], fit.photos[0]) == 0]
