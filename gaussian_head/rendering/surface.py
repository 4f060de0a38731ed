"""One surface out of Gaussians: depth rendered from all around, kept where it can be trusted, fused on a grid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..camera import Camera
from ..checks import InputError
from ..events import Listener, ignore, tracked
from ..gaussians import Gaussians
from ..head import Head
from ..raster import rasterize_view
from .fusion import DepthView, DistanceField, without_crumbs
from .paths import orbit_view

YAWS_DEG = (-56, -42, -28, -14, 0, 14, 28, 42, 56)
PITCHES_DEG = (-24, -12, 0, 12, 24)
BEHIND_DEG = (-150, -115, -80, 80, 115, 150, 180)
"""Yaws of the views from the sides and from behind, where a head is a hull at best: two pitches do."""
BEHIND_PITCHES_DEG = (-10, 15)
SOLID = 0.9
"""Least opacity of a pixel whose depth is believed."""
SPREAD = 0.008
"""Metres; a pixel whose Gaussians are spread wider in depth (standard deviation) lies on an edge."""
GRAZING = 0.2
"""Least cosine between a surface and the line of sight."""

FEWEST_VIEWS = 3
"""Views that must have seen a cell."""
SMALLEST_PIECE = 0.01
"""Pieces with fewer than this share of the largest piece's triangles are dropped."""


@dataclass(frozen=True, kw_only=True)
class SurfaceMesh:
    """A coloured triangle mesh in the world of the recording camera."""

    vertices: Tensor
    """``[V, 3]`` metres, +y down."""
    triangles: Tensor
    """``[F, 3]`` int64, counter-clockwise seen from outside."""
    colors: Tensor
    """``[V, 3]`` RGB in [0, 1]."""


def surface_cameras(head: Head, size: int = 448) -> list[Camera]:
    """Cameras around the resting head, ``size`` pixels high: 45 about its front, 14 more from the sides and behind."""
    width = round(head.camera.width * size / head.camera.height)
    views = [(yaw, pitch) for pitch in PITCHES_DEG for yaw in YAWS_DEG]
    views += [(yaw, pitch) for pitch in BEHIND_PITCHES_DEG for yaw in BEHIND_DEG]
    return [orbit_view(head, math.radians(yaw), math.radians(pitch)).resized(width, size) for yaw, pitch in views]


def trusted_depth(gaussians: Gaussians, camera: Camera) -> tuple[Tensor, Tensor]:
    """Depth ``[H, W]`` (metres, 0 where it cannot be trusted) and colour ``[H, W, 3]`` of one view.

    Trusted is what is solid, hit within a few millimetres of depth, and not seen at a grazing angle.
    """
    z = gaussians.means @ camera.viewmat[2, :3] + camera.viewmat[2, 3]
    out = rasterize_view(gaussians, camera, extra=torch.stack([z, z.square()], 1))
    alpha = out.alpha[0].clamp(min=1e-6)
    mean, square = (out.extra[0] / alpha[..., None]).unbind(-1)
    spread = (square - mean.square()).clamp(min=0).sqrt()
    sure = (alpha > SOLID) & (spread < SPREAD) & (_facing(mean, camera) > GRAZING)
    return torch.where(sure, mean, 0), (out.rgb[0] / alpha[..., None]).clamp(0, 1)


def _facing(depth: Tensor, camera: Camera) -> Tensor:
    """``[H, W]`` cosine between the surface's normal and the line of sight, from differences of neighbours."""
    v, u = torch.meshgrid(torch.arange(camera.height) + 0.5, torch.arange(camera.width) + 0.5, indexing="ij")
    rays = torch.stack([(u - camera.K[0, 2]) / camera.K[0, 0], (v - camera.K[1, 2]) / camera.K[1, 1]], 2)
    points = torch.cat([rays, torch.ones_like(rays[..., :1])], 2) * depth[..., None]
    across, down = torch.gradient(points, dim=1)[0], torch.gradient(points, dim=0)[0]
    normals = torch.linalg.cross(across, down)
    lengths = normals.norm(dim=2) * points.norm(dim=2)
    return (normals * points).sum(2).abs() / lengths.clamp(min=1e-12)


def fuse_surface(
    gaussians: Gaussians,
    cameras: Sequence[Camera],
    *,
    voxel: float = 0.002,
    closed: bool = False,
    listener: Listener = ignore,
) -> SurfaceMesh:
    """Fuse what the cameras see into one mesh.

    Args:
        gaussians: N Gaussians of one moment.
        cameras: the views to render depth from.
        voxel: edge of the grid cells, metres.
        closed: go on smoothly where nothing was seen, until the surface has no border.
        listener: receives Progress.

    Returns:
        The largest connected surface and all others of at least a hundredth of its triangles; closed, the largest
        alone.

    Raises:
        InputError: the voxel is not between 0.2 mm and 5 cm, or no view saw a solid surface.
    """
    if not 2e-4 <= voxel <= 0.05:
        raise InputError(f"voxel is {voxel} m; 0.0002 to 0.05 was wanted.")
    views = []
    for camera in tracked(cameras, "export: depth from all around", len(cameras), listener):
        depth, rgb = trusted_depth(gaussians, camera)
        if depth.any():
            views.append(DepthView(camera=camera, depth=depth, rgb=rgb))
    if views:
        field = DistanceField(views, voxel)
        vertices, triangles, colors = field.surface(min(FEWEST_VIEWS, len(views)), closed=closed)
        if len(triangles):
            vertices, triangles, colors = without_crumbs(vertices, triangles, colors, 1.0 if closed else SMALLEST_PIECE)
            return SurfaceMesh(vertices=vertices, triangles=triangles, colors=colors)
    raise InputError("no view saw a solid surface; this head has too few or too transparent Gaussians.")
