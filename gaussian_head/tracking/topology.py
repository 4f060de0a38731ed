"""Regions of the 478 landmarks that expression leaves still, and that channels move."""

from __future__ import annotations

import numpy as np

from ..facenet import NUM_MESH
from ..facenet.contours import LEFT_EYE, LIPS, RIGHT_EYE
from ..smoothing import smoothstep

RIGID = (168, 6, 197, 195, 5, 33, 133, 362, 263, 10, 151, 108, 337, 69, 299, 104, 333, 67, 297, 103, 332,
         54, 284, 21, 251, 162, 389, 127, 356, 234, 454, 93, 323, 143, 372, 116, 345, 122, 351, 193, 417)  # fmt: skip
"""Landmarks that hardly move with expression: bridge of the nose, eye corners, forehead, temples."""


def _between(x: np.ndarray, low: float, high: float) -> np.ndarray:
    return smoothstep(np.clip((x - low) / (high - low), 0, 1))


def channel_support(shape: np.ndarray, channels: tuple[str, ...]) -> np.ndarray:
    """How far each channel may move each landmark, ``[K, L]`` in [0, 1].

    Args:
        shape: ``[L, 3]`` neutral face, any unit, +x to the picture's right and +y down.
        channels: K channel names.
    """
    eyes = {"r": shape[list(RIGHT_EYE)].mean(0), "l": shape[list(LEFT_EYE)].mean(0)}
    eye_width = np.linalg.norm(shape[33] - shape[133])
    eye_line = (eyes["r"][1] + eyes["l"][1]) / 2
    down = (shape[:, 1] - eye_line) / (shape[list(LIPS), 1].mean() - eye_line)
    near = {
        side: _between(np.linalg.norm((shape - at)[:, :2] * [1, 1.2], axis=1) / eye_width, 1.5, 0.75)
        for side, at in eyes.items()
    }
    is_iris = np.arange(len(shape)) >= NUM_MESH
    lower = _between(down, 0.12, 0.5) * ~is_iris
    upper = _between(down, 0.75, 0.4) * ~is_iris
    brow = _between(down, 0.1, -0.15) * ~is_iris
    gaze = np.maximum(np.maximum(near["r"], near["l"]), is_iris)
    named = {"blink_l": near["l"] * ~is_iris, "blink_r": near["r"] * ~is_iris, "brow_up": brow}
    named |= {"gaze_x": gaze, "gaze_y": gaze}
    rows = [named.get(name, upper if name.startswith("face_") else lower) for name in channels]
    return np.stack(rows).astype(np.float64)
