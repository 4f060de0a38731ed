"""A first guess of the surface behind every pixel of one frame: the tracked mesh, and around it the hull.

Everything is expressed in the canonical space (the head frame at rest). The guess only starts the
training; it matters most where the clip never shows the head from the side.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import KDTree

from ..camera import Camera
from ..conventions import HAIR, NECK
from .hull import Hull

FALLOFF = 0.012
"""Metres over which the tracked motion fades outside the face mesh."""
TEETH_DEPTH = 0.010
"""Metres that the first guess of the mouth interior lies behind the lips."""


@dataclass(frozen=True, kw_only=True)
class SurfacePoints:
    """P canonical points with the motion that the tracked mesh gives them."""

    points: np.ndarray
    """``[P, 3]`` metres, head frame at rest."""
    basis: np.ndarray
    """``[P, 3, K]`` metres per unit of the code."""
    jacobian: np.ndarray
    """``[P, 3, 3, K]`` spatial derivative of the basis."""
    normals: np.ndarray
    """``[P, 3]`` unit, outwards."""


@dataclass(frozen=True, kw_only=True)
class Patch:
    """Surface points with what Gaussians on them need beside."""

    surface: SurfacePoints
    """P points."""
    colours: np.ndarray
    """``[P, 3]`` RGB in [0, 1]."""
    spacing: np.ndarray
    """``[P, 2]`` metres between neighbours, along the slope seen from the camera and across it."""
    opacities: np.ndarray
    """``[P]``."""

    def __getitem__(self, rows: np.ndarray) -> Patch:
        """The points ``rows``, numbers or bool."""
        return Patch(
            surface=SurfacePoints(**{name: values[rows] for name, values in vars(self.surface).items()}),
            colours=self.colours[rows],
            spacing=self.spacing[rows],
            opacities=self.opacities[rows],
        )


def canonical_rays(uv: np.ndarray, K: np.ndarray, rotation: np.ndarray, position: np.ndarray):
    """Origin ``[3]`` and directions ``[P, 3]`` (z = 1 in the camera) of pixel rays in the canonical space."""
    directions = np.concatenate([(uv - K[:2, 2]) / K[[0, 1], [0, 1]], np.ones((len(uv), 1))], axis=1)
    return -rotation.T @ position, directions @ rotation


def lift_pixels(
    uv: np.ndarray,
    labels: np.ndarray,
    vertices: np.ndarray,
    basis: np.ndarray,
    camera: Camera,
    rotation: np.ndarray,
    position: np.ndarray,
    *,
    neutral: np.ndarray,
    hull: Hull,
) -> SurfacePoints:
    """Canonical surface points behind pixels of one frame.

    Args:
        uv: ``[P, 2]`` pixel centres.
        labels: ``[P]`` part label of each pixel (the capture's numbering).
        vertices: ``[L, 3]`` tracked vertices of this frame in the head frame, metres.
        basis: ``[L, 3, K]`` motion of the vertices per unit of the code.
        camera: the recording camera.
        rotation, position: ``[3, 3]``, ``[3]`` T_world_head of this frame.
        neutral: ``[L, 3]`` neutral vertices; points are returned in their neutral place.
        hull: what stands around the person.

    Returns:
        SurfacePoints in the order of ``uv``.
    """
    cam, K = vertices @ rotation.T + position, camera.K.double().numpy()
    projected = cam[:, :2] / cam[:, 2:] * K[[0, 1], [0, 1]] + K[:2, 2]
    num_channels = basis.shape[2]
    table = np.concatenate([cam[:, 2:], basis.reshape(len(basis), -1), neutral - vertices], axis=1)
    mesh = LinearNDInterpolator(projected, table)
    at_pixel = mesh(uv)
    on_mesh = np.isfinite(at_pixel[:, 0]) & (labels >= HAIR)

    origin, rays = canonical_rays(uv, K, rotation, position)
    depth = _hull_depth(uv, labels, hull, camera, rotation, position)
    depth[on_mesh] = at_pixel[on_mesh, 0]
    posed = origin + rays * depth[:, None]

    values = np.zeros((len(uv), table.shape[1] - 1))
    values[on_mesh] = at_pixel[on_mesh, 1:]
    near, index = KDTree(vertices).query(posed[~on_mesh])
    fade = np.exp(-((near / FALLOFF) ** 2))[:, None] * (labels[~on_mesh] >= NECK)[:, None]
    values[~on_mesh] = table[index, 1:] * fade
    points = posed + values[:, -3:]
    return SurfacePoints(
        points=points,
        basis=values[:, :-3].reshape(-1, 3, num_channels),
        jacobian=_basis_jacobian(points, neutral, basis),
        normals=_normals(uv, posed, origin),
    )


def _hull_depth(
    uv: np.ndarray, labels: np.ndarray, hull: Hull, camera: Camera, rotation: np.ndarray, position: np.ndarray
) -> np.ndarray:
    """Depth ``[P]`` of the hull behind pixels, in the picture or beside it: its head's, or what it stands on."""
    size = np.array([camera.width, camera.height])
    pixels = np.floor(uv).astype(int)
    low, high = np.minimum(pixels.min(0, initial=0), 0), np.maximum(pixels.max(0, initial=0) + 1, size)
    K = camera.K.clone()
    K[:2, 2] -= torch.from_numpy(low)
    width, height = (high - low).tolist()
    around = Camera(viewmat=camera.viewmat, K=K, width=width, height=height)
    column, row = (pixels - low).T
    of_head, in_head = hull.of_head(), labels >= HAIR
    depth = np.zeros(len(uv))
    for chosen, inside in ((of_head, in_head), (~of_head, ~in_head)):
        if inside.any():
            depth[inside] = hull.depth(chosen, around, rotation, position)[row[inside], column[inside]]
    return depth


def _basis_jacobian(points: np.ndarray, neutral: np.ndarray, basis: np.ndarray, neighbours: int = 10) -> np.ndarray:
    """Spatial derivative ``[P, 3, 3, K]`` of the basis by weighted least squares over near vertices, faded outwards."""
    tree = KDTree(neutral)
    _, around = tree.query(neutral, neighbours)
    offset = neutral[around] - neutral[around].mean(1, keepdims=True)
    change = basis[around] - basis[around].mean(1, keepdims=True)
    ridge = 4e-6 * np.eye(3)
    gram = np.einsum("lni,lnj->lij", offset, offset) + ridge
    at_vertex = np.linalg.solve(gram, np.einsum("lni,lnck->lick", offset, change).reshape(len(neutral), 3, -1))
    at_vertex = at_vertex.reshape(len(neutral), 3, 3, -1).transpose(0, 2, 1, 3)
    near, index = tree.query(points, 3)
    weight = np.exp(-((near / FALLOFF) ** 2))
    share = weight / np.maximum(weight.sum(1, keepdims=True), 1e-12) * weight.max(1, keepdims=True)
    return np.einsum("pn,pncdk->pcdk", share, at_vertex[index])


def _normals(uv: np.ndarray, points: np.ndarray, origin: np.ndarray, neighbours: int = 9) -> np.ndarray:
    """Unit normals ``[P, 3]`` towards ``origin`` from a plane fit to the neighbours in the picture."""
    if len(points) < neighbours:
        towards = origin - points
        return towards / np.linalg.norm(towards, axis=1, keepdims=True)
    _, around = KDTree(uv).query(uv, neighbours)
    centred = points[around] - points[around].mean(1, keepdims=True)
    normals = np.linalg.eigh(np.einsum("pni,pnj->pij", centred, centred))[1][:, :, 0]
    facing = np.sign(((origin - points) * normals).sum(1, keepdims=True))
    return normals * np.where(facing == 0, 1, facing)


def moving_with(points: np.ndarray, normals: np.ndarray, neutral: np.ndarray, basis: np.ndarray) -> SurfacePoints:
    """Points ``[P, 3]`` with ``normals`` beside the tracked face ``neutral [L, 3]``, whose motion fades over them."""
    near, index = KDTree(neutral).query(points)
    return SurfacePoints(
        points=points,
        basis=basis[index] * np.exp(-((near / FALLOFF) ** 2))[:, None, None],
        jacobian=_basis_jacobian(points, neutral, basis),
        normals=normals,
    )


def joined(patches: list[Patch]) -> Patch:
    """The points of several patches, one after the other."""
    surfaces = [patch.surface for patch in patches]
    names = [field.name for field in fields(SurfacePoints)]
    return Patch(
        surface=SurfacePoints(**{name: np.concatenate([getattr(s, name) for s in surfaces]) for name in names}),
        colours=np.concatenate([patch.colours for patch in patches]),
        spacing=np.concatenate([patch.spacing for patch in patches]),
        opacities=np.concatenate([patch.opacities for patch in patches]),
    )


def hang_mouth(surface: SurfacePoints, uv: np.ndarray, jaw: np.ndarray, code: np.ndarray) -> SurfacePoints:
    """Undo the lip motion of lifted mouth pixels: upper 45 % fixed to the skull, the rest rigid with the jaw."""
    column = np.round(uv[:, 0]).astype(int)
    top = np.full(column.max() + 1, np.inf)
    bottom = np.full(column.max() + 1, -np.inf)
    np.minimum.at(top, column, uv[:, 1])
    np.maximum.at(bottom, column, uv[:, 1])
    lower = (uv[:, 1] - top[column]) / np.maximum(bottom[column] - top[column], 1) > 0.45
    posed = surface.points + surface.basis @ code
    basis = lower[:, None, None] * jaw[None]
    points = posed - basis @ code
    points[:, 2] += TEETH_DEPTH
    return SurfacePoints(points=points, basis=basis, jacobian=surface.jacobian * 0, normals=surface.normals)
