"""Temporal variance where the truth stands still; what stands still is told by motion, not by noise."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

WINDOW_SECONDS = 0.4
"""Length of the stretches that variance is taken over; they overlap by half."""
STILL = 1.0
"""Grey levels: a place stands still where the truth, averaged over SPREAD pixels, varies less over a stretch."""
SPREAD = 3
"""Pixels of the square average that tells motion from noise."""


@dataclass(frozen=True, kw_only=True)
class Steadiness:
    """Temporal variance over stretches of 0.4 s where the truth stands still, squared grey levels (0-255)."""

    truth: float
    """Mean variance of the truth there: camera noise and compression."""
    predicted: float
    """Mean variance of the prediction there."""
    ratio: float
    """Predicted over truth; 1 is as steady as the recording. NaN where nothing stood still."""
    pixels: int
    """Pixels, each counted once for each stretch in which it stood still."""


class SteadinessMeter:
    """Accumulates :class:`Steadiness` frame by frame in constant memory."""

    def __init__(self, fps: float) -> None:
        """``fps``: frames per second; stretches hold at least four frames."""
        self._length = max(4, round(WINDOW_SECONDS * fps))
        self._frames: deque[tuple[np.ndarray, np.ndarray, np.ndarray]] = deque(maxlen=self._length)
        self._taken = 0
        self._sums: np.ndarray | None = None

    def update(self, truth: np.ndarray, predicted: np.ndarray, region: np.ndarray) -> None:
        """Take the next frame: u8 ``[H, W, 3]`` twice, and the bool ``[H, W]`` pixels that may count."""
        self._frames.append((truth, predicted, region))
        self._taken += 1
        full = len(self._frames) == self._length
        if full and (self._taken - self._length) % (self._length // 2) == 0:
            self._measure()

    def cut(self) -> None:
        """The next frame does not follow the last one."""
        self._frames.clear()
        self._taken = 0

    def result(self) -> Steadiness:
        """What was seen so far."""
        truth, predicted, count = (0.0, 0.0, 0.0) if self._sums is None else self._sums.sum((1, 2))
        if count == 0:
            return Steadiness(truth=float("nan"), predicted=float("nan"), ratio=float("nan"), pixels=0)
        ratio = predicted / truth if truth > 0 else float("nan")
        return Steadiness(
            truth=float(truth / count), predicted=float(predicted / count), ratio=float(ratio), pixels=int(count)
        )

    def excess(self) -> np.ndarray | None:
        """Root of the mean excess variance of the prediction ``[H, W]`` f32, NaN where nothing stood still."""
        if self._sums is None:
            return None
        truth, predicted, count = self._sums
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.sqrt(np.maximum(predicted - truth, 0) / np.where(count > 0, count, np.nan)).astype(np.float32)

    def _measure(self) -> None:
        from scipy.ndimage import uniform_filter

        truth, predicted, region = (np.stack(part) for part in zip(*self._frames, strict=True))
        blurred = uniform_filter(truth.astype(np.float32), size=SPREAD, axes=(1, 2))
        still = region.all(0) & (blurred.std(0).max(-1) < STILL)
        variances = [x.astype(np.float32).var(0, ddof=1).mean(-1) * still for x in (truth, predicted)]
        step = np.stack([*variances, still]).astype(np.float64)
        self._sums = step if self._sums is None else self._sums + step
