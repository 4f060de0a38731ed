"""Triangles as a camera sees them: which is nearest at each sample of a picture, by scan lines and a depth buffer."""

from __future__ import annotations

import numpy as np

from .camera import Camera

NEAREST = 0.01
"""Metres; triangles with a corner nearer to the camera than this are left out."""
THINNEST = 1e-9
"""Square pixels; a triangle whose area is half of this covers no sample."""


class ScreenMesh:
    """A mesh before a camera; its triangles are seen from both sides.

    Args:
        vertices: ``[V, 3]`` metres, in the world.
        triangles: ``[F, 3]`` int.
        camera: any camera.
    """

    def __init__(self, vertices: np.ndarray, triangles: np.ndarray, camera: Camera) -> None:
        self._width, self._height = camera.width, camera.height
        view, K = camera.viewmat.numpy().astype(np.float64), camera.K.numpy().astype(np.float64)
        points = vertices @ view[:3, :3].T + view[:3, 3]
        ahead = points[:, 2] > NEAREST
        inverse = 1 / np.where(ahead, points[:, 2], 1)
        corners = ((points @ K.T)[:, :2] * inverse[:, None])[triangles]
        (ax, ay), (bx, by) = (corners[:, 1] - corners[:, 0]).T, (corners[:, 2] - corners[:, 0]).T
        area = ax * by - ay * bx
        kept = np.flatnonzero((np.abs(area) > THINNEST) & ahead[triangles].all(1))
        corners = corners[kept]
        start, end = corners[:, [1, 2, 0]], corners[:, [2, 0, 1]]  # edge k lies opposite to corner k
        slope = np.stack([start[..., 1] - end[..., 1], end[..., 0] - start[..., 0]], -1) / area[kept, None, None]
        offset = -(slope * start).sum(-1, keepdims=True)
        self._numbers = kept
        self._inverse = inverse[triangles[kept]]
        self._shares = np.concatenate([slope, offset], -1)  # [F, 3 corners, (x, y, 1)]: affine in the picture
        self._plane = np.einsum("fc,fck->fk", self._inverse, self._shares)  # so is 1 / depth
        size = np.array([camera.width, camera.height])
        self._low, self._high = corners.min(1).clip(0, size), corners.max(1).clip(0, size - 1e-9)
        self._sides = _sides(self._shares)

    def touching(self, wanted: np.ndarray) -> np.ndarray:
        """The faces whose box meets a wanted pixel (``[H, W]`` bool); no others can be nearest there."""
        sums = np.pad(wanted.cumsum(0, dtype=np.int32).cumsum(1, dtype=np.int32), ((1, 0), (1, 0)))
        left, top = self._low.T.astype(int)
        right, bottom = self._high.T.astype(int) + 1
        return np.flatnonzero(sums[bottom, right] - sums[top, right] > sums[bottom, left] - sums[top, left])

    def nearest(self, dx: float, dy: float, faces: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """The nearest of ``faces`` at ``dx, dy`` (0 to 1) inside each wanted pixel, ``[P]``, -1 where there is none.

        Args:
            dx: to the right, pixels.
            dy: down, pixels.
            faces: numbers from ``touching(wanted)``.
            wanted: ``[H, W]`` bool, true in P pixels.
        """
        face, row, first, last = self._spans(dx, dy, faces, wanted)
        span, step = _counted(last - first + 1)
        across, down, offset = self._plane[face].T
        start = across * (first + dx) + down * (row + dy) + offset
        inverse = start[span] + across[span] * step
        place = (row * self._width + first)[span] + step
        buffer = np.zeros(self._height * self._width)
        np.maximum.at(buffer, place, inverse)
        front = inverse == buffer[place]
        found = np.full((self._height, self._width), -1)
        found.reshape(-1)[place[front]] = face[span[front]]
        return found[wanted]

    def _spans(
        self, dx: float, dy: float, faces: np.ndarray, wanted: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Face, row, first and last column of every run of samples inside a triangle, where it meets ``wanted``."""
        top = np.ceil(self._low[faces, 1] - dy).astype(int)
        bottom = np.floor(self._high[faces, 1] - dy).clip(max=self._height - 1).astype(int)
        owner, step = _counted(bottom - top + 1)
        face, row = faces[owner], top[owner] + step
        tilt, offset = self._sides[..., face]
        left_1, left_2, right_1, right_2 = tilt * (row + dy) + offset - dx
        first = np.ceil(np.maximum(left_1, left_2)).clip(0, self._width).astype(int)
        last = np.floor(np.minimum(right_1, right_2)).clip(-1, self._width - 1).astype(int)
        some = first <= last
        face, row, first, last = face[some], row[some], first[some], last[some]
        before = np.pad(wanted.cumsum(1, dtype=np.int32), ((0, 0), (1, 0)))
        some = before[row, last + 1] > before[row, first]
        return face[some], row[some], first[some], last[some]

    def numbers(self, face: np.ndarray) -> np.ndarray:
        """Which of the given triangles faces ``[P]`` of ``nearest`` are; -1 stays."""
        return np.where(face >= 0, self._numbers[face], -1) if len(self._numbers) else face

    def look_up(self, face: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Triangle ``[P]``, weights of its corners ``[P, 3]`` and depth ``[P]`` in metres of faces at pixels x, y."""
        at = np.stack([x, y, np.ones(len(x))], 1)
        weights = np.einsum("pck,pk->pc", self._shares[face], at) * self._inverse[face]
        inverse = weights.sum(1)
        return self._numbers[face], weights / inverse[:, None], 1 / inverse

    def interpolated(self, face: np.ndarray, x: np.ndarray, y: np.ndarray, values: np.ndarray) -> np.ndarray:
        """What corners' values ``[F, 3, D]`` of all triangles amount to at pixels x, y of faces ``[P]``: ``[P, D]``."""
        held = np.concatenate([values[self._numbers], np.ones((len(self._numbers), 3, 1))], 2)
        planes = np.einsum("fcd,fc,fck->fkd", held, self._inverse, self._shares)[face]
        sums = planes[:, 0] * x[:, None] + planes[:, 1] * y[:, None] + planes[:, 2]
        return sums[:, :-1] / sums[:, -1:]


def _sides(shares: np.ndarray) -> np.ndarray:
    """Columns as affine functions of the row, ``[2, 4, F]``: two that bound a triangle on its left, two on its right.

    A level edge bounds nothing here: rows end at the triangle's lowest and highest corner.
    """
    order = np.argsort(shares[..., 0], 1)
    across, down, offset = np.moveaxis(np.take_along_axis(shares, order[..., None], 1), 0, -1).swapaxes(0, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        right, middle, left = np.moveaxis(np.stack([-down / across, -offset / across]), 1, 0)
    return np.stack([left, np.where(across[1] > 0, middle, left), np.where(across[1] < 0, middle, right), right], 1)


def _counted(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For counts ``[N]``: the number of the count, and 0 … count - 1, each ``[sum]``."""
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
