"""Depth pictures to one surface: signed distances averaged on a grid, in the blocks that the surface passes through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import trimesh
from scipy.spatial import KDTree
from skimage.measure import marching_cubes
from torch import Tensor

from ..camera import Camera
from ..checks import InputError
from .closing import outside

TRUNCATION = 4
"""Cells on either side of the surface that a view writes to."""
BLOCK = 8
"""Cells along a block's edge."""
MARGIN = 16
"""Cells around everything seen into which a closed surface may bulge."""
MOST_CELLS = 2**28
"""Of the box around everything seen; its distances then take a gigabyte."""
_FAR = 2**20  # blocks from the world's origin; three such numbers fit into one of 63 bits


@dataclass(frozen=True, kw_only=True)
class DepthView:
    """What one camera sees."""

    camera: Camera
    """Where from."""
    depth: Tensor
    """``[H, W]`` f32 metres along the camera's z axis, 0 where unknown."""
    rgb: Tensor
    """``[H, W, 3]`` f32 in [0, 1]."""


class DistanceField:
    """Truncated signed distances near the surface that some views see, with its colours.

    Args:
        views: at least one, with known depth somewhere.
        voxel: edge of a cell, metres.

    Raises:
        InputError: the box around everything seen has more than ``MOST_CELLS`` cells.

    Source: Curless and Levoy, "A volumetric method for building complex models from range images" (1996).
    """

    def __init__(self, views: Sequence[DepthView], voxel: float) -> None:
        self._voxel = voxel
        touched = [_blocks(view, voxel) for view in views]
        packed, number = torch.unique(torch.cat(touched), return_inverse=True)
        blocks = torch.stack([packed >> 42, (packed >> 21) % 2**21, packed % 2**21], 1)
        self._low = blocks.min(0).values
        self._blocks = blocks - self._low
        self._size = (self._blocks.max(0).values + 1).tolist()
        if np.prod(self._size) * BLOCK**3 > MOST_CELLS:
            metres = " x ".join(f"{n * BLOCK * voxel:.2g}" for n in self._size)
            raise InputError(
                f"the surface fills a box of {metres} m, in cells of {voxel:g} m more than {MOST_CELLS}; take larger"
                " cells, or a head without Gaussians far away from it."
            )
        self._number = torch.full(self._size, -1)
        self._number[tuple(self._blocks.T)] = torch.arange(len(blocks))
        self._sums = torch.zeros(len(blocks), BLOCK**3, 5)  # distance in truncations, views, rgb
        for view, own in zip(views, number.split([len(ids) for ids in touched]), strict=True):
            self._add(view, own)

    def _world(self, cells: Tensor) -> Tensor:
        """Metres ``[..., 3]`` of the centres of cells ``[..., 3]``, counted from the corner of the box."""
        return (cells + (self._low - _FAR) * BLOCK + 0.5) * self._voxel

    def _add(self, view: DepthView, own: Tensor) -> None:
        """Add what ``view`` sees to the blocks ``own`` [B]."""
        step = torch.arange(BLOCK)
        inside = torch.cartesian_prod(step, step, step)
        camera = view.camera
        points = self._world(self._blocks[own][:, None] * BLOCK + inside) @ camera.viewmat[:3, :3].T
        x, y, z = (points + camera.viewmat[:3, 3]).unbind(-1)
        column = (camera.K[0, 0] * x / z + camera.K[0, 2]).floor().long()
        row = (camera.K[1, 1] * y / z + camera.K[1, 2]).floor().long()
        shown = (z > 0) & (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
        row, column = row[shown], column[shown]
        depth = view.depth[row, column]
        distance = (depth - z[shown]) / (TRUNCATION * self._voxel)
        near = (depth > 0) & (distance > -1)
        row, column = row[near], column[near]
        block, cell = (index[near] for index in torch.nonzero(shown, as_tuple=True))
        values = [distance[near].clamp(max=1)[:, None], torch.ones(len(row), 1), view.rgb[row, column]]
        self._sums[own[block], cell] += torch.cat(values, 1)

    def _at(self, cells: Tensor) -> Tensor:
        """Sums ``[V, 5]`` of cells ``[V, 3]`` in the box."""
        number = self._number[tuple((cells // BLOCK).T)]
        x, y, z = (cells % BLOCK).T
        return torch.where((number >= 0)[:, None], self._sums[number, (x * BLOCK + y) * BLOCK + z], 0)

    def surface(self, fewest_views: int, *, closed: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Where the distance is zero between cells that ``fewest_views`` saw.

        Args:
            fewest_views: that must have seen a cell.
            closed: also go on, smoothly, where nothing was seen, until the surface has no border; colours there are
                those of the nearest place seen.

        Returns:
            Vertices ``[V, 3]`` f32 metres, triangles ``[F, 3]`` int64, counter-clockwise seen from the views, colours
            ``[V, 3]`` f32 in [0, 1]. Vertices that no triangle uses mean nothing. All empty where there is no surface.
        """
        distance, seen = self._sums[..., 0], self._sums[..., 1]
        volume = self._boxed(torch.where(seen >= fewest_views, distance / seen.clamp(min=1), 1), 1.0)
        if not (volume.min() < 0 < volume.max()):
            return torch.zeros(0, 3), torch.zeros(0, 3, dtype=torch.int64), torch.zeros(0, 3)
        at, faces = _zeros(volume)
        below, above = self._at(at.floor().long()), self._at(at.ceil().long())  # a vertex lies on an edge of the grid
        sure = (below[:, 1] >= fewest_views) & (above[:, 1] >= fewest_views)
        share = (at - at.floor()).sum(1, keepdim=True)
        colours = (1 - share) * below[:, 2:] / below[:, 1:2] + share * above[:, 2:] / above[:, 1:2]
        faces = faces[sure[faces].all(1)]
        if not closed or not len(faces):
            return self._world(at), faces, colours
        known = self._boxed((seen >= fewest_views).float(), 0.0) > 0
        whole, shell = _zeros(_closed(volume, known, at, faces))
        whole = whole - MARGIN
        used = faces.unique()
        _, nearest = KDTree(at[used].numpy()).query(whole.numpy())
        return self._world(whole), shell, colours[used[torch.from_numpy(nearest)]]

    def _boxed(self, cells: Tensor, elsewhere: float) -> Tensor:
        """Values ``[B, BLOCK^3]`` of the blocks as a volume of the whole box."""
        volume = torch.full([n * BLOCK for n in self._size], elsewhere)
        boxes = volume.view(*(n for size in self._size for n in (size, BLOCK))).permute(0, 2, 4, 1, 3, 5)
        boxes[tuple(self._blocks.T)] = cells.view(-1, BLOCK, BLOCK, BLOCK)
        return volume


def _zeros(volume: Tensor) -> tuple[Tensor, Tensor]:
    """Vertices ``[V, 3]`` in cells and triangles ``[F, 3]`` of the surface where a volume is 0."""
    found, faces, _, _ = marching_cubes(volume.numpy(), 0.0)
    return torch.from_numpy(np.ascontiguousarray(found)), torch.from_numpy(faces.astype(np.int64))


def _closed(volume: Tensor, known: Tensor, at: Tensor, faces: Tensor) -> Tensor:
    """``volume`` with ``MARGIN`` more cells on each side, smoothly continued where nothing is known of it."""
    wide = torch.nn.functional.pad(volume, (MARGIN,) * 6, value=1.0)
    sure = torch.nn.functional.pad(known, (MARGIN,) * 6)
    guessed = torch.from_numpy(outside((at + MARGIN).numpy(), faces.numpy(), tuple(wide.shape)))  # pyright: ignore
    wide = torch.where(sure, wide, guessed)
    border = torch.ones_like(sure)
    border[1:-1, 1:-1, 1:-1] = False
    return torch.where(border, 1.0, wide)


def _blocks(view: DepthView, voxel: float) -> Tensor:
    """Packed numbers ``[B]`` of the blocks within the truncation of what a view sees."""
    row, column = torch.nonzero(view.depth > 0, as_tuple=True)
    pixels = torch.stack([column + 0.5, row + 0.5, torch.ones(len(row))], 1)
    rays = pixels @ torch.linalg.inv(view.camera.K).T
    shifts = torch.linspace(-1, 1, 5) * TRUNCATION * voxel
    points = rays * (view.depth[row, column] + shifts[:, None])[..., None] - view.camera.viewmat[:3, 3]
    x, y, z = ((points @ view.camera.viewmat[:3, :3]) / (BLOCK * voxel)).floor().long().add(_FAR).unbind(-1)
    return torch.unique(torch.unique_consecutive(((x << 42) | (y << 21) | z).flatten()))


def without_crumbs(
    vertices: Tensor, triangles: Tensor, colours: Tensor, smallest: float
) -> tuple[Tensor, Tensor, Tensor]:
    """A mesh without its pieces of fewer than ``smallest`` times the largest piece's triangles."""
    mesh = trimesh.Trimesh(vertices.numpy(), triangles.numpy(), process=False)
    labels = trimesh.graph.connected_component_labels(mesh.face_adjacency, node_count=len(triangles))
    piece = torch.from_numpy(labels).long()
    sizes = torch.bincount(piece)
    kept = triangles[sizes[piece] >= smallest * sizes.max()]
    used, number = torch.unique(kept, return_inverse=True)
    return vertices[used], number, colours[used]
