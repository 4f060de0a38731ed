"""The sound of a video being written, sent in step with its pictures."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from ..checks import InputError
from .formats import VideoFormat

BLOCK = 1024
"""Samples encoded at once: an aac block."""
CHECKED = 1 << 20


class SoundTrack:
    """Encodes mono samples up to the moment the pictures have reached; never holds a copy of them all."""

    def __init__(self, container: Any, form: VideoFormat, samples: np.ndarray, sample_rate: int) -> None:
        """Add the track to an open output ``container``; ``samples`` are ``[S]`` floats that passed ``check_sound``."""
        rates = form.sample_rates
        rate = sample_rate if not rates or sample_rate in rates else rates[0]
        self._container = container
        self._samples = samples
        self._sample_rate = sample_rate
        self._sent = 0
        self._stream = container.add_stream(form.sound, rate=rate, layout="mono")
        if not form.sound.startswith("pcm"):
            self._stream.bit_rate = 128_000 if sample_rate > 24_000 else 96_000

    def send(self, seconds: Fraction, *, last: bool = False) -> None:
        """Encode up to ``seconds``, silence beyond the samples' end; whole blocks until the ``last`` call."""
        import av

        until = round(seconds * self._sample_rate)
        if not last:
            until -= until % BLOCK
        while self._sent < until:
            stop = min(self._sent + BLOCK, until)
            block = np.asarray(self._samples[self._sent : stop], np.float32)
            block = np.pad(block, (0, stop - self._sent - len(block)))
            frame = av.AudioFrame.from_ndarray(block[None], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = self._sample_rate, self._sent
            frame.time_base = Fraction(1, self._sample_rate)
            self._container.mux(self._stream.encode(frame))
            self._sent = stop
        if last:
            self._container.mux(self._stream.encode(None))


def check_sound(samples: np.ndarray) -> np.ndarray:
    """``samples`` as they are, or InputError where they are no finite mono signal; made for sounds too long to copy."""
    samples = np.asanyarray(samples)
    if samples.ndim != 1 or not np.issubdtype(samples.dtype, np.floating):
        raise InputError(f"samples have shape {samples.shape}, type {samples.dtype}; mono floats [S] were wanted.")
    if not all(np.isfinite(samples[i : i + CHECKED]).all() for i in range(0, len(samples), CHECKED)):
        raise InputError("samples hold NaN or infinity; finite ones were wanted.")
    return samples
