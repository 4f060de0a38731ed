"""Which points of the parametric head are the tracker's 478 landmarks: fitted once, on renders of many identities.

Landmarks of a net are no anatomy: it is asked. Many heads are drawn from many sides, the net marks them, and for each
landmark the surface point is taken that lies nearest to its marks in all pictures; both halves of the face together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import KDTree

from ..events import Listener, ignore, tracked
from ..facenet import NUM_LANDMARKS, NUM_MESH, FaceLandmarks, mirror
from ..screen_mesh import ScreenMesh
from .looks import Look
from .model import EYES, FaceModel
from .painted import Painter, front_camera
from .units import UNITS

IDENTITIES, IDENTITY_SPREAD = 13, 0.8
"""Heads drawn, the first the average one; the others this many standard deviations from it in every mode."""
VIEWS = ((0.0, 0.0), (0.2, 0.0), (-0.2, 0.0), (0.4, 0.05), (-0.4, 0.05), (0.0, 0.2), (0.0, -0.2))
"""Yaw and pitch of the neutral face, radians."""
EXPRESSIONS: tuple[dict[str, float], ...] = (
    {"jawOpen": 0.35},
    {"jawOpen": 0.7},
    {"eyeBlinkLeft": 0.75, "eyeBlinkRight": 0.75},
    {"mouthSmileLeft": 0.6, "mouthSmileRight": 0.6},
    {"mouthPucker": 0.7},
    {"browInnerUp": 0.7, "browOuterUpLeft": 0.7, "browOuterUpRight": 0.7},
)
"""Drawn once per head, nearly from the front."""
SURFACE = ("face", "lips", "lids", "neck", "scalp", "mouth_cavity")
"""Regions whose visible skin may carry landmarks of the mesh."""
SEEN_FROM = ((0.0, 0.0), (0.6, 0.0), (-0.6, 0.0), (0.0, 0.4), (0.0, -0.4), (1.1, 0.0), (-1.1, 0.0))
"""Views of the neutral average head that tell what is visible."""
SUBDIVISION = 4
"""Candidates per triangle edge."""
OUTLIER = 18e-3
"""Metres from which on a mark says nothing."""


@dataclass(frozen=True, kw_only=True)
class LandmarkMap:
    """The 478 landmarks on the mesh."""

    triangles: np.ndarray
    """``[478]`` row of the model's triangles."""
    weights: np.ndarray
    """``[478, 3]`` barycentric."""
    spread: np.ndarray
    """``[478]`` root mean square distance from the marks in all pictures, metres on the face."""


@dataclass(frozen=True, kw_only=True)
class _Marks:
    points: np.ndarray
    """``[S, 478, 2]`` marks of the net, metres in the plane of the face's middle."""
    vertices: np.ndarray
    """``[S, V, 2]`` where the vertices lie."""


def fit_landmark_map(model: FaceModel, *, seed: int = 0, listener: Listener = ignore) -> LandmarkMap:
    """Find the landmarks on the mesh.

    Args:
        model: a face model; its own landmarks are not read.
        seed: of identities and of small turns.
        listener: receives Progress, one step a picture.

    Raises:
        InputError: the landmark net is missing.
    """
    marks = _marked(model, seed, listener)
    triangle, weights = _candidates(model)
    corners = model.triangles.numpy()[triangle]
    place = np.einsum("pc,pcd->pd", weights, model.mean.numpy()[corners])
    seen = np.einsum("pc,spcd->spd", weights, marks.vertices[:, corners]).astype(np.float32)
    _, partner = KDTree(place).query(place * [-1, 1, 1])
    on_eye = np.isin(corners[:, 0], model.of_region(*EYES).numpy())
    cost = np.stack([_cost(marks.points[:, n], seen, on_eye == (n >= NUM_MESH)) for n in range(NUM_LANDMARKS)])
    best = (cost + cost[mirror()][:, partner]).argmin(1)
    distance = np.linalg.norm(seen[:, best] - marks.points, axis=2)
    spread = np.sqrt((np.minimum(distance, OUTLIER) ** 2).mean(0))
    return LandmarkMap(triangles=triangle[best], weights=weights[best], spread=spread)


