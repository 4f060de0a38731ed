"""Loose hair that a matte takes for a body: what stands beside a neck and lets the background through is nobody's."""

from __future__ import annotations

import numpy as np

from ..conventions import BACKGROUND, HAIR, TORSO
from .plate import filled

SHINES = 0.13
"""Difference in colour from the background behind it up to which a pixel is that background."""
OPEN = 0.2
"""Share of a piece that has to be background for it to be none of the person's."""
LEAST = 0.0005
"""Share of the square below which a piece is left alone."""


def without_wisps(
    image: np.ndarray, alpha: np.ndarray, labels: np.ndarray, hair: np.ndarray, nose: float, chin: float
) -> tuple[np.ndarray, np.ndarray]:
    """Matte ``[S, S]`` u8 and labels ``[S, S]`` u8 without pieces above the chin through which the background is seen.

    A collar or a hood stays: it is closed. What is labelled hair is looked at below the ears alone.

    Args:
        image: ``[S, S, 3]`` u8.
        alpha: ``[S, S]`` u8 matte.
        labels: ``[S, S]`` u8 part labels.
        hair: ``[S, S]`` bool, which is left alone.
        nose: row of the nose's base, below which no ear reaches far, pixels.
        chin: row of the chin's tip, pixels.
    """
    import cv2

    rows = np.arange(len(alpha))[:, None]
    loose = (labels == TORSO) | ((labels == HAIR) & (rows > nose))
    beside = loose & (alpha > 0) & ~hair & (rows < chin)
    if beside.mean() < LEAST:
        return alpha, labels
    shown = np.abs(image / 255 - filled(image, alpha)).max(-1) < SHINES
    pieces = np.asarray(cv2.connectedComponents(beside.astype(np.uint8), connectivity=4)[1], np.int64)
    area, seen = np.bincount(pieces.ravel()), np.bincount(pieces.ravel(), (shown & beside).ravel())
    gone = (seen > OPEN * area) & (area > LEAST * alpha.size)
    gone[0] = False
    where = gone[pieces]
    return np.where(where, 0, alpha).astype(np.uint8), np.where(where, BACKGROUND, labels).astype(np.uint8)
