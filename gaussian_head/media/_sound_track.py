"""The sound of a video being written, sent in step with its pictures."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from ..checks import InputError
from ._mixing import LAYOUTS
from .formats import VideoFormat

BLOCK = 1024
"""Samples encoded at once: an aac block."""
CHECKED = 1 << 20
BIT_RATES = {1: 128_000, 2: 192_000, 6: 384_000, 8: 512_000}
"""Of an encoded track, by its number of channels."""


class SoundTrack:
    """Encodes samples up to the moment the pictures have reached; never holds a copy of them all."""

    def __init__(self, container: Any, form: VideoFormat, samples: np.ndarray, sample_rate: int) -> None:
        """Add the track to an open output ``container``; ``samples`` passed ``checked_sound``."""
        rates = form.sample_rates
        rate = sample_rate if not rates or sample_rate in rates else rates[0]
        channels = 1 if samples.ndim == 1 else samples.shape[1]
        self._container = container
        self._samples = samples
        self._sample_rate = sample_rate
        self._layout = LAYOUTS[channels]
        self._sent = 0
        self._stream = container.add_stream(form.sound, rate=rate, layout=self._layout)
        if not form.sound.startswith("pcm"):
            self._stream.bit_rate = BIT_RATES[channels] if sample_rate > 24_000 else 96_000 * channels

    def send(self, seconds: Fraction, *, last: bool = False) -> None:
        """Encode up to ``seconds``, silence beyond the samples' end; whole blocks until the ``last`` call."""
        import av

        until = round(seconds * self._sample_rate)
        if not last:
            until -= until % BLOCK
        while self._sent < until:
            stop = min(self._sent + BLOCK, until)
            block = filled(np.asarray(self._samples[self._sent : stop], np.float32), stop - self._sent)
            planes = np.ascontiguousarray(np.atleast_2d(block.T))
            frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=self._layout)
            frame.sample_rate, frame.pts = self._sample_rate, self._sent
            frame.time_base = Fraction(1, self._sample_rate)
            self._container.mux(self._stream.encode(frame))
            self._sent = stop
        if last:
            self._container.mux(self._stream.encode(None))


def filled(samples: np.ndarray, length: int) -> np.ndarray:
    """``samples [S]`` or ``[S, C]`` with silence at the end, ``length`` of them."""
    return np.pad(samples, [(0, length - len(samples)), *[(0, 0)] * (samples.ndim - 1)])


def checked_sound(samples: np.ndarray) -> np.ndarray:
    """``samples`` as they are, for sounds too long to copy.

    Raises:
        InputError: not ``[S]`` or ``[S, C]`` floats with 1, 2, 6 or 8 channels, or not finite.
    """
    samples = np.asanyarray(samples)
    shaped = samples.ndim == 1 or (samples.ndim == 2 and samples.shape[1] in LAYOUTS)
    if not shaped or not np.issubdtype(samples.dtype, np.floating):
        raise InputError(
            f"samples have shape {samples.shape}, type {samples.dtype}; floats [S], or [S, channels] with"
            f" {', '.join(map(str, LAYOUTS))} channels, were wanted."
        )
    if not all(np.isfinite(samples[i : i + CHECKED]).all() for i in range(0, len(samples), CHECKED)):
        raise InputError("samples hold NaN or infinity; finite ones were wanted.")
    return samples
