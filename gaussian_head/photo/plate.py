"""What stood behind the person, filled in where the person hid it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import binary_dilation

if TYPE_CHECKING:
    from .view import PhotoView

NOT_YET = 10
"""Matte up to which a pixel is the background alone."""
CLEAR = 3
"""Pixels beside the person that are not trusted, next to 512."""
LEVELS = 9


def plate_of(view: PhotoView) -> np.ndarray:
    """The background ``[S, S, 3]`` f32 in [0, 1] of a photograph."""
    return filled(view.image, view.alpha)


def filled(picture: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """What stands behind the person: colours pulled together coarser and coarser, and pushed back.

    Source: Gortler et al., "The lumigraph" (1996).

    Args:
        picture: ``[S, S, 3]`` u8.
        alpha: ``[S, S]`` u8 matte of the person.
    """
    size = len(picture)
    known = ~np.asarray(binary_dilation(alpha > NOT_YET, iterations=max(1, CLEAR * size // 512)), bool)
    image = picture.astype(np.float32) / 255
    if known.mean() < 0.002:
        known = alpha < 128
    if not known.any():
        return np.full_like(image, float(image.mean()))
    return np.where(known[..., None], image, _pushed(image, known.astype(np.float32)))


def _pushed(image: np.ndarray, weight: np.ndarray) -> np.ndarray:
    import cv2

    stack, colours = [], image * weight[..., None]
    for _ in range(LEVELS):
        stack.append((colours, weight))
        small = max(colours.shape[1] // 2, 1), max(colours.shape[0] // 2, 1)
        colours, weight = (cv2.resize(v, small, interpolation=cv2.INTER_AREA) for v in (colours, weight))
    filled = colours / np.maximum(weight, 1e-6)[..., None]
    for colours, weight in reversed(stack):
        filled = cv2.resize(filled, colours.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        filled = cv2.GaussianBlur(filled, (0, 0), 1.0)
        share = weight.clip(0, 1)[..., None]
        filled = share * colours / np.maximum(weight, 1e-6)[..., None] + (1 - share) * filled
    return filled
