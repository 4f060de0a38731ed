"""The whole head, neck and shoulders of a captured person: the parametric head in their clothes and under their hair.

The parametric head is laid on the tracked neutral face and drawn onto its landmarks; then every point of scalp, ears,
neck and shoulders moves along its normal until the outline is the one that was recorded. What no outline tells about,
the back above all, is as thick as what lies around it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, identity, vstack
from scipy.sparse.linalg import spsolve

from ..camera import Camera
from ..face import REGIONS, FaceModel
from ..screen_mesh import ScreenMesh
from ..smoothing import smoothstep
from .laid import LaidHead, smoothed_once
from .outline import OutlineView, nearest_true, outline_rows

HEAD = ("face", "lips", "lids", "ears", "scalp")
"""The regions that turn with the head."""
NECK_BLEND = 0.07
"""Metres below the chin, and aside of the neck, over which it passes from the head to the torso."""
NECK_RADIUS = 0.06
"""Metres from its middle that a neck is wide."""
SMOOTH, THIN = 0.02, 2e-4
"""Weight of an edge whose ends are equally thick, and of being bare, next to one point of the outline in all frames."""
ROUNDS = 8
"""How often the outline is looked for anew."""
SMOOTHED_NORMALS = 20
"""Steps in which normals are averaged over the mesh's edges: hair stands on a head and not on an ear's folds."""


@dataclass(frozen=True, kw_only=True)
class Hull:
    """A closed surface around a person, in the canonical space (the head frame at rest). V vertices, F triangles."""

    vertices: np.ndarray
    """``[V, 3]`` metres."""
    triangles: np.ndarray
    """``[F, 3]`` counter-clockwise seen from outside."""
    regions: np.ndarray
    """``[V]`` index into ``face.REGIONS``."""
    normals: np.ndarray
    """``[V, 3]`` unit, outwards."""

    def of_head(self) -> np.ndarray:
        """``[F]`` bool, triangles that turn with the head; the others are neck and shoulders."""
        return np.asarray(np.isin(self.regions, [REGIONS.index(name) for name in HEAD])[self.triangles].any(1))

    def depth(self, chosen: np.ndarray, camera: Camera, rotation: np.ndarray, position: np.ndarray) -> np.ndarray:
        """Depth ``[H, W]`` of the triangles ``chosen`` ``[F]`` bool at a pose, metres; beside them that of the nearest.

        Triangles seen from inside, such as the nape's where only the neck is chosen, are none. It is the origin's where
        none of them is in the picture.
        """
        mesh, nearest = self._drawn(chosen & self._facing(camera, rotation, position), camera, rotation, position)
        hit = nearest >= 0
        if not hit.any():
            return np.full(hit.shape, position[2])
        row, column = np.nonzero(hit)
        depth = np.zeros(hit.shape)
        depth[hit] = mesh.look_up(nearest[hit], column + 0.5, row + 0.5)[2]
        return depth[nearest_true(hit)]

    def covered(self, chosen: np.ndarray, camera: Camera, rotation: np.ndarray, position: np.ndarray) -> np.ndarray:
        """Pixels ``[H, W]`` bool that show one of the triangles ``chosen`` ``[F]`` bool, were there no others."""
        return self._drawn(chosen, camera, rotation, position)[1] >= 0

    def _facing(self, camera: Camera, rotation: np.ndarray, position: np.ndarray) -> np.ndarray:
        """``[F]`` bool, triangles whose outer side is turned to the camera."""
        a, b, c = np.moveaxis((self.vertices @ rotation.T + position)[self.triangles], 1, 0)
        return np.asarray((np.cross(b - a, c - a) * (a - camera.position.numpy())).sum(1) < 0)

    def _drawn(
        self, chosen: np.ndarray, camera: Camera, rotation: np.ndarray, position: np.ndarray
    ) -> tuple[ScreenMesh, np.ndarray]:
        """The triangles in the picture, and the nearest of them ``[H, W]``, -1 where there is none."""
        mesh = ScreenMesh(self.vertices @ rotation.T + position, self.triangles[chosen], camera)
        everywhere = np.ones((camera.height, camera.width), bool)
        return mesh, mesh.nearest(0.5, 0.5, mesh.touching(everywhere), everywhere).reshape(everywhere.shape)


def fit_hull(laid: LaidHead, neutral: np.ndarray, views: list[OutlineView]) -> Hull:
    """The hull whose outline is the person's in ``views``.

    Args:
        laid: on that person's tracked face.
        neutral: ``[478, 3]`` neutral landmarks as tracked.
        views: outlines.
    """
    face = FaceModel.load()
    vertices, triangles, edges, lands = laid.vertices, laid.triangles, laid.edges, laid.landmarks
    directions = outward_directions(vertices, triangles, edges, face.regions.numpy())
    of_head = np.isin(face.regions.numpy(), [REGIONS.index(name) for name in HEAD])
    follows = np.where(of_head, 1.0, neck_share(vertices, neutral))
    thickness = _thickness(vertices, triangles, follows, directions, edges, lands, views)
    vertices = vertices + thickness[:, None] * directions
    return Hull(
        vertices=vertices,
        triangles=triangles,
        regions=face.regions.numpy(),
        normals=vertex_normals(vertices, triangles),
    )


def vertex_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unit normals ``[V, 3]``, outwards; vertices ``[V, 3]`` of no triangle ``[F, 3]`` have none."""
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    normals = np.zeros_like(vertices)
    for i in range(3):
        np.add.at(normals, triangles[:, i], np.cross(b - a, c - a))
    return _unit(normals)