def _marked(model: FaceModel, seed: int, listener: Listener) -> _Marks:
    """Draw every head in every shot and let the net mark it; pictures without a face are left out."""
    generator, net, painter = np.random.default_rng(seed), FaceLandmarks(), Painter(model, Look())
    identities = generator.normal(size=(IDENTITIES, model.num_identity)) * IDENTITY_SPREAD
    identities[0] = 0
    shots: list[tuple[dict[str, float], tuple[float, float]]] = [({}, view) for view in VIEWS]
    shots += [(units, tuple(generator.normal(size=2) * (0.12, 0.08))) for units in EXPRESSIONS]
    jobs = [(identity, *shot) for identity in torch.from_numpy(identities).float() for shot in shots]
    points, places = [], []
    for identity, named, (yaw, pitch) in tracked(jobs, "face: landmarks on renders", len(jobs), listener):
        units = torch.tensor([named.get(name, 0.0) for name in UNITS])
        vertices = model.vertices(identity, units)
        camera = front_camera(vertices, model, yaw=yaw, pitch=pitch)
        found = net(painter.paint(vertices, camera))
        if found:
            metre = float(camera.K[0, 0]) / 0.85
            points.append(found[0][:, :2] / metre)
            places.append(camera.project(vertices).numpy() / metre)
    return _Marks(points=np.array(points), vertices=np.array(places))


def _candidates(model: FaceModel) -> tuple[np.ndarray, np.ndarray]:
    """Triangles ``[P]`` and weights ``[P, 3]`` of points all over the visible skin and the eyeballs."""
    n = SUBDIVISION
    grid = np.array([(i, j, n - i - j) for i in range(n + 1) for j in range(n + 1 - i)]) / n
    triangle = np.repeat(_visible(model), len(grid))
    weights = np.tile(grid, (len(triangle) // len(grid), 1))
    place = np.einsum("pc,pcd->pd", weights, model.mean.numpy()[model.triangles.numpy()[triangle]])
    _, once = np.unique((place * 1e5).round().astype(int), axis=0, return_index=True)
    return triangle[once], weights[once]


def _visible(model: FaceModel) -> np.ndarray:
    """Triangles ``[n]`` of SURFACE that the neutral face shows, and all of the eyeballs."""
    triangles, seen = model.triangles.numpy(), set()
    everywhere = np.ones((700, 700), bool)
    for yaw, pitch in SEEN_FROM:
        camera = front_camera(model.mean, model, yaw=yaw, pitch=pitch, size=700)
        mesh = ScreenMesh(model.mean.numpy().astype(np.float64), triangles, camera)
        face = mesh.nearest(0.5, 0.5, mesh.touching(everywhere), everywhere)
        triangle, _, _ = mesh.look_up(face[face >= 0], *np.full((2, int((face >= 0).sum())), 0.5))
        seen |= set(triangle.tolist())
    shown = np.zeros(len(triangles), bool)
    shown[sorted(seen)] = True
    skin = np.isin(triangles, model.of_region(*SURFACE).numpy()).all(1)
    eyes = np.isin(triangles, model.of_region(*EYES).numpy()).all(1)
    return np.flatnonzero((shown & skin) | eyes)


def _cost(marks: np.ndarray, seen: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """``[P]`` mean robust distance of a landmark's marks ``[S, 2]`` from every candidate ``[S, P, 2]``, metres."""
    near = np.flatnonzero(allowed & (np.linalg.norm(seen[0] - marks[0], axis=1) < 0.045))
    cost = np.full(seen.shape[1], 1.0, np.float32)
    distance = np.linalg.norm(seen[:, near] - marks[:, None].astype(np.float32), axis=2)
    cost[near] = np.minimum(distance, OUTLIER).mean(0)
    return cost
