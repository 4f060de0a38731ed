"""A first guess of the surface behind every pixel of one frame: tracked mesh, head ellipsoid, neck and torso.

Everything is expressed in the canonical space (the head frame at rest). The guess only starts the
training; it matters most where the clip never shows the head from the side.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import ConvexHull, KDTree

from ..conventions import HAIR, NECK

FALLOFF = 0.012
"""Metres over which the tracked motion fades outside the face mesh."""
RIM_NEIGHBOURS = 8
RIM_REACH = 0.05
"""Metres over which the depth of the mesh rim fades into the skull ellipsoid."""
TEETH_DEPTH = 0.010
"""Metres that the first guess of the mouth interior lies behind the lips."""
NECK_RADIUS = 0.06
"""Metres."""


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
    """``[P, 3]`` unit, towards the camera."""


def canonical_rays(uv: np.ndarray, K: np.ndarray, rotation: np.ndarray, position: np.ndarray):
    """Origin ``[3]`` and directions ``[P, 3]`` (z = 1 in the camera) of pixel rays in the canonical space."""
    directions = np.concatenate([(uv - K[:2, 2]) / K[[0, 1], [0, 1]], np.ones((len(uv), 1))], axis=1)
    return -rotation.T @ position, directions @ rotation


def _ellipsoid_hit(origin: np.ndarray, rays: np.ndarray, centre: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Ray parameter of the front of an ellipsoid; where it is missed, of the nearest approach (its rim)."""
    o, d = (origin - centre) / radii, rays / radii
    a, b, c = (d * d).sum(1), (d * o).sum(1), (o * o).sum() - 1
    return (-b - np.sqrt(np.maximum(b * b - a * c, 0))) / a


def head_ellipsoid(vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre and radii (metres) of an ellipsoid around the skull, from the tracked neutral shape ``[L, 3]``.

    Proportions: a head is about 1.05 times as wide and 1.25 times as deep as its face is wide, and reaches
    about a third of the face's height above it.
    """
    low, high = vertices.min(0), vertices.max(0)
    width, height = high[0] - low[0], high[1] - low[1]
    depth = 1.25 * width
    centre = np.array([(low[0] + high[0]) / 2, low[1] + 0.33 * height, low[2] + 0.55 * depth + 0.1 * width])
    return centre, np.array([0.56 * width, 0.68 * height, 0.55 * depth])


def lift_pixels(
    uv: np.ndarray,
    labels: np.ndarray,
    vertices: np.ndarray,
    basis: np.ndarray,
    K: np.ndarray,
    rotation: np.ndarray,
    position: np.ndarray,
    *,
    neutral: np.ndarray,
) -> SurfacePoints:
    """Canonical surface points behind pixels of one frame.

    Args:
        uv: ``[P, 2]`` pixel centres.
        labels: ``[P]`` part label of each pixel (the capture's numbering).
        vertices: ``[L, 3]`` tracked vertices of this frame in the head frame, metres.
        basis: ``[L, 3, K]`` motion of the vertices per unit of the code.
        K: ``[3, 3]`` intrinsics.
        rotation, position: ``[3, 3]``, ``[3]`` T_world_head of this frame.
        neutral: ``[L, 3]`` neutral vertices; points are returned in their neutral place.

    Returns:
        SurfacePoints in the order of ``uv``.
    """
    cam = vertices @ rotation.T + position
    projected = cam[:, :2] / cam[:, 2:] * K[[0, 1], [0, 1]] + K[:2, 2]
    num_channels = basis.shape[2]
    table = np.concatenate([cam[:, 2:], basis.reshape(len(basis), -1), neutral - vertices], axis=1)
    mesh = LinearNDInterpolator(projected, table)
    at_pixel = mesh(uv)
    on_mesh = np.isfinite(at_pixel[:, 0]) & (labels >= HAIR)

    origin, rays = canonical_rays(uv, K, rotation, position)
    depth = _rest_depth(uv, labels, origin, rays, vertices, projected, cam)
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


def _rest_depth(uv, labels, origin, rays, vertices, projected, cam) -> np.ndarray:
    """Depth ``[P]`` outside the mesh: skull ellipsoid joined to the mesh rim, neck cylinder, torso sheet."""
    centre, radii = head_ellipsoid(vertices)
    rim = ConvexHull(projected).vertices
    at_rim = _ellipsoid_hit(origin, (vertices[rim] - origin) / cam[rim, 2:], centre, radii)
    distance, index = KDTree(projected[rim]).query(uv, min(RIM_NEIGHBOURS, len(rim)))
    scale = np.ptp(projected[:, 0]) / np.ptp(vertices[:, 0])
    weight = 1 / (distance + 1) ** 2
    step = (weight * (cam[rim, 2] - at_rim)[index]).sum(1) / weight.sum(1)
    hair = _ellipsoid_hit(origin, rays, centre, radii) + step * np.exp(-((distance[:, 0] / (RIM_REACH * scale)) ** 2))

    chin = vertices[:, 1].max()
    neck_centre = np.array([centre[0], chin, centre[2] + 0.01])
    neck = _ellipsoid_hit(origin, rays, neck_centre, np.array([NECK_RADIUS, 10.0, NECK_RADIUS]))
    plane = centre[2] - 0.02
    torso = (plane - origin[2]) / rays[:, 2]
    below = (origin[1] + rays[:, 1] * torso) - chin - 0.04
    torso = torso - 0.35 * np.clip(below, 0, 0.12)
    return np.where(labels <= NECK, np.minimum(neck, torso), hair)


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


def joined_surfaces(surfaces: list[SurfacePoints]) -> SurfacePoints:
    """The points of several surfaces, one after the other."""
    names = [field.name for field in fields(SurfacePoints)]
    return SurfacePoints(**{name: np.concatenate([getattr(s, name) for s in surfaces]) for name in names})


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
