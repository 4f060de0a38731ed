"""The parametric head laid on a tracked neutral face and drawn onto its landmarks, its mouth along with its lips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, identity
from scipy.sparse.linalg import spsolve
from torch import Tensor

from ..face import REGIONS, FaceModel
from ..face.fitting import fit_identity
from ..facenet import NUM_MESH
from ..facenet.contours import LEFT_EYE, LEFT_IRIS, RIGHT_EYE, RIGHT_IRIS
from ..similarity import Similarity

SKIN = ("face", "lips", "lids", "ears", "scalp", "neck", "shoulders")
"""Regions of the parametric head that are seen from outside."""
INSIDE = ("mouth_cavity", "upper_teeth", "lower_teeth", "tongue")
"""Regions that lie in the mouth."""
LANDMARK_TRUST, FADE = 30.0, 0.02
"""Weight of a landmark, and of staying put, next to one edge of the mesh whose ends move alike."""
LIPS_REACH = 0.015
"""Metres over which what lies in the mouth is drawn along with the lips."""


@dataclass(frozen=True, kw_only=True)
class LaidHead:
    """The parametric head where a person's head is, in the canonical space. V vertices, F triangles of skin."""

    vertices: np.ndarray
    """``[V, 3]`` metres, neutral."""
    place: Similarity
    """From the parametric head's frame."""
    triangles: np.ndarray
    """``[F, 3]`` of the skin, counter-clockwise seen from outside."""
    edges: csr_matrix
    """``[V, V]`` graph Laplacian of the skin."""
    landmarks: csr_matrix
    """``[468, V]`` the tracked landmarks on its triangles."""
    skin: np.ndarray
    """``[478, 3]`` the tracked neutral landmarks, as deep as skin is."""


def on_skin(neutral: Tensor, place: Similarity, offsets: Tensor) -> Tensor:
    """Tracked neutral landmarks ``[478, 3]`` as deep as skin is: without the depth of their ``offsets``.

    Args:
        neutral: ``[478, 3]`` metres.
        place: of the parametric head on them.
        offsets: ``[468, 3]`` metres in the parametric head's frame by which landmarks lie beside the skin.
    """
    skin = neutral.clone()
    deeper = (place.scale * offsets @ place.rotation.T)[:, 2].to(skin)
    skin[:NUM_MESH, 2] -= deeper
    for iris, eye in ((LEFT_IRIS, LEFT_EYE), (RIGHT_IRIS, RIGHT_EYE)):
        skin[list(iris), 2] -= deeper[list(eye)].mean()
    return skin


def laid_on(face: FaceModel, neutral: Tensor, offsets: Tensor) -> LaidHead:
    """Lay the parametric head on tracked neutral landmarks ``[478, 3]`` and draw it onto them.

    Args:
        face: the parametric head.
        neutral: ``[478, 3]`` metres.
        offsets: as ``on_skin`` takes them.
    """
    person, place = fit_identity(face, neutral, offsets)
    vertices = place.apply(face.neutral(person.float()).double()).numpy()
    on = on_skin(neutral, place, offsets).double().numpy()
    target = on[:NUM_MESH]
    corners = face.triangles[face.landmark_triangles].numpy()[:NUM_MESH]
    lands = landmark_rows(corners, face.landmark_weights.numpy()[:NUM_MESH], len(vertices))
    regions = face.regions.numpy()
    skin = np.isin(regions, [REGIONS.index(name) for name in SKIN])
    triangles = face.triangles.numpy()[skin[face.triangles.numpy()].all(1)]
    edges = mesh_edges(triangles, len(vertices))
    drawn = _solved(edges + FADE * identity(len(vertices)), lands, LANDMARK_TRUST, target - lands @ vertices)
    lips, inside = regions == REGIONS.index("lips"), np.isin(regions, [REGIONS.index(name) for name in INSIDE])
    away = np.linalg.norm(vertices[inside][:, None] - vertices[lips][None], axis=2)
    weight = np.exp(-(((away - away.min(1, keepdims=True)) / LIPS_REACH) ** 2))
    drawn[inside] = weight @ drawn[lips] / weight.sum(1, keepdims=True)
    return LaidHead(vertices=vertices + drawn, place=place, triangles=triangles, edges=edges, landmarks=lands, skin=on)


def mesh_edges(triangles: np.ndarray, count: int) -> csr_matrix:
    """Graph Laplacian ``[V, V]`` of a mesh."""
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    pairs = np.unique(np.sort(pairs, 1), axis=0)
    both = np.concatenate([pairs, pairs[:, ::-1]])
    near = csr_matrix((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(count, count))
    degree = np.asarray(near.sum(1)).ravel()
    return csr_matrix(coo_matrix((degree, (range(count), range(count))), shape=(count, count)) - near)


def smoothed_once(values: np.ndarray, edges: csr_matrix) -> np.ndarray:
    """Values ``[V, D]`` gone half the way to the mean of their neighbours' on a mesh of Laplacian ``edges [V, V]``."""
    degree = np.maximum(edges.diagonal(), 1)[:, None]
    return np.asarray(values - edges @ values / (2 * degree))


def landmark_rows(corners: np.ndarray, weights: np.ndarray, count: int) -> csr_matrix:
    """Values at points of triangles from values at the vertices, ``[P, V]``."""
    row = np.repeat(np.arange(len(corners)), 3)
    return csr_matrix((weights.ravel(), (row, corners.ravel())), shape=(len(corners), count))


def _solved(system, rows: csr_matrix, trust: float, wanted: np.ndarray) -> np.ndarray:
    """Values ``[V, 3]`` that are ``wanted`` at ``rows`` and smooth elsewhere."""
    matrix = csr_matrix(system + trust * rows.T @ rows).tocsc()
    return np.asarray(spsolve(matrix, trust * (rows.T @ wanted)))
