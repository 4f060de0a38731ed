"""What no frame of a talking person shows: sides, back, neck and shoulders, sampled from the hull around them.

Without them a head turned by the camera is a mask with nothing behind its rim. The recorded frames can only say where
they would stick out: they are drawn in there, and training leaves them alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from ..camera import Camera
from ..raster.constants import EPS2D
from .hull import Hull
from .outline import OutlineView

GRAZING = 0.4
"""Cosine between a surface and the line of sight of the rest frame up to which it counts as hardly shown."""
BEHIND = 0.005
"""Metres that Gaussians stand behind a surface that the rest frame shows at all, whose own Gaussians cover them."""
CLEAR = 2.2
"""Standard deviations that Gaussians' centres stand inside every outline."""
FARTHEST, STEPS = 0.025, 4
"""Metres by which outlines may draw Gaussians in, and in how many steps."""
FACING = 0.3
"""Least cosine between a normal and the picture with which a step is reckoned."""
SMALLEST = 0.25
"""Share of its size to which an outline may shrink a Gaussian that lies broadside to it."""
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


def squarely_shown(
    samples: HullSamples, hull: Hull, camera: Camera, rotation: np.ndarray, position: np.ndarray, person: np.ndarray
) -> np.ndarray:
    """Cosine ``[S]`` at which a frame, of T_world_head as given, shows samples of a hull; 0 where not at all.

    What of the hull stands out of the ``person`` ``[H, W]`` bool in that frame, none of its pixels shows.
    """
    depth = hull.depth(np.ones(len(hull.triangles), bool), camera, rotation, position)
    cosine, row, column = shown(samples, depth, camera.K.double().numpy(), rotation, position)
    return np.where(person[row, column], cosine, 0)


@dataclass(frozen=True, kw_only=True)
class Within:
    """Flat Gaussians of a surface brought inside every recorded outline."""

    points: np.ndarray
    """``[S, 3]`` their centres."""
    sizes: np.ndarray
    """``[S]`` share of their size that they may keep."""
    possible: np.ndarray
    """``[S]`` bool, neither had to go far nor to shrink much."""


def drawn_in(
    samples: HullSamples, spreads: tuple[np.ndarray, np.ndarray], head_weights: np.ndarray, hull: Hull,
    views: list[OutlineView],
) -> Within:  # fmt: skip
    """Flat Gaussians on samples moved inwards, and made smaller, until none reaches across a recorded outline.

    One that crossed an outline would be hidden in training by others in front of it, in the colours of the background
    or, below the jaw, of the collar.
    Source: Laurentini, "The visual hull concept for silhouette-based image understanding" (1994).

    Args:
        samples: S of them.
        spreads: ``[S]`` standard deviations in metres along the surface and across it.
        head_weights: ``[S]`` how far they follow the head, else the torso.
        hull: that they lie on.
        views: frames.
    """
    along, thick = spreads
    of_head = hull.of_head()
    ends = [_Ends(view=view, body=hull.depth(~of_head, view.camera, *view.poses[1])) for view in views]
    on_head, points = of_head[samples.triangles], samples.points
    for _ in range(STEPS):
        inwards = np.zeros(len(samples))
        for end in ends:
            out, _ = end.outside(points, head_weights, on_head)
            sideways = np.linalg.norm(end.view.placed(samples.normals, head_weights, moved=False)[:, :2], axis=1)
            inwards = np.maximum(inwards, (out + CLEAR * np.hypot(thick, end.blur)) / np.maximum(sideways, FACING))
        points = points - inwards[:, None] * samples.normals
    sizes = np.ones(len(samples))
    for end in ends:
        out, way = end.outside(points, head_weights, on_head)
        edge_on = (end.view.placed(samples.normals, head_weights, moved=False)[:, :2] * way).sum(1) ** 2
        reach = CLEAR * np.sqrt(along**2 * (1 - edge_on).clip(0) + thick**2 * edge_on + end.blur**2)
        sizes = np.minimum(sizes, -out / reach)
    near = np.linalg.norm(points - samples.points, axis=1) < FARTHEST
    return Within(points=points, sizes=sizes.clip(SMALLEST, 1), possible=near & (sizes > SMALLEST))


@dataclass(frozen=True, kw_only=True)
class _Ends:
    """Where one frame says that a person's head and body end."""

    view: OutlineView
    body: np.ndarray
    """``[H, W]`` depth of neck and shoulders."""

    @property
    def blur(self) -> float:
        """Metres of standard deviation by which the rasterizer blurs all it draws, at the head."""
        return math.sqrt(EPS2D) * float(self.view.poses[0][1][2] / self.view.camera.K[0, 0])

    def outside(self, points: np.ndarray, head_weights: np.ndarray, on_head: np.ndarray):
        """As ``Border.outside``; what is ``on_head`` ``[P]`` and before the body ends above neck and clothes too."""
        K, placed = self.view.camera.K.double().numpy(), self.view.placed(points, head_weights)
        out, way = self.view.person.outside(placed, K)
        bare, bare_way = self.view.unclothed.outside(placed, K)
        height, width = self.body.shape
        column, row = (placed[:, :2] / placed[:, 2:] * K[[0, 1], [0, 1]] + K[:2, 2]).T.astype(int)
        before = placed[:, 2] < self.body[row.clip(0, height - 1), column.clip(0, width - 1)]
        nearer = on_head & before & (bare > out)
        return np.where(nearer, bare, out), np.where(nearer[:, None], bare_way, way)


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
