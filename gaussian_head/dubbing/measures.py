"""Whether a dub shows: gradients across its seam, sharpness in it, flicker; each beside the recording's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RING = 0.12
"""Face widths around a dub in which sharpness is compared."""
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True, kw_only=True)
class Looks:
    """How a dubbed stretch looks; every ratio is 1 for the recording itself. NaN where nothing was measured."""

    seam: float
    """Mean gradient across the seam, dubbed over recorded."""
    flicker: float
    """Mean change of the change from picture to picture where the picture is new, dubbed over recorded."""
    sharpness: float
    """Mean squared Laplacian where the picture is new, dubbed over recorded."""
    skin_sharpness: float
    """The same where skin was and is: teeth that come or go with the words tell nothing."""
    sharpness_to_ring: float
    """Mean squared Laplacian where the picture is new over that of the skin around it, dubbed."""
    recorded_to_ring: float
    """The same of the recording."""


class LooksMeter:
    """Accumulates :class:`Looks` picture by picture in constant memory."""

    def __init__(self) -> None:
        self._sums = np.zeros((9, 2))
        self._skin = np.zeros(2)
        self._before: list[tuple[np.ndarray, np.ndarray, np.ndarray, tuple[int, int]]] = []

    def update(
        self,
        recorded: np.ndarray,
        dubbed: np.ndarray,
        mask: np.ndarray,
        corner: tuple[int, int],
        skin: np.ndarray | None = None,
    ) -> float:
        """Take the next picture.

        Args:
            recorded: ``[H, W, 3]`` u8, the box that was worked on.
            dubbed: the same, dubbed.
            mask: ``[H, W]`` in [0, 1].
            corner: left and top edge of the box in the whole picture.
            skin: ``[H, W]`` bool, skin in both; None where that is not known.

        Returns:
            How far its seam alone is from the recording's: the logarithm of their ratio, 0 where there is none.
        """
        import cv2

        pictures = [picture.astype(np.float32) @ LUMA for picture in (recorded, dubbed)]
        seam = [across(picture, mask) for picture in pictures]
        energy = [laplacian_energy(picture, mask > 0.5) for picture in pictures]
        ring = laplacian_energy(pictures[0], ring_of(mask))
        for row, (a, b) in enumerate((seam, energy, (ring, ring))):
            self._sums[row] += (a[0], b[0])
            self._sums[row + 3] += (a[1], b[1])
        if skin is not None:
            inner = cv2.erode(((mask > 0.5) & skin).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
            self._skin += [laplacian_energy(picture, inner)[0] for picture in pictures]
        self._flicker(pictures, mask, corner)
        (a, n), (b, _) = seam
        return float(abs(np.log((b + 1) / (a + 1)))) if n else 0.0

    def result(self) -> Looks:
        """What was seen so far."""
        total, count = self._sums[:3], self._sums[3:6]
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(count > 0, total / count, np.nan)
            flicker = self._sums[6, 1] / self._sums[6, 0]
            ratios = mean[:, 1] / mean[:, 0]
            to_ring = mean[1] / mean[2]
            skin = self._skin[1] / self._skin[0]
        return Looks(
            seam=float(ratios[0]),
            flicker=float(flicker),
            sharpness=float(ratios[1]),
            skin_sharpness=float(skin),
            sharpness_to_ring=float(to_ring[1]),
            recorded_to_ring=float(to_ring[0]),
        )

    def cut(self) -> None:
        """The next picture follows none."""
        self._before.clear()

    def _flicker(self, pictures: list[np.ndarray], mask: np.ndarray, corner: tuple[int, int]) -> None:
        self._before.append((pictures[0], pictures[1], mask > 0.5, corner))
        if len(self._before) < 3:
            return
        parts = _aligned(self._before)
        if parts is not None:
            recorded, dubbed, inside = parts
            new = inside.all(0)
            for column, stack in enumerate((recorded, dubbed)):
                self._sums[6, column] += float(np.abs(stack[0] - 2 * stack[1] + stack[2])[new].sum())
        self._before.pop(0)


def across(picture: np.ndarray, mask: np.ndarray) -> tuple[float, int]:
    """Sum of the gradient across the rim of ``mask`` of a grey ``picture [H, W]``, and how many pixels that is."""
    rim_y, rim_x = np.gradient(mask.astype(np.float32))
    steep = np.hypot(rim_y, rim_x)
    rim = (steep > 0.02) & (mask > 0)
    y, x = np.gradient(picture)
    slope = np.abs(x * rim_x + y * rim_y) / np.maximum(steep, 1e-6)
    return float(slope[rim].sum()), int(rim.sum())


def laplacian_energy(picture: np.ndarray, where: np.ndarray) -> tuple[float, int]:
    """Sum of the squared Laplacian of a grey ``picture [H, W]`` over ``where``, and how many pixels that is."""
    import cv2

    return float(np.square(cv2.Laplacian(picture, cv2.CV_32F))[where].sum()), int(where.sum())


def ring_of(mask: np.ndarray) -> np.ndarray:
    """Pixels ``[H, W]`` just above and beside the mask, where skin is: below it are collars."""
    import cv2

    reach = max(round(RING * mask.shape[1]), 2)
    near = cv2.dilate((mask > 0).astype(np.uint8), np.ones((2 * reach + 1, 1), np.uint8)) > 0
    rows = np.flatnonzero((mask > 0.5).any(1))
    middle = rows.mean() if len(rows) else 0
    return near & (mask == 0) & (np.arange(len(mask)) < middle)[:, None]


def _aligned(frames: list) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Three boxes cut to what they have in common: recorded, dubbed ``[3, h, w]`` and inside."""
    x0 = max(corner[0] for *_, corner in frames)
    y0 = max(corner[1] for *_, corner in frames)
    x1 = min(corner[0] + picture.shape[1] for picture, *_, corner in frames)
    y1 = min(corner[1] + picture.shape[0] for picture, *_, corner in frames)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return None
    stacks = []
    for k in range(3):
        cut = [f[k][y0 - f[3][1] : y1 - f[3][1], x0 - f[3][0] : x1 - f[3][0]] for f in frames]
        stacks.append(np.stack(cut))
    return stacks[0], stacks[1], stacks[2]
