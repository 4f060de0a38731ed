"""The pixels on which a prediction is scored, from the truth's part labels."""

from __future__ import annotations

import numpy as np

from ..conventions import FACE, HEAD_LABELS, MOUTH
from .lips import LIPS

FACE_LABELS = (FACE, MOUTH)

REGIONS = {
    "full": "every pixel of the frame.",
    "head_composited": (
        "every pixel, after the prediction's pixels outside the head (hair, ears, face, mouth in the truth) are "
        "replaced by the truth. Papers that paste a head over the recorded torso and background report this; it "
        "flatters, because most pixels are copied."
    ),
    "head": "the head's pixels only: hair, ears, face and mouth interior in the truth's labels.",
    "face": "face skin and mouth interior in the truth's labels.",
    "mouth": "the box around the true lips, a quarter of its width wider on every side.",
}
"""Names of the regions and what they hold."""


def region_masks(labels: np.ndarray, landmarks: np.ndarray | None = None) -> dict[str, np.ndarray | None]:
    """Masks ``[H, W]`` bool by region name; None where the frame has no such pixels.

    Args:
        labels: u8 ``[H, W]`` part labels of the truth (capture format).
        landmarks: ``[478, 2]`` pixels of the true face, for the mouth box; without them (or where they are NaN) the
            box of the mouth interior is taken.
    """
    everything = np.ones(labels.shape, bool)
    masks: dict[str, np.ndarray | None] = {"full": everything, "head_composited": everything}
    masks["head"] = np.isin(labels, HEAD_LABELS)
    masks["face"] = np.isin(labels, FACE_LABELS)
    masks["mouth"] = _mouth_box(labels, landmarks)
    return {name: mask if mask is not None and mask.any() else None for name, mask in masks.items()}


def composited(truth: np.ndarray, predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The prediction ``[H, W, 3]`` with every pixel outside the true head replaced by the truth."""
    return np.where(np.isin(labels, HEAD_LABELS)[..., None], predicted, truth)


def _mouth_box(labels: np.ndarray, landmarks: np.ndarray | None) -> np.ndarray | None:
    points = None if landmarks is None else landmarks[list(LIPS)]
    if points is None or not np.isfinite(points).all():
        rows, columns = np.nonzero(labels == MOUTH)
        if not len(rows):
            return None
        points = np.stack([columns, rows], 1).astype(float)
    (left, top), (right, bottom) = points.min(0), points.max(0)
    margin = 0.25 * (right - left)
    mask = np.zeros(labels.shape, bool)
    x0, y0 = (max(0, int(v - margin)) for v in (left, top))
    mask[y0 : int(bottom + margin) + 1, x0 : int(right + margin) + 1] = True
    return mask
