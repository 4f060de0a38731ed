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
    mel = np.empty((F, MEL_BANDS), np.float32)
    for first, last in blocks(F):
        mel[first:last] = mel_energies(framed(samples, first, last, WINDOW))
    return relative_to(loudness(samples), mel)


def mel_energies(frames: np.ndarray) -> np.ndarray:
    """Energies ``[F, 80]`` of ``frames [F, 400]`` of a sound."""
    return (np.abs(np.fft.rfft(frames * _window(), FFT)) ** 2).astype(np.float32) @ _mel_bank()


def relative_to(level: float, mel: np.ndarray) -> np.ndarray:
    """Energies ``[F, 80]`` on a logarithmic scale, units of 20 dB, against speech of a loudness."""
    reference = max(level, QUIETEST) ** 2 * float((_window() ** 2).sum())
    decibels = 10 * np.log10(np.maximum(mel / reference, 10 ** (FLOOR_DB / 10)))
    return (decibels / 20).astype(np.float32)


def loudness(samples: np.ndarray) -> float:
    """Root mean square of the loud part of a sound, however much silence is around it."""
    return loudness_of(frame_levels(samples))


def loudness_of(levels: np.ndarray) -> float:
    """The same from the levels ``[F]`` of its frames."""
    heard = levels[levels >= 0.05 * np.quantile(levels, 0.995)]
    return float(np.quantile(heard, 0.9))


def frame_levels(samples: np.ndarray) -> np.ndarray:
    """Root mean square ``[F]`` f32 of the 25 ms around each feature frame."""
    F = num_feature_frames(len(samples))
    parts = [root_mean_square(framed(samples, first, last, WINDOW)) for first, last in blocks(F)]
    return np.concatenate(parts).astype(np.float32)


def root_mean_square(frames: np.ndarray) -> np.ndarray:
    """``[F]`` of ``frames [F, W]``."""
    return np.sqrt((frames**2).mean(1))


@lru_cache(maxsize=1)
def _window() -> np.ndarray:
    return np.hanning(WINDOW + 1)[:-1].astype(np.float32)


@lru_cache(maxsize=1)
def _mel_bank() -> np.ndarray:
    """Triangular mel filters ``[FFT / 2 + 1, 80]`` of equal area (Slaney's)."""
    import librosa

    return np.ascontiguousarray(librosa.filters.mel(sr=SAMPLE_RATE, n_fft=FFT, n_mels=MEL_BANDS).T)
