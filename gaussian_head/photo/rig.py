"""What the 52 units and gaze do to a photographed head: the parametric head's own motion, in few directions.

Blinks, jaw and gaze keep a number of the code each; the other units share the strongest directions of all of theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import csr_matrix

from ..face import SIDEWAYS, UNITS, UPWARDS
from ..face.painted import LID_RECESS
from ..head.surface import SurfacePoints
from ..motion import CONTROLS, CodeMap
from ..tracking.unit_rows import EYEBALL
from .shape import LIDS, PhotoShape

ALONE = ("eyeBlinkLeft", "eyeBlinkRight", "jawOpen")
"""Units that have a number of the code to themselves."""
CODE = ("blink_l", "blink_r", "jaw_open", "gaze_x", "gaze_y")
"""Names of the first numbers."""
SHARED = 26
"""Directions that the other units share."""
LIDS_MEET = 0.78
"""Blink at which the parametric head's lids touch."""
LEAST, MOST = -0.1, 1.1
"""Range of a unit that a head follows."""
MOUTH_TRUST, CLOSE = 3.0, 0.03
"""How much more the directions mind the mouth, and metres around the lips that count as it."""


@dataclass(frozen=True, kw_only=True)
class Rig:
    """K directions in which a person's surface moves."""

    code_map: CodeMap
    """From units and gaze to the K numbers."""
    basis: np.ndarray
    """``[V, 3, K]`` metres per number at the vertices; eyeballs turn by gaze."""
    jacobian: np.ndarray
    """``[V, 3, 3, K]`` its derivative along the surface."""

    def carried(self, points: np.ndarray, normals: np.ndarray, corners: np.ndarray, weights: np.ndarray):
        """Points ``[P, 3]`` that hang on vertices ``corners [P, 3]`` by ``weights [P, 3]``, with their motion."""
        return SurfacePoints(
            points=points,
            basis=np.einsum("pc,pcdk->pdk", weights, self.basis[corners]),
            jacobian=np.einsum("pc,pcdek->pdek", weights, self.jacobian[corners]),
            normals=normals,
        )

    def resting(self, points: np.ndarray, normals: np.ndarray) -> SurfacePoints:
        """Points ``[P, 3]`` that no unit moves."""
        P, K = len(points), self.basis.shape[2]
        return SurfacePoints(points=points, basis=np.zeros((P, 3, K)), jacobian=np.zeros((P, 3, 3, K)), normals=normals)


def rig_of(shape: PhotoShape) -> Rig:
    """The parametric head's units on a person's surface."""
    model = shape.model
    units = model.units.double().numpy()
    alone = [UNITS.index(name) for name in ALONE]
    shared = [k for k, name in enumerate(UNITS) if k not in alone and not name.startswith("eyeLook")]
    mixing, directions = _directions(units[shared], shape)
    weights = np.zeros((len(CONTROLS), len(CODE) + len(directions)))
    weights[alone, range(len(alone))] = 1
    weights[[len(UNITS), len(UNITS) + 1], [3, 4]] = 1
    weights[shared, len(CODE) :] = mixing
    basis = np.concatenate([units[alone], _gazing(units, shape), directions]).transpose(1, 2, 0)
    reach = np.stack([np.minimum(mixing, 0).sum(0), np.maximum(mixing, 0).sum(0)]) * MOST
    bounds = np.concatenate([[[LEAST, LEAST, LEAST, -0.7, -0.6], [LIDS_MEET, LIDS_MEET, MOST, 0.7, 0.6]], reach], 1)
    for eye, name in enumerate(LIDS):
        rows = model.of_region(name).numpy()
        basis[rows] = 0
        basis[rows, 2, eye] = LID_RECESS
    return Rig(
        code_map=CodeMap(
            names=(*CODE, *(f"lip_{i}" for i in range(len(directions)))),
            weights=torch.from_numpy(weights).float(),
            bias=torch.zeros(weights.shape[1]),
            bounds=torch.from_numpy(bounds).float(),
        ),
        basis=basis,
        jacobian=_jacobian(basis, shape),
    )


