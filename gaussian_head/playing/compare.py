"""Two pictures in one: side by side, split by a line, or their difference."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

MODES = ("side", "wipe", "difference")
"""How two pictures are held against each other."""
RECORDED = "Recorded frame"
"""Name of the footage among the things to compare with."""
GAIN = 4
"""Factor on differences, so that they are seen."""


@dataclass(frozen=True, kw_only=True)
class Versus:
    """What to compare with, and how."""

    mode: str
    """One of MODES."""
    other: str
    """RECORDED or the name of another head."""
    split: float = 0.5
    """Where the wipe's line is, in [0, 1] of the width of all that is shown."""


def combined(left: np.ndarray, right: np.ndarray, mode: str, split: float = 0.5) -> np.ndarray:
    """Two pictures ``[H, W, 3]`` uint8 as one, twice as wide for ``side``."""
    if left.shape != right.shape:
        raise ValueError(f"pictures of {left.shape} and {right.shape} cannot be compared; they must be as large.")
    if mode == "side":
        return np.concatenate([left, right], axis=1)
    if mode == "wipe":
        column = round(min(max(split, 0.0), 1.0) * left.shape[1])
        return np.concatenate([left[:, :column], right[:, column:]], axis=1)
    if mode == "difference":
        return np.clip(GAIN * np.abs(left.astype(np.int16) - right), 0, 255).astype(np.uint8)
    raise ValueError(f"mode {mode!r} is unknown; choose among {MODES}.")


def canvas_size(width: int, height: int, aspect: float) -> tuple[int, int]:
    """Width and height of the smallest canvas of another shape that holds a picture."""
    aspect = min(max(aspect, 0.25), 4.0)
    return max(width, round(height * aspect)), max(height, round(width / aspect))


def across(split: float, width: int, wide: int) -> float:
    """Where a line at ``split`` of a canvas's width crosses a picture centred on it, in [0, 1] of the picture's."""
    return min(max((split - 0.5) * wide / width + 0.5, 0.0), 1.0)


def fitted(image: np.ndarray, aspect: float, color: tuple[float, float, float]) -> np.ndarray:
    """A picture on a canvas of another shape, centred, in its own size."""
    height, width = image.shape[:2]
    wide, tall = canvas_size(width, height, aspect)
    canvas = np.empty((tall, wide, 3), np.uint8)
    canvas[:] = np.round(255 * np.array(color)).astype(np.uint8)
    left, top = (wide - width) // 2, (tall - height) // 2
    canvas[top : top + height, left : left + width] = image
    return canvas


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Likeness of two uint8 pictures in decibels; infinite where they are equal."""
    error = np.mean((a.astype(np.float64) - b) ** 2)
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)
