"""Meshes before a camera, pixel by pixel: nearest triangle, weights of its corners, depth; differentiable in vertices.

Two backends with one meaning. ``own`` finds the nearest triangles by scan lines on the CPU (`screen_mesh`) and tells
weights and depth by torch wherever the vertices lie; ``pytorch3d`` asks that library's rasterizer, where it is
installed, which runs on a GPU. It is no dependency: nothing is imported before it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from .camera import Camera
from .checks import InputError
from .conventions import HOW_TO_GET_PYTORCH3D
from .screen_mesh import ScreenMesh

Backend = Literal["auto", "own", "pytorch3d"]


@dataclass(frozen=True, kw_only=True)
class Fragments:
    """What T pictures of a mesh show."""

    triangles: Tensor
    """``[T, H, W]`` int64 the nearest triangle at each pixel's centre, -1 where there is none."""
    weights: Tensor
    """``[T, H, W, 3]`` of its corners, in space and not in the picture; they sum to 1, or are 0 where there is none."""
    depth: Tensor
    """``[T, H, W]`` metres along the camera's axis, 0 where there is none."""

    def interpolated(self, values: Tensor, triangles: Tensor) -> Tensor:
        """Pictures ``[T, H, W, D]`` of values ``[V, D]`` or ``[T, V, D]`` at the vertices of ``triangles [F, 3]``."""
        frames = torch.arange(len(self.triangles), device=values.device)[:, None, None, None]
        corners = triangles[self.triangles.clamp(min=0)]
        there = values[corners] if values.ndim == 2 else values[frames, corners]
        return (there * self.weights[..., None]).sum(-2)


def has_pytorch3d() -> bool:
    """Whether pytorch3d is installed; it is not loaded for that."""
    return find_spec("pytorch3d") is not None


def rasterize_mesh(vertices: Tensor, triangles: Tensor, camera: Camera, *, backend: Backend = "auto") -> Fragments:
    """Rasterize T poses of a mesh; triangles are seen from both sides, and gradients reach the vertices.

    Where one part hides another the choice of triangle is no function with a derivative: outlines give no gradient.

    Args:
        vertices: ``[T, V, 3]`` float, metres, in the world.
        triangles: ``[F, 3]`` int64; those with a corner behind the camera are left out.
        camera: one for all T.
        backend: ``auto`` takes pytorch3d for vertices on a GPU where it is installed, and ``own`` elsewhere: on a CPU
            pytorch3d looks at every pair of pixel and triangle.

    Raises:
        InputError: ``backend`` is not one of these, or is not installed.
        ValueError: shapes or types are not as above.
    """
    if backend not in get_args(Backend):
        raise InputError(f"backend is {backend!r}; one of {', '.join(get_args(Backend))} was wanted.")
    if vertices.ndim != 3 or vertices.shape[-1] != 3 or not vertices.is_floating_point():
        raise ValueError(f"vertices are {vertices.dtype} {tuple(vertices.shape)}; float [T, V, 3] were wanted.")
    if triangles.ndim != 2 or triangles.shape[-1] != 3 or triangles.dtype != torch.int64:
        raise ValueError(f"triangles are {triangles.dtype} {tuple(triangles.shape)}; int64 [F, 3] were wanted.")
    if backend == "pytorch3d" and not has_pytorch3d():
        raise InputError(f"pytorch3d is not installed; leave the backend out, or get it: {HOW_TO_GET_PYTORCH3D}")
    chosen = backend
    if chosen == "auto":
        chosen = "pytorch3d" if vertices.is_cuda and has_pytorch3d() else "own"
    return _BACKENDS[chosen](vertices, triangles.to(vertices.device), camera)


def _own(vertices: Tensor, triangles: Tensor, camera: Camera) -> Fragments:
    """Nearest triangles by scan lines; weights and depth by the edge functions of their corners in the picture."""
    height, width = camera.height, camera.width
    everywhere = np.ones((height, width), bool)
    detached, faces = vertices.detach().cpu().double().numpy(), triangles.cpu().numpy()
    still = camera.to(torch.device("cpu"))
    found = []
    for points in detached:
        mesh = ScreenMesh(points, faces, still)
        found.append(mesh.numbers(mesh.nearest(0.5, 0.5, mesh.touching(everywhere), everywhere)))
    nearest = torch.from_numpy(np.stack(found)).to(vertices.device).view(-1, height, width)
    frame, row, column = (nearest >= 0).nonzero(as_tuple=True)
    pixels, z = _projected(vertices, camera)
    corners = triangles[nearest[frame, row, column]]
    z = z[frame[:, None], corners]
    away = pixels[frame[:, None], corners] - torch.stack([column, row], -1)[:, None] - 0.5
    following, last = away.roll(-1, 1), away.roll(-2, 1)
    area = following[..., 0] * last[..., 1] - following[..., 1] * last[..., 0]  # of what lies opposite to each corner
    shares = area / z
    inverse = shares.sum(1)
    weights, depth = vertices.new_zeros(*nearest.shape, 3), vertices.new_zeros(nearest.shape)
    place = (frame, row, column)
    return Fragments(
        triangles=nearest,
        weights=weights.index_put(place, shares / inverse[:, None]),
        depth=depth.index_put(place, area.sum(1) / inverse),
    )


def _pytorch3d(vertices: Tensor, triangles: Tensor, camera: Camera) -> Fragments:
    """The same by `pytorch3d.renderer.mesh.rasterize_meshes`; its pictures have +x to the left and +y upwards, from -1
    to 1 along the shorter side, and depth as it is."""
    from pytorch3d.renderer.mesh.rasterize_meshes import rasterize_meshes
    from pytorch3d.structures import Meshes

    size = vertices.new_tensor([camera.width, camera.height])
    pixels, z = _projected(vertices, camera)
    flat = torch.cat([(size - 2 * pixels) / size.min(), z[..., None]], -1).float()
    meshes = Meshes(verts=list(flat), faces=[triangles] * len(flat))
    picture = (camera.height, camera.width)
    nearest, depth, weights, _ = rasterize_meshes(
        meshes, image_size=picture, blur_radius=0.0, faces_per_pixel=1, perspective_correct=True
    )
    hit = nearest[..., 0] >= 0
    first = len(triangles) * torch.arange(len(flat), device=flat.device)[:, None, None]
    return Fragments(
        triangles=torch.where(hit, nearest[..., 0] - first, -1),
        weights=torch.where(hit[..., None], weights[..., 0, :], 0).to(vertices.dtype),
        depth=torch.where(hit, depth[..., 0], 0).to(vertices.dtype),
    )


_BACKENDS: dict[str, Callable[[Tensor, Tensor, Camera], Fragments]] = {"own": _own, "pytorch3d": _pytorch3d}


def _projected(vertices: Tensor, camera: Camera) -> tuple[Tensor, Tensor]:
    """Pixels ``[T, V, 2]`` and depths ``[T, V]`` of vertices in the world; those behind the camera are nonsense."""
    view, K = camera.viewmat.to(vertices), camera.K.to(vertices)
    cam = vertices @ view[:3, :3].mT + view[:3, 3]
    image = cam @ K.mT
    return image[..., :2] / image[..., 2:], cam[..., 2]
