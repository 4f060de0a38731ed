"""Steadiness: jitter of poses, flicker of pixels that should stand still, flicker of the silhouette."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError
from ..transforms import quat_conjugate, quat_multiply, quat_to_rotvec


@dataclass(frozen=True, kw_only=True)
class PoseJitter:
    """Root mean square of what neighbouring frames do not explain: each pose against the mean of its neighbours."""

    degrees: float
    """Rotation, degrees."""
    millimetres: float
    """Translation, millimetres."""


@dataclass(frozen=True, kw_only=True)
class Flicker:
    """Change from frame to frame where the truth stands still, in 8-bit grey levels (0 to 255)."""

    truth: float
    """Root mean square change of the truth there (its own noise)."""
    predicted: float
    """Root mean square change of the prediction there."""
    pixels: int
    """Pixel pairs that were compared."""


@dataclass(frozen=True, kw_only=True)
class SilhouetteFlicker:
    """Motion of the outline that the truth's outline does not share, pixels per frame."""

    pixels: float
    """Mean over frames of (changed area, prediction against truth) over the outline's length."""
    frames: int
    """Frame pairs that were compared."""


def pose_jitter(quats: Tensor, positions: Tensor) -> PoseJitter:
    """Jitter of a sequence of poses; slow motion counts for little, frame-to-frame shake for all of it.

    Args:
        quats: ``[T, 4]`` unit, wxyz.
        positions: ``[T, 3]`` metres.

    Raises:
        InputError: Fewer than three frames.
    """
    if len(quats) < 3 or len(quats) != len(positions):
        raise InputError(f"pose jitter needs at least 3 frames; {len(quats)} quats, {len(positions)} positions came.")
    quats, positions = quats.double(), positions.double()
    step_before = quat_to_rotvec(quat_multiply(quat_conjugate(quats[1:-1]), quats[:-2]))
    step_after = quat_to_rotvec(quat_multiply(quat_conjugate(quats[1:-1]), quats[2:]))
    turn = (step_before + step_after) / 2
    shift = positions[1:-1] - (positions[:-2] + positions[2:]) / 2
    return PoseJitter(
        degrees=float(torch.rad2deg(turn.square().sum(-1).mean().sqrt())),
        millimetres=float(shift.square().sum(-1).mean().sqrt() * 1000),
    )


class FlickerMeter:
    """Accumulates :class:`Flicker` frame by frame in constant memory."""

    def __init__(self, still: float = 2.0) -> None:
        """``still``: grey levels by which a pixel of the truth may change and still count as standing still."""
        self._still = still
        self._last: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
        self._truth = self._predicted = 0.0
        self._pixels = 0

    def update(self, truth: np.ndarray, predicted: np.ndarray, region: np.ndarray) -> None:
        """Take the next frame: u8 ``[H, W, 3]`` twice, and the bool ``[H, W]`` pixels that may count."""
        now = truth.astype(np.float32), predicted.astype(np.float32), region
        if self._last is not None:
            change = np.abs(now[0] - self._last[0]).max(-1)
            still = region & self._last[2] & (change <= self._still)
            self._truth += float(np.square(now[0] - self._last[0])[still].sum())
            self._predicted += float(np.square(now[1] - self._last[1])[still].sum())
            self._pixels += int(still.sum())
        self._last = now

    def cut(self) -> None:
        """The next frame does not follow the last one."""
        self._last = None

    def result(self) -> Flicker:
        """What was seen so far; NaN where no pixel stood still."""
        n = self._pixels * 3
        truth, predicted = (float(np.sqrt(x / n)) if n else float("nan") for x in (self._truth, self._predicted))
        return Flicker(truth=truth, predicted=predicted, pixels=self._pixels)


class SilhouetteMeter:
    """Accumulates :class:`SilhouetteFlicker` frame by frame in constant memory."""

    def __init__(self) -> None:
        self._last: tuple[np.ndarray, np.ndarray] | None = None
        self._sum = 0.0
        self._frames = 0

    def update(self, truth: np.ndarray, predicted: np.ndarray) -> None:
        """Take the next pair of silhouettes, bool ``[H, W]``."""
        if self._last is not None:
            excess = _signed_change(self._last[1], predicted) - _signed_change(self._last[0], truth)
            outline = max(_outline_length(truth), 1)
            self._sum += float(np.abs(excess).sum()) / outline
            self._frames += 1
        self._last = truth, predicted

    def cut(self) -> None:
        """The next frame does not follow the last one."""
        self._last = None

    def result(self) -> SilhouetteFlicker:
        """What was seen so far; NaN before the second frame."""
        mean = self._sum / self._frames if self._frames else float("nan")
        return SilhouetteFlicker(pixels=mean, frames=self._frames)


def _signed_change(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return after.astype(np.int8) - before.astype(np.int8)


def _outline_length(mask: np.ndarray) -> int:
    inner = mask.copy()
    inner[1:] &= mask[:-1]
    inner[:-1] &= mask[1:]
    inner[:, 1:] &= mask[:, :-1]
    inner[:, :-1] &= mask[:, 1:]
    return int((mask & ~inner).sum())
