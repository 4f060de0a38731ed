"""What no frame of a talking person shows: sides, back, neck and shoulders, sampled from the hull around them.

Without them a head turned by the camera is a mask with nothing behind its rim. The recorded frames can only say where
they would stick out: they are drawn in there, and training leaves them alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from ..camera import Camera
from .hull import Hull
from .outline import OutlineView

GRAZING = 0.4
"""Cosine between a surface and the line of sight of the rest frame up to which it counts as hardly shown."""
INSET = 0.009
"""Metres that samples stand inside every outline, which they would otherwise cross as the head moves."""
FARTHEST, STEPS = 0.025, 4
"""Metres by which outlines may draw samples in, and in how many steps."""
FACING = 0.3
"""Least cosine between a normal and the picture with which a step is reckoned."""
TIGHT = 0.85
"""Least distance of points over that of a square grid of as many."""
CROWDED = 8
"""Candidates for every sample that is kept."""
HIDDEN = 0.006
"""Metres behind the nearest surface from which on a sample is not seen."""


@dataclass(frozen=True, kw_only=True)
class HullSamples:
    """S points spread evenly over a hull."""

    points: np.ndarray
    """``[S, 3]`` metres, head frame at rest."""
    normals: np.ndarray
    """``[S, 3]`` unit, outwards."""
    regions: np.ndarray
    """``[S]`` index into ``face.REGIONS`` of the nearest vertex."""
    triangles: np.ndarray
    """``[S]`` row of the hull's triangles."""
    weights: np.ndarray
    """``[S, 3]`` barycentric."""

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, rows: np.ndarray) -> HullSamples:
        """The samples ``rows``, numbers or bool."""
        return HullSamples(**{name: values[rows] for name, values in vars(self).items()})

    def __add__(self, other: HullSamples) -> HullSamples:
        """These and then the others."""
        return HullSamples(**{name: np.concatenate([v, getattr(other, name)]) for name, v in vars(self).items()})


def hardly_shown(
    samples: HullSamples, hull: Hull, camera: Camera, rotation: np.ndarray, position: np.ndarray
) -> np.ndarray:
    """``[S]`` bool, the samples of a hull that a frame, of T_world_head as given, shows from aside or not at all."""
    depth = hull.depth(np.ones(len(hull.triangles), bool), camera, rotation, position)
    return shown(samples, depth, camera.K.double().numpy(), rotation, position)[0] < GRAZING


def drawn_in(samples: HullSamples, head_weights: np.ndarray, views: list[OutlineView]) -> tuple[np.ndarray, np.ndarray]:
    """Samples moved inwards until they stand inside every recorded outline: places ``[S, 3]``, and where it is not far.

    Source: Laurentini, "The visual hull concept for silhouette-based image understanding" (1994).

    Args:
        samples: S of them.
        head_weights: ``[S]`` how far they follow the head, else the torso.
        views: frames.
    """
    gone = np.zeros(len(samples))
    for _ in range(STEPS):
        inwards = np.zeros(len(samples))
        for view in views:
            out = view.outside(view.placed(samples.points - gone[:, None] * samples.normals, head_weights))
            sideways = np.linalg.norm(view.placed(samples.normals, head_weights, moved=False)[:, :2], axis=1)
            inwards = np.maximum(inwards, (out + INSET) / np.maximum(sideways, FACING))
        gone += inwards
    return samples.points - gone[:, None] * samples.normals, gone < FARTHEST


def sample_hull(hull: Hull, chosen: np.ndarray, spacing: float, seed: int = 0) -> HullSamples:
    """Points over the triangles ``chosen`` ``[F]`` bool, about ``spacing`` metres apart: dart throwing on candidates.

    Source: Cook, "Stochastic sampling in computer graphics" (1986).
    """
    generator = np.random.default_rng(seed)
    a, b, c = (hull.vertices[hull.triangles[:, i]] for i in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2 * chosen
    spacing *= TIGHT
    count = int(CROWDED * area.sum() / spacing**2)
    triangles = generator.choice(len(area), count, p=area / area.sum())
    root, share = np.sqrt(generator.random(count)), generator.random(count)
    weights = np.stack([1 - root, root * (1 - share), root * share], 1)
    corners = hull.triangles[triangles]
    points = np.einsum("pc,pcd->pd", weights, hull.vertices[corners])
    kept = _apart(points, spacing)
    normals = np.einsum("pc,pcd->pd", weights, hull.normals[corners])
    return HullSamples(
        points=points,
        normals=normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12),
        regions=hull.regions[corners[np.arange(count), weights.argmax(1)]],
        triangles=triangles,
        weights=weights,
    )[kept]


def shown(samples: HullSamples, depth: np.ndarray, K: np.ndarray, rotation: np.ndarray, position: np.ndarray):
    """How squarely a frame shows samples, and where: cosine ``[S]`` with the line of sight (0 if hidden), pixels.

    Args:
        samples: S of them.
        depth: ``[H, W]`` of the hull's nearest surface in that frame.
        K, rotation, position: intrinsics and T_world_head of the frame.
    """
    placed = samples.points @ rotation.T + position
    column, row = (placed[:, :2] / placed[:, 2:] * K[[0, 1], [0, 1]] + K[:2, 2]).T.astype(int)
    height, width = depth.shape
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    row, column = row.clip(0, height - 1), column.clip(0, width - 1)
    sight = placed / np.linalg.norm(placed, axis=1, keepdims=True)
    cosine = -((samples.normals @ rotation.T) * sight).sum(1)
    return np.where(inside & (placed[:, 2] < depth[row, column] + HIDDEN), np.maximum(cosine, 0), 0), row, column


def _apart(points: np.ndarray, spacing: float) -> np.ndarray:
    """Rows of points ``[P, 3]``, in order, that have no earlier kept one within ``spacing``.

    Source: Luby, "A simple parallel algorithm for the maximal independent set problem" (1986); the order of the points
    are the priorities, so that the result is that of taking one after the other.
    """
    earlier, later = KDTree(points).query_pairs(spacing, output_type="ndarray").T
    kept, open_ = np.zeros(len(points), bool), np.ones(len(points), bool)
    while open_.any():
        behind = np.zeros(len(points), bool)
        behind[later] = True
        new = open_ & ~behind
        kept |= new
        gone = np.zeros(len(points), bool)
        gone[later[new[earlier]]] = True
        open_ &= ~(new | gone)
        left = open_[earlier] & open_[later]
        earlier, later = earlier[left], later[left]
    return np.flatnonzero(kept)
