"""A sound at another tempo, laid from overlapping pieces of itself: nothing is taken apart and made again.

Source: Verhelst & Roelands, "An overlap-add technique based on waveform similarity (WSOLA)" (1993).
"""

from __future__ import annotations

import numpy as np

from ..conventions import SAMPLE_RATE

PIECE, STEP, REACH = 480, 80, 120
"""Samples of a piece, from one to the next, and how far one may be moved so that it goes on as the last one does."""
NEARER = 0.02
"""Share of the likeness that a piece loses that is moved as far as it may."""


def spliced(samples: np.ndarray, moments: np.ndarray, rate: float) -> np.ndarray:
    """What is heard at ``moments`` of a sound, one after the other.

    Args:
        samples: ``[S]`` f32 mono, 16 kHz.
        moments: ``[F]`` seconds of it, ``rate`` of them a second; below 0 nothing is heard.
        rate: Hz.

    Returns:
        ``[F / rate SAMPLE_RATE]`` f32.
    """
    length, margin = round(len(moments) / rate * SAMPLE_RATE), PIECE + REACH
    sound = np.pad(samples.astype(np.float64), (margin, 2 * margin))
    window = np.hanning(PIECE + 2)[1:-1]
    out, weight = np.zeros(length + PIECE), np.zeros(length + PIECE)
    last: int | None = None
    for at in range(0, length, STEP):
        moment = moments[min(round((at + PIECE / 2) / SAMPLE_RATE * rate), len(moments) - 1)]
        weight[at : at + PIECE] += window
        if moment < 0:
            last = None
            continue
        first = int(np.clip(moment * SAMPLE_RATE - PIECE / 2 + margin, REACH, len(sound) - 2 * PIECE - REACH))
        if last is not None:
            first += _alike(sound[last + STEP :][:PIECE], sound[first - REACH : first + REACH + PIECE]) - REACH
        out[at : at + PIECE] += sound[first : first + PIECE] * window
        last = first
    return (out / np.maximum(weight, 0.1))[:length].astype(np.float32)


def _alike(piece: np.ndarray, around: np.ndarray) -> int:
    """Where in ``around [A]`` a stretch is most like ``piece [P]``, the nearest to its middle of equals."""
    size = np.sqrt(np.convolve(around * around, np.ones(len(piece)), "valid"))
    near = 1 - NEARER * np.abs(np.linspace(-1, 1, len(size)))
    return int((near * np.correlate(around, piece, "valid") / (size + 1e-6)).argmax())