def _directions(units: np.ndarray, shape: PhotoShape) -> tuple[np.ndarray, np.ndarray]:
    """Mixing ``[U, R]`` and directions ``[R, V, 3]`` whose product is nearest to the units ``[U, V, 3]``."""
    mean = shape.model.mean.double().numpy()
    lips = mean[shape.model.of_region("lips").numpy()]
    near = np.linalg.norm(mean[:, None] - lips[None, ::8], axis=2).min(1) < CLOSE
    trust = np.where(near, MOUTH_TRUST, 1.0)[:, None]
    left, size, right = np.linalg.svd((units * trust).reshape(len(units), -1), full_matrices=False)
    R = min(SHARED, len(size))
    scale = np.abs(left[:, :R] * size[:R]).max(0).clip(1e-9)
    mixing = left[:, :R] * size[:R] / scale
    return mixing, (right[:R] * scale[:, None]).reshape(R, *units.shape[1:]) / trust


def _gazing(units: np.ndarray, shape: PhotoShape) -> np.ndarray:
    """``[2, V, 3]`` metres that lids move per radian of gaze to the picture's right, and down."""
    look = {name.removeprefix("eyeLook"): units[k] for k, name in enumerate(UNITS) if name.startswith("eyeLook")}
    right = look["OutLeft"] + look["InRight"] - look["InLeft"] - look["OutRight"]
    down = look["DownLeft"] + look["DownRight"] - look["UpLeft"] - look["UpRight"]
    return np.stack([right / 2 / SIDEWAYS, down / 2 / UPWARDS])


def turning(points: np.ndarray, centres: np.ndarray, radius: float, names: tuple[str, ...]) -> np.ndarray:
    """``[P, 3, K]`` metres that points of eyeballs with ``centres [P, 3]`` move per radian of gaze, no other code.

    The parametric eyeballs are larger than anybody's, so that lids close over them; irises move as on real ones.
    """
    basis = np.zeros((*points.shape, len(names)))
    arm = (points - centres) * (EYEBALL / radius)
    basis[:, 0, names.index("gaze_x")] = -arm[:, 2]
    basis[:, 2, names.index("gaze_x")] = arm[:, 0]
    basis[:, 1, names.index("gaze_y")] = -arm[:, 2]
    basis[:, 2, names.index("gaze_y")] = arm[:, 1]
    return basis


def _jacobian(basis: np.ndarray, shape: PhotoShape) -> np.ndarray:
    """Derivative ``[V, 3, 3, K]`` of a basis along the surface, normals turned with it, mean of triangles."""
    triangles, V = shape.model.triangles.numpy(), len(basis)
    a, b, c = (shape.vertices[triangles[:, i]] for i in range(3))
    sides = np.stack([b - a, c - a], 2)
    normal = np.cross(b - a, c - a)
    area = np.linalg.norm(normal, axis=1)
    normal = normal / np.maximum(area, 1e-15)[:, None]
    gram = sides.transpose(0, 2, 1) @ sides + 1e-10 * np.eye(2)
    back = np.linalg.solve(gram, sides.transpose(0, 2, 1))
    corners = basis[triangles]
    moved = np.stack([corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]], 2)
    along = np.einsum("fdsk,fse->fdek", moved, back)
    tilt = np.einsum("fdek,fd->fek", along, normal)
    along -= np.einsum("fdk,fe->fdek", tilt, normal)
    index = triangles.ravel()
    meet = csr_matrix((np.repeat(area, 3), (index, np.repeat(np.arange(len(triangles)), 3))), shape=(V, len(triangles)))
    total = np.maximum(np.asarray(meet.sum(1)).ravel(), 1e-15)
    return ((meet @ along.reshape(len(triangles), -1)) / total[:, None]).reshape(V, 3, 3, -1)
