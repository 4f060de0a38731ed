"""Extended short-time objective intelligibility of speech (Jensen & Taal 2016)."""

from __future__ import annotations

import numpy as np
from scipy.signal import resample_poly

from ..conventions import SAMPLE_RATE

RATE, WINDOW, HOP, FFT = 10_000, 256, 128, 512
"""Hz, and samples at that rate."""
BANDS, LOWEST = 15, 150.0
"""Third octaves, and the middle of the first in Hz."""
FRAMES = 30
"""Of a segment, 384 ms."""
RANGE_DB = 40.0
"""Below the loudest frame, from which on the true speech counts as silent."""


def estoi(said: np.ndarray, true: np.ndarray) -> float:
    """How well ``said [S]`` can be understood as ``true [S]``, about 0 to 1; NaN where less than 384 ms are spoken.

    Args:
        said: mono f32, 16 kHz.
        true: the speech as it was, in step with it and as long.
    """
    hann = np.hanning(WINDOW + 2)[1:-1]
    sounds = [resample_poly(sound.astype(np.float64), RATE, SAMPLE_RATE) for sound in (true, said)]
    frames = [np.lib.stride_tricks.sliding_window_view(s, WINDOW)[::HOP] * hann for s in sounds if len(s) >= WINDOW]
    if len(frames) < 2:
        return float("nan")
    level = 20 * np.log10(np.linalg.norm(frames[0], axis=1) + 1e-12)
    heard = level > level.max() - RANGE_DB
    clean, noisy = (_third_octaves(part[heard]) for part in frames)
    if len(clean) < FRAMES:
        return float("nan")
    segments = (np.lib.stride_tricks.sliding_window_view(x, FRAMES, axis=0) for x in (clean, noisy))
    a, b = (_normalised(_normalised(x, 2), 1) for x in segments)
    return float((a * b).sum((1, 2)).mean() / FRAMES)


def _third_octaves(frames: np.ndarray) -> np.ndarray:
    """Amplitudes ``[F, BANDS]``."""
    power = np.abs(np.fft.rfft(frames, FFT)) ** 2
    hz = np.arange(FFT // 2 + 1) * RATE / FFT
    middles = LOWEST * 2 ** (np.arange(BANDS) / 3)
    edges = [np.abs(hz[:, None] - middles * 2 ** (side / 6)).argmin(0) for side in (-1, 1)]
    inside = (np.arange(len(hz))[:, None] >= edges[0]) & (np.arange(len(hz))[:, None] < edges[1])
    return np.sqrt(power @ inside)


def _normalised(segments: np.ndarray, axis: int) -> np.ndarray:
    away = segments - segments.mean(axis, keepdims=True)
    return away / (np.linalg.norm(away, axis=axis, keepdims=True) + 1e-12)
