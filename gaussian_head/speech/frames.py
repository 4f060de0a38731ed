"""The clock of every speech feature: 100 frames a second, frame ``i`` centred on ``i / 100`` s of the sound."""

from __future__ import annotations

import numpy as np

from ..checks import InputError
from ..conventions import SAMPLE_RATE as SAMPLE_RATE

FEATURE_RATE = 100.0
"""Feature frames per second."""

HOP = 160
"""Samples between two feature frames."""

BLOCK_FRAMES = 2000
"""Frames worked on at once (20 s), so that memory does not grow with the length of the sound."""


LOUDEST = 16.0
"""Largest sample of a sound in [-1, 1], with room for what was mixed or filtered; beyond it are counts of integers."""


def checked_sound(samples: np.ndarray) -> np.ndarray:
    """``samples`` as ``[S]`` f32.

    Raises:
        InputError: not one-dimensional floats, empty, not finite, or on the scale of integers.
    """
    samples = np.asarray(samples)
    if samples.ndim != 1 or not np.issubdtype(samples.dtype, np.floating):
        raise InputError(
            f"the sound has shape {samples.shape} and type {samples.dtype}; mono floats [S] in [-1, 1] at "
            f"{SAMPLE_RATE} Hz were wanted; read the file with gaussian_head.media.read_audio."
        )
    if samples.size == 0:
        raise InputError("the sound holds no samples; give a file with at least one moment of sound.")
    if not np.isfinite(samples).all():
        raise InputError("the sound holds NaN or infinity; repair it with numpy.nan_to_num.")
    peak = max(float(samples.max()), -float(samples.min()))
    if peak > LOUDEST:
        raise InputError(
            f"the sound reaches {peak:.6g}; floats in [-1, 1] were wanted. Samples counted in 16 bits are divided by "
            "32768; gaussian_head.media.read_audio reads a file of any kind."
        )
    return samples.astype(np.float32, copy=False)


def num_feature_frames(num_samples: int) -> int:
    """Feature frames of a sound of ``num_samples`` samples: one for each begun hop."""
    return max(-(-num_samples // HOP), 1)


def framed(samples: np.ndarray, first: int, last: int, width: int) -> np.ndarray:
    """Windows ``[last - first, width]`` of samples around frames ``first``..``last - 1``; zeros beyond the ends."""
    start = first * HOP - width // 2
    stop = (last - 1) * HOP - width // 2 + width
    inside = samples[max(start, 0) : max(stop, 0)]
    block = np.pad(inside, (max(-start, 0), stop - max(start, 0) - len(inside)))
    return np.lib.stride_tricks.sliding_window_view(block, width)[::HOP]


def blocks(num_frames: int, most: int = BLOCK_FRAMES) -> list[tuple[int, int]]:
    """Frame ranges (first, last) of at most ``most`` that cover ``num_frames``."""
    return [(first, min(first + most, num_frames)) for first in range(0, num_frames, most)]
