"""Closing a surface with holes: where it was not seen, the smoothest inside and outside that go with what was."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

COARSE = 2
"""Cells of the fine grid along an edge of a coarse one, on which the closing is worked out."""
BLUR = 1.5
"""Coarse cells over which a triangle's normal is spread."""
ROOM = 0.3
"""Of the grid's edge that is added on each side, so that its repetitions do not see each other."""
STEEP = 2.0
"""How steeply the indicator, 0 to 1 from outside to inside, is made a distance."""


def outside(vertices: np.ndarray, triangles: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """How far outside of an open surface the cells of a grid lie, -1 (inside) to 1, smooth across its holes.

    Args:
        vertices: ``[V, 3]`` in cells of the grid.
        triangles: ``[F, 3]`` counter-clockwise seen from outside.
        shape: cells of the grid.

    Returns:
        ``shape`` float32, 0 about the surface.

    Source: Kazhdan, "Reconstruction of solid models from oriented point sets" (2005).
    """
    corners = vertices[triangles].astype(np.float64) / COARSE
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) / 2
    room = np.ceil(np.array(shape) / COARSE * ROOM).astype(int)
    size = tuple((np.ceil(np.array(shape) / COARSE) + 2 * room).astype(int))
    cells = np.round(corners.mean(1) + room).astype(int)
    inside = _indicator(cells, normals, size)
    level = np.median(inside[tuple(cells.T)])
    at = np.meshgrid(*(np.arange(n) / COARSE + r for n, r in zip(shape, room, strict=True)), indexing="ij")
    fine = map_coordinates(inside, at, order=1)
    return np.clip(STEEP * (1 - fine / level), -1, 1).astype(np.float32)


def _indicator(cells: np.ndarray, normals: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """The function whose gradient is nearest to the inward normals ``[F, 3]`` at ``cells [F, 3]``; far away it is 0."""
    lines = [np.fft.fftfreq(n) for n in size[:2]] + [np.fft.rfftfreq(size[2])]
    waves = [2j * np.pi * wave for wave in np.meshgrid(*lines, indexing="ij", sparse=True)]
    divergence: np.ndarray = np.zeros((*size[:2], size[2] // 2 + 1), np.complex128)
    for axis, wave in enumerate(waves):
        field = np.zeros(size)
        np.add.at(field, tuple(cells.T), -normals[:, axis])
        divergence += wave * np.fft.rfftn(gaussian_filter(field, BLUR))
    laplacian = (waves[0] ** 2 + waves[1] ** 2 + waves[2] ** 2).real
    laplacian[0, 0, 0] = 1.0
    solved = np.fft.irfftn(divergence / laplacian, size, axes=(0, 1, 2))
    border = np.concatenate([solved[0].ravel(), solved[:, 0].ravel(), solved[:, :, 0].ravel()])
    return solved - np.median(border)
