"""Log-mel energies: the speech feature that needs no trained weights."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .frames import SAMPLE_RATE, blocks, checked_sound, framed, num_feature_frames

MEL_BANDS = 80
WINDOW = 400
"""Samples in a window (25 ms)."""
FFT = 512
QUIETEST = 1e-5
"""Loudness (rms of a full-scale signal is 1) below which a sound is not amplified any further."""
FLOOR_DB = -80.0
"""Energies this far below the reference are taken for silence."""


def log_mel(samples: np.ndarray) -> np.ndarray:
    """Log-mel energies of a sound, relative to how loud its speech is.

    Args:
        samples: ``[S]`` mono f32 in [-1, 1] at 16 kHz.

    Returns:
        ``[F, 80]`` f32 at 100 Hz in units of 20 dB, about 0 for loud speech and -4 for silence; a
        recording and its amplified copy give the same values.
    """
    samples = checked_sound(samples)
    F = num_feature_frames(len(samples))
    bank = _mel_bank()
    window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    mel = np.empty((F, MEL_BANDS), np.float32)
    for first, last in blocks(F):
        spectrum = np.fft.rfft(framed(samples, first, last, WINDOW) * window, FFT)
        mel[first:last] = (np.abs(spectrum) ** 2).astype(np.float32) @ bank
    reference = max(loudness(samples), QUIETEST) ** 2 * float((window**2).sum())
    decibels = 10 * np.log10(np.maximum(mel / reference, 10 ** (FLOOR_DB / 10)))
    return (decibels / 20).astype(np.float32)


def loudness(samples: np.ndarray) -> float:
    """Root mean square of the loud part of a sound, however much silence is around it."""
    levels = frame_levels(samples)
    heard = levels[levels >= 0.05 * np.quantile(levels, 0.995)]
    return float(np.quantile(heard, 0.9))


def frame_levels(samples: np.ndarray) -> np.ndarray:
    """Root mean square ``[F]`` f32 of the 25 ms around each feature frame."""
    F = num_feature_frames(len(samples))
    parts = [np.sqrt((framed(samples, first, last, WINDOW) ** 2).mean(1)) for first, last in blocks(F)]
    return np.concatenate(parts).astype(np.float32)


@lru_cache(maxsize=1)
def _mel_bank() -> np.ndarray:
    """Triangular mel filters ``[FFT / 2 + 1, 80]`` of equal area (Slaney's)."""
    import librosa

    return np.ascontiguousarray(librosa.filters.mel(sr=SAMPLE_RATE, n_fft=FFT, n_mels=MEL_BANDS).T)
