"""Where a sound is quiet, by its loudness alone."""

from __future__ import annotations

import numpy as np

from .conventions import SAMPLE_RATE

AROUND_SECONDS = 0.1
"""Before and after a frame, in which it must be quiet too."""
QUIET_DB = -25.0
"""Beside the loud parts, the 95th percentile of all frames."""


def silent_frames(samples: np.ndarray, fps: float, num_frames: int, *, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """``[T]`` bool: the sound within 0.1 s either side of the frame is 25 dB below the loud parts of the clip."""
    level = frame_loudness(samples, fps, num_frames, sample_rate=sample_rate)
    reach = max(1, round(AROUND_SECONDS * fps))
    padded = np.pad(level, reach, mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(1)
    return around < np.percentile(level, 95) * 10 ** (QUIET_DB / 20) if num_frames else np.zeros(0, bool)


def frame_loudness(samples: np.ndarray, fps: float, num_frames: int, *, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Root mean square of the sound of each frame, ``[T]``; 0 beyond its end."""
    edges = np.round(np.arange(num_frames + 1) * sample_rate / fps).astype(int).clip(0, len(samples))
    sums = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=float))])
    return np.sqrt((sums[edges[1:]] - sums[edges[:-1]]) / np.maximum(edges[1:] - edges[:-1], 1))
