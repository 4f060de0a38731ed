"""Faces and mouths cut out of pictures the way the nets that judge them were taught."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..checks import InputError

SYNCNET_SIZE, SYNCNET_MARGIN = 224, 0.4
"""Pixels of SyncNet's faces; room around them, as a share of half the face's larger side."""
MOUTH_SIZE, MOUTH_SHARE = 96, 1.25
"""Pixels of a lip reader's mouths; their side over the distance of the outer eye corners."""
EYES, CORNERS, LIPS = (33, 263), (61, 291), (13, 14)
"""Landmarks: outer eye corners, corners of the mouth, inner lips."""


def faces(frames: Iterable[np.ndarray], landmarks: np.ndarray) -> np.ndarray:
    """Square faces, as SyncNet's own pipeline cuts them: the box of the face, a margin, more of it below.

    Args:
        frames: T pictures u8 ``[H, W, 3]`` RGB.
        landmarks: ``[T, 478, 2]`` pixels.

    Returns:
        ``[T, 224, 224, 3]`` u8 RGB.
    """
    points = _complete(landmarks)
    low, high = points.min(1), points.max(1)
    half = np.median((high - low).max(1)) / 2
    centre = _steady((low + high) / 2)
    boxes = np.concatenate([centre - [[half, half]], centre + [[half, half]]], 1)
    boxes += half * SYNCNET_MARGIN * np.array([[-1, 0, 1, 2]])
    return np.stack([_cut(frame, box, SYNCNET_SIZE) for frame, box in zip(frames, boxes, strict=True)])


def mouths(frames: Iterable[np.ndarray], landmarks: np.ndarray) -> np.ndarray:
    """Upright grey mouths.

    Args:
        frames: T pictures u8 ``[H, W, 3]`` RGB.
        landmarks: ``[T, 478, 2]`` pixels.

    Returns:
        ``[T, 96, 96]`` u8.
    """
    import cv2

    points = _complete(landmarks)
    eyes = points[:, EYES[1]] - points[:, EYES[0]]
    side = MOUTH_SHARE * np.median(np.linalg.norm(eyes, axis=1))
    centre = _steady(points[:, [*CORNERS, *LIPS]].mean(1))
    cut = []
    for frame, middle, along in zip(frames, centre, _steady(eyes), strict=True):
        turned = cv2.getRotationMatrix2D(
            tuple(middle), float(np.degrees(np.arctan2(along[1], along[0]))), MOUTH_SIZE / side
        )
        turned[:, 2] += MOUTH_SIZE / 2 - middle
        cut.append(cv2.warpAffine(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), turned, (MOUTH_SIZE, MOUTH_SIZE)))
    return np.stack(cut)


def _complete(landmarks: np.ndarray) -> np.ndarray:
    """``landmarks`` with pictures that have no face as the nearest one that has; InputError where none has."""
    found = np.flatnonzero(np.isfinite(landmarks).all((1, 2)))
    if not len(found):
        raise InputError("no face was found in any picture; there are no lips to judge.")
    nearest = found[np.abs(np.arange(len(landmarks))[:, None] - found).argmin(1)]
    return np.asarray(landmarks, np.float64)[nearest]


def _steady(values: np.ndarray) -> np.ndarray:
    """Median ``[T, 2]`` over 13 pictures, so that boxes do not shake."""
    from scipy.ndimage import median_filter

    return median_filter(values, (13, 1), mode="nearest")


def _cut(frame: np.ndarray, box: np.ndarray, size: int) -> np.ndarray:
    """A box (left, top, right, bottom) as a square picture, grey beyond the frame."""
    import cv2

    left, top, right, bottom = box
    scale = np.array([[size / (right - left), 0, 0], [0, size / (bottom - top), 0]])
    scale[:, 2] = -scale[:, :2] @ [left, top]
    return cv2.warpAffine(frame, scale, (size, size), borderMode=cv2.BORDER_CONSTANT, borderValue=(110, 110, 110))
