"""What the recorded outlines of a person say about a surface around them.

Where the surface's outline lies beside the person's in some frame, its points there have to move by what is missing.
Source: Szeliski and Tonnesen's occluding contours as in Sullivan et al., "Using geometric models to fit occluding
contours" (1994): points of the contour, distance field of the picture, one linearisation a round.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_erosion, distance_transform_edt, gaussian_filter, map_coordinates
from scipy.sparse import csr_matrix

from ..camera import Camera
from ..capture import Capture
from ..conventions import NECK, TORSO
from ..screen_mesh import ScreenMesh
from ..transforms import quat_to_rotmat

EVERY = 3
"""Every so manyth pixel of the outline is asked."""
BORDER = 4
"""Pixels beside the picture's border, where an outline is none."""
FARTHEST = 0.05
"""Metres from which on an outline belongs to something else."""
ALONG = 0.3
"""Cosine between a point's way and the outline's normal in the picture from which on it can follow."""


@dataclass(frozen=True, kw_only=True)
class Border:
    """Where some pixels of a picture end."""

    distance: np.ndarray
    """``[H, W]`` pixels to them, negative among them."""
    slope: np.ndarray
    """``[2, H, W]`` its unit gradient: rows, columns."""

    @staticmethod
    def of(mask: np.ndarray) -> Border:
        """That of the true pixels of ``mask`` ``[H, W]``; where there are none or no others it is far away."""
        if mask.all() or not mask.any():
            return Border(distance=np.full(mask.shape, -1e3 if mask.all() else 1e3), slope=np.zeros((2, *mask.shape)))
        distance = np.asarray(distance_transform_edt(~mask)) - np.asarray(distance_transform_edt(mask))
        smooth = np.asarray(gaussian_filter(distance, 2.0))
        slope = np.stack([np.gradient(smooth, axis=0), np.gradient(smooth, axis=1)])
        return Border(distance=distance, slope=slope / np.maximum(np.linalg.norm(slope, axis=0), 1e-6))

    def outside(self, points: np.ndarray, K: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Metres ``[P]`` by which points ``[P, 3]`` of the camera lie outside, and the way out ``[P, 2]``.

        Negative inside. Beside the picture it is as at its edge; the way is a unit one in the picture, x and y.
        """
        column, row = (points[:, :2] / points[:, 2:] * K[[0, 1], [0, 1]] + K[:2, 2]).T - 0.5
        pixels, down, right = (
            map_coordinates(part, [row, column], order=1, mode="nearest") for part in (self.distance, *self.slope)
        )
        return pixels * points[:, 2] / K[0, 0], np.stack([right, down], 1)


@dataclass(frozen=True, kw_only=True)
class OutlineView:
    """One frame's outlines."""

    person: Border
    """Of the person."""
    unclothed: Border
    """Of all but neck and torso: nothing of the head stands before these."""
    camera: Camera
    """The recording camera."""
    poses: tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
    """Rotations ``[3, 3]`` and positions ``[3]`` of T_world_head and of T_world_torso."""

    def placed(self, vectors: np.ndarray, head_weights: np.ndarray, *, moved: bool = True) -> np.ndarray:
        """Points ``[P, 3]`` of which shares ``[P]`` follow the head in the world; directions where not ``moved``."""
        head, torso = (vectors @ rotation.T + moved * position for rotation, position in self.poses)
        return torso + head_weights[:, None] * (head - torso)


def eroded(mask: np.ndarray, pixels: int) -> np.ndarray:
    """The part of ``mask`` ``[H, W]`` bool that is more than so many pixels inside it; the picture's border is none."""
    return np.asarray(binary_erosion(mask, iterations=pixels, border_value=1), bool)


def nearest_true(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns ``[H, W]`` of the nearest pixel of ``mask`` ``[H, W]`` bool, which holds one at least."""
    row, column = np.asarray(distance_transform_edt(~mask, return_distances=False, return_indices=True))
    return row, column


def outline_views(capture: Capture, frames: Iterable[int]) -> list[OutlineView]:
    """The person's outlines in ``frames``."""
    return [_outline_view(capture, t) for t in frames]


def _outline_view(capture: Capture, t: int) -> OutlineView:
    frame, moment = capture.frame(t), capture.motion.at(t)
    head, torso = (
        (quat_to_rotmat(pose.quats).double().numpy(), pose.positions.double().numpy())
        for pose in (moment.head, moment.torso)
    )
    return OutlineView(
        person=Border.of(frame.alpha > 127),
        unclothed=Border.of(~np.isin(frame.labels, (NECK, TORSO))),
        camera=capture.camera,
        poses=(head, torso),
    )


def outline_rows(
    vertices: np.ndarray,
    triangles: np.ndarray,
    head_weights: np.ndarray,
    directions: np.ndarray,
    moved: np.ndarray,
    closed: np.ndarray,
    view: OutlineView,
) -> tuple[csr_matrix, np.ndarray]:
    """Linear equations ``[R, V]`` and ``[R]`` (metres) for how far vertices go along their directions.

    Args:
        vertices: ``[V, 3]`` metres in the head frame, already moved.
        triangles: ``[F, 3]``.
        head_weights: ``[V]`` how far they follow the head, else the torso.
        directions: ``[V, 3]`` unit.
        moved: ``[V]`` metres by which the vertices have gone along them.
        closed: ``[V]`` bool, not at the surface's own end, which is no outline.
        view: the frame.
    """
    mesh = ScreenMesh(view.placed(vertices, head_weights), triangles, view.camera)
    everywhere = np.ones(view.person.distance.shape, bool)
    nearest = mesh.nearest(0.5, 0.5, mesh.touching(everywhere), everywhere).reshape(everywhere.shape)
    covered = nearest >= 0
    rim = covered & ~eroded(covered, 1)
    rim[:BORDER], rim[-BORDER:], rim[:, :BORDER], rim[:, -BORDER:] = False, False, False, False
    row, column = (place[::EVERY] for place in np.nonzero(rim))
    triangle, weights, depth = mesh.look_up(nearest[row, column], column + 0.5, row + 0.5)
    corners = triangles[triangle]
    metre = depth / float(view.camera.K[0, 0])
    missing = -view.person.distance[row, column] * metre
    down, right = (map_coordinates(part, [row, column], order=1) for part in view.person.slope)
    ways = view.placed(directions, head_weights, moved=False)[corners]
    along = weights * (ways[..., 0] * right[:, None] + ways[..., 1] * down[:, None])
    kept = (np.abs(missing) < FARTHEST) & (along.sum(1) > ALONG) & closed[corners].all(1)
    wanted = missing + (along * moved[corners]).sum(1)
    index = np.repeat(np.arange(len(row)), 3).reshape(-1, 3)[kept]
    rows = csr_matrix((along[kept].ravel(), (index.ravel(), corners[kept].ravel())), shape=(len(row), len(vertices)))
    return rows[np.flatnonzero(kept)], wanted[kept]
