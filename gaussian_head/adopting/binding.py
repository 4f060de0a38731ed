"""Gaussians hung on the triangles of a fitted head: a face moves by its units, eyes turn, hair and back rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import trimesh
from scipy.spatial import KDTree
from torch import Tensor

from ..face import UNITS
from ..facenet.contours import LEFT_EYE, RIGHT_EYE, UPPER_INNER
from ..gaussians import Gaussians
from ..head import Branch
from ..head.anchoring import FAR, NEAR
from ..head.hull import vertex_normals
from ..head.surfels import stretch_of
from ..motion import MotionFrame, Pose
from ..photo.fitting import FittedPhoto
from ..photo.rig import Rig, turning
from ..photo.shape import LIDS, PhotoShape
from ..photo.view import PhotoView
from ..sh import rgb_to_sh
from ..tracking.labels import polygon
from ..transforms import quat_multiply, quat_normalize, quat_to_rotmat

CANDIDATES = 12
"""Triangles, by their middles, of which the nearest is taken."""
DEEP = 0.001
"""Metres above the lips and what is around them up to which hidden Gaussians are the inside of the mouth."""
RECESSED, ACROSS, BAND = 0.006, 0.003, (-0.0015, 0.008)
"""Metres behind the foremost of the lips, within so much to either side, from which on Gaussians lie between them; and
how far above or below the line where lips meet."""
BODY = 0.45
"""Metres from between the ears beyond which nothing belongs to a head and its shoulders."""
TAKEN = ("jaw", "mouth", "cheekPuff", "tongue")
"""Beginnings of units that a head made elsewhere is taken to do; others are its own face."""
CLIP = 1e-4
"""Opacities are kept this far from 0 and 1."""


@dataclass(frozen=True, kw_only=True)
class Bound:
    """Where N Gaussians hang."""

    corners: np.ndarray
    """``[N, 3]`` vertices."""
    weights: np.ndarray
    """``[N, 3]`` of them."""
    height: np.ndarray
    """``[N]`` metres outwards from the surface."""
    eye: np.ndarray
    """``[N]`` 1 left eyeball, -1 right, 0 neither."""


def at_rest(units: Tensor) -> Tensor:
    """Of units ``[52]`` what is taken for an expression; brows and lids are as a person holds them."""
    return torch.where(torch.tensor([name.startswith(TAKEN) for name in UNITS]), units, 0.0)


def eyes_of(points: np.ndarray, view: PhotoView, photo: FittedPhoto) -> np.ndarray:
    """``[N]`` 1 where points ``[N, 3]`` of the head frame lie in the left eye's opening, -1 in the right's, else 0."""
    rotation = quat_to_rotmat(photo.pose.quats).double().numpy()
    posed = points @ rotation.T + photo.pose.positions.double().numpy()
    pixel = np.floor(posed[:, :2] / posed[:, 2:] * photo.focal + photo.centre.numpy()).astype(int)
    size = len(view.image)
    row, column = pixel[:, 1].clip(0, size - 1), pixel[:, 0].clip(0, size - 1)
    front = points[:, 2] < 0
    eye = np.zeros(len(points), int)
    for contour, side in ((LEFT_EYE, 1), (RIGHT_EYE, -1)):
        opening = polygon(view.landmarks[list(contour)], size, size)
        eye[opening[row, column] & front] = side
    return eye


def bind(points: np.ndarray, shape: PhotoShape, surface: np.ndarray, eyes: np.ndarray) -> Bound:
    """Hang points ``[N, 3]`` on the nearest triangles of a surface ``[V, 3]``, those of ``eyes [N]`` on eyeballs."""
    model = shape.model
    corners = np.zeros((len(points), 3), int)
    weights, height = np.zeros((len(points), 3)), np.zeros(len(points))
    every = model.triangles.numpy()
    balls = {side: every[np.isin(every, model.of_region(name).numpy()).all(1)] for name, side in LIDS.items()}
    for side, triangles in {0: shape.triangles, **balls}.items():
        rows = eyes == side
        if rows.any():
            corners[rows], weights[rows], height[rows] = _nearest(points[rows], surface, triangles)
    return Bound(corners=corners, weights=weights, height=height, eye=eyes)


def _nearest(points: np.ndarray, surface: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, ...]:
    """Corners and weights ``[N, 3]`` of the nearest places on triangles, and metres ``[N]`` outwards from there."""
    corners = surface[triangles]
    _, near = KDTree(corners.mean(1)).query(points, CANDIDATES)
    near = np.asarray(near)
    closest = trimesh.triangles.closest_point(corners[near.ravel()], np.repeat(points, CANDIDATES, 0))
    closest = np.asarray(closest).reshape(-1, CANDIDATES, 3)
    away = np.linalg.norm(closest - points[:, None], axis=2)
    rows, best = np.arange(len(points)), np.argmin(away, axis=1)
    triangle, foot = near[rows, best], closest[rows, best]
    weights = np.asarray(trimesh.triangles.points_to_barycentric(corners[triangle], foot)).clip(0, 1)
    normals = vertex_normals(surface, triangles)
    outwards = (normals[triangles[triangle]] * weights[..., None]).sum(1)
    side = np.sign(((points - foot) * outwards).sum(1))
    return triangles[triangle], weights / weights.sum(1, keepdims=True), away[rows, best] * side


def inside_mouth(
    points: np.ndarray, bound: Bound, hidden: np.ndarray, shape: PhotoShape, surface: np.ndarray
) -> np.ndarray:
    """``[N]`` bool, where the parametric mouth comes in: what nobody sees there, and what lies deep between lips."""
    model = shape.model
    inner = surface[model.of_region("mouth_cavity", "upper_teeth", "lower_teeth", "tongue").numpy()]
    lips = surface[model.of_region("lips").numpy()]
    low = np.minimum(inner.min(0), lips.min(0))
    high = np.maximum(inner.max(0), lips.max(0))
    low[1], high[1] = lips[:, 1].min() - 0.006, lips[:, 1].max() + 0.012
    unseen = hidden & (bound.height < DEEP) & ((points > low) & (points < high)).all(1)
    across = np.linspace(lips[:, 0].min(), lips[:, 0].max(), 40)
    front = [lips[np.abs(lips[:, 0] - x) < ACROSS, 2].min() for x in across]
    seam = model.landmarks(torch.from_numpy(surface)).numpy()[list(UPPER_INNER)]
    below = points[:, 1] - np.interp(points[:, 0], seam[:, 0], seam[:, 1])
    between = (below > BAND[0]) & (below < BAND[1])
    between &= (points[:, 0] > seam[0, 0]) & (points[:, 0] < seam[-1, 0]) & (points[:, 2] < high[2])
    return unseen | (between & (points[:, 2] - np.interp(points[:, 0], across, front) > RECESSED))


def branch_of(name: str, gaussians: Gaussians, bound: Bound, rig: Rig, shape: PhotoShape, units: Tensor) -> Branch:
    """A branch of Gaussians in the head frame, whose face does ``units [52]``, brought to rest.

    Args:
        name: of the branch.
        gaussians: N, in metres.
        bound: where they hang.
        rig: what units and gaze do to the surface.
        shape: the surface.
        units: what the face does as it is.
    """
    follows = np.einsum("pc,pc->p", bound.weights, shape.head_weights[bound.corners])
    fade = np.exp(-((np.maximum(np.abs(bound.height) - NEAR, 0) / FAR) ** 2))
    weights = bound.weights * fade[:, None]
    basis = np.einsum("pc,pcdk->pdk", weights, rig.basis[bound.corners])
    jacobian = np.einsum("pc,pcdek->pdek", weights, rig.jacobian[bound.corners])
    names = rig.code_map.names
    points = gaussians.means.double().numpy()
    for label, side in LIDS.items():
        rows = bound.eye == side
        ball = shape.vertices[shape.model.of_region(label).numpy()]
        centre = ball.mean(0)
        radius = float(np.linalg.norm(ball - centre, axis=1).mean())
        blink = rig.basis[shape.model.of_region(label).numpy()[:1]]
        blink = blink * np.array([n.startswith("blink") for n in names])
        basis[rows] = turning(points[rows], np.broadcast_to(centre, points[rows].shape), radius, names) + blink
        jacobian[rows] = 0
    motion = torch.from_numpy(basis).float()
    quats = quat_normalize(gaussians.quats)
    stretch = stretch_of(torch.from_numpy(jacobian).float(), quat_to_rotmat(quats))
    rest = Pose(quats=torch.tensor([1.0, 0.0, 0.0, 0.0]), positions=torch.zeros(3))
    moment = MotionFrame.neutral(rest, rest)
    code = rig.code_map.mapped(units.float(), moment.gaze)
    turn, grow = (stretch @ code).split(3, dim=1)
    colors = gaussians.colors if gaussians.colors.ndim == 3 else rgb_to_sh(gaussians.colors)[:, None]
    return Branch(
        name=name,
        uses=torch.arange(len(names)),
        means=gaussians.means - motion @ code,
        quats=quat_multiply(torch.cat([torch.ones_like(turn[:, :1]), -0.5 * turn], 1), quats),
        log_scales=gaussians.scales.clamp(min=1e-6).log() - grow,
        logit_opacities=torch.logit(gaussians.opacities.clamp(CLIP, 1 - CLIP)),
        sh0=colors[:, :1].contiguous(),
        shN=colors[:, 1:].contiguous(),
        basis=motion,
        stretch=stretch,
        head_weights=torch.from_numpy(follows).float(),
    )