def neck_share(points: np.ndarray, neutral: np.ndarray) -> np.ndarray:
    """How far points ``[P, 3]`` of neck and torso follow the head whose neutral landmarks are ``[L, 3]``: ``[P]``."""
    middle = (neutral[:, 0].min() + neutral[:, 0].max()) / 2
    below = (points[:, 1] - neutral[:, 1].max()) / NECK_BLEND
    aside = (np.abs(points[:, 0] - middle) - NECK_RADIUS) / NECK_BLEND
    return (1 - smoothstep(np.clip(below, 0, 1))) * (1 - smoothstep(np.clip(aside, 0, 1)))


def _thickness(vertices, triangles, follows, directions, edges, lands, views: list[OutlineView]) -> np.ndarray:
    """Metres ``[V]`` along ``directions`` that the outlines ask for; none on the tracked face."""
    thickness = np.zeros(len(vertices))
    tracked = lands.T @ lands
    prior = csr_matrix(SMOOTH * edges + THIN * identity(len(vertices)) + tracked)
    closed = closed_vertices(triangles, len(vertices))
    for _ in range(ROUNDS):
        now = vertices + thickness[:, None] * directions
        found = [outline_rows(now, triangles, follows, directions, thickness, closed, view) for view in views]
        rows, wanted = csr_matrix(vstack([rows for rows, _ in found])), np.concatenate([w for _, w in found])
        system = prior + rows.T @ rows / len(views)
        thickness = np.asarray(spsolve(csr_matrix(system).tocsc(), rows.T @ wanted / len(views)))
    return thickness


def outward_directions(
    vertices: np.ndarray, triangles: np.ndarray, edges: csr_matrix, regions: np.ndarray
) -> np.ndarray:
    """Unit ``[V, 3]``: normals of the smoothed head; ears go sideways as a whole."""
    directions = vertex_normals(vertices, triangles)
    ears = regions == REGIONS.index("ears")
    for _ in range(SMOOTHED_NORMALS):
        directions[ears] = np.sign(vertices[ears, :1]) * [1.0, 0.0, 0.0]
        directions = _unit(smoothed_once(directions, edges))
    return directions


def closed_vertices(triangles: np.ndarray, count: int) -> np.ndarray:
    """``[V]`` bool, vertices that lie on no edge of a single triangle."""
    sides = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), 1)
    edges, uses = np.unique(sides, axis=0, return_counts=True)
    closed = np.ones(count, bool)
    closed[edges[uses == 1]] = False
    return closed


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
