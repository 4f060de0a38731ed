"""A texture for a surface: views of the Gaussians side by side, and for each triangle the view that shows it best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import trimesh
from scipy.ndimage import distance_transform_edt
from scipy.sparse import coo_array, diags_array
from torch import Tensor

from ..camera import Camera
from ..gaussians import Gaussians
from ..head import Head
from ..io.texture import Texture
from ..raster import rasterize_view
from .paths import orbit_view

FACE_VIEWS_DEG = ((0, 0), (50, 0), (-50, 0), (0, -35))
"""Yaw and pitch of the views of a face."""
BUST_VIEWS_DEG = (
    (0, 0), (35, 0), (-35, 0), (75, 0), (-75, 0), (120, 0), (-120, 0), (180, 0), (0, 50), (180, 50), (50, -40),
    (-50, -40),
)  # fmt: skip
"""Yaw and pitch of the views of a head with its shoulders."""
SIDE = 640
"""Pixels along a view's side."""
MARGIN = 0.04
"""Share of a view's side left free about the surface."""
SOLID = 0.5
"""Least opacity of a pixel whose colour is taken; others take their nearest one's."""
BEHIND = 0.02
"""Metres behind what a view shows from which on a corner is hidden from it."""
FIRST = 0.3
"""By how much better the first view shows everything: it is what was recorded."""
ROUNDS = 12
"""Of evening out, with their neighbours, how well triangles are seen: neighbours then choose the same view."""


@dataclass(frozen=True, kw_only=True)
class _View:
    uvs: Tensor
    """``[L, 2]`` where the vertices lie in the view, pixels."""
    score: Tensor
    """``[F]`` cosine between each triangle and the line of sight, two less where it is hidden."""
    picture: Tensor
    """``[SIDE, SIDE, 3]`` f32."""


def textured(
    gaussians: Gaussians, vertices: Tensor, triangles: Tensor, head: Head, views: Sequence[tuple[int, int]]
) -> Texture:
    """What Gaussians look like, as a texture of a mesh that lies where they are.

    Args:
        gaussians: N Gaussians of one moment.
        vertices: ``[L, 3]`` metres, in their world.
        triangles: ``[F, 3]`` int64, counter-clockwise seen from outside.
        head: about whose centre the views turn.
        views: their yaws and pitches in degrees, as many as fill a rectangle; the first is preferred.
    """
    columns = max(n for n in range(1, math.isqrt(len(views)) + 1) if len(views) % n == 0)
    columns, rows = len(views) // columns, columns
    seen = [_look(gaussians, vertices, triangles, _facing(head, vertices, *view)) for view in views]
    best = _chosen(torch.stack([view.score for view in seen], 1), vertices, triangles)
    corners = triangles * len(seen) + best[:, None]
    used, numbered = torch.unique(corners, return_inverse=True)
    source, view = used // len(seen), used % len(seen)
    pixels = torch.stack([view.uvs for view in seen])[view, source]
    u = (pixels[:, 0] / SIDE + view % columns) / columns
    v = 1 - (pixels[:, 1] / SIDE + view // columns) / rows
    tiles = torch.stack([view.picture for view in seen]).view(rows, columns, SIDE, SIDE, 3)
    picture = tiles.permute(0, 2, 1, 3, 4).reshape(rows * SIDE, columns * SIDE, 3)
    return Texture(
        source=source.numpy(),
        triangles=numbered.numpy(),
        uvs=torch.stack([u, v], 1).float().numpy(),
        picture=(picture.clamp(0, 1) * 255).round().byte().numpy(),
    )


def _facing(head: Head, vertices: Tensor, yaw: int, pitch: int) -> Camera:
    """A square view from yaw and pitch, degrees, that the vertices fill."""
    turned = orbit_view(head, math.radians(yaw), math.radians(pitch))
    K = torch.eye(3)
    whole = replace(turned, K=K, width=SIDE, height=SIDE)
    points = whole.project(vertices)
    low, high = points.min(0).values, points.max(0).values
    focal = SIDE * (1 - 2 * MARGIN) / float((high - low).max())
    K[0, 0] = K[1, 1] = focal
    K[:2, 2] = SIDE / 2 - focal * (low + high) / 2
    return whole


def _look(gaussians: Gaussians, vertices: Tensor, triangles: Tensor, camera: Camera) -> _View:
    z = gaussians.means @ camera.viewmat[2, :3] + camera.viewmat[2, 3]
    out = rasterize_view(gaussians, camera, extra=z[:, None])
    alpha = out.alpha[0].clamp(min=1e-6)
    solid = alpha > SOLID
    nearest = distance_transform_edt(~solid.numpy(), return_distances=False, return_indices=True)
    row, column = np.asarray(nearest)
    depth = torch.where(solid, out.extra[0, ..., 0] / alpha, torch.inf)
    uvs = camera.project(vertices)
    x, y = uvs.floor().long().clamp(0, SIDE - 1).unbind(1)
    hidden = vertices @ camera.viewmat[2, :3] + camera.viewmat[2, 3] > depth[y, x] + BEHIND
    a, b, c = vertices[triangles].unbind(1)
    normals = torch.nn.functional.normalize(torch.linalg.cross(b - a, c - a), dim=1)
    sight = torch.nn.functional.normalize(camera.position - (a + b + c) / 3, dim=1)
    score = (normals * sight).sum(1) - 2 * hidden[triangles].any(1)
    return _View(uvs=uvs, score=score, picture=(out.rgb[0] / alpha[..., None])[row, column])


def _chosen(scores: Tensor, vertices: Tensor, triangles: Tensor) -> Tensor:
    """``[F]`` the view of each triangle, of scores ``[F, C]``: one that shows it, its neighbours' where it can."""
    number = len(triangles)
    pairs = trimesh.Trimesh(vertices.numpy(), triangles.numpy(), process=False).face_adjacency
    ones, ends = (
        np.ones(2 * len(pairs) + number),
        np.concatenate([pairs, pairs[:, ::-1], np.tile(np.arange(number), (2, 1)).T]),
    )
    near = coo_array((ones, tuple(ends.T)), shape=(number, number)).tocsr()
    mean = diags_array(1 / near.sum(1)) @ near
    even = scores.numpy().astype(np.float64)
    for _ in range(ROUNDS):
        even = mean @ even
    even[:, 0] += FIRST
    return torch.from_numpy(even - 2.0 * (scores.numpy() < 0)).argmax(1)
