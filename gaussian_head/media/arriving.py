"""Sound and pictures on their way: samples of any rate as they arrive, and frames for whoever sends them on."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np

from ..conventions import SAMPLE_RATE

VIDEO_CLOCK = 90_000
"""Ticks per second of a picture's time stamp."""


class ArrivingSound:
    """Brings sound that arrives piece by piece to 16 kHz mono."""

    def __init__(self) -> None:
        self._resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)

    def hear(self, frame: av.AudioFrame) -> np.ndarray:
        """What a frame of any rate and layout adds, ``[S]`` f32."""
        frame.pts = None  # gaps on the way are not waited for
        parts = [part.to_ndarray()[0] for part in self._resampler.resample(frame)]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def hear_pcm(self, samples: np.ndarray, rate: int) -> np.ndarray:
        """The same of int16 mono samples ``[S]`` at ``rate`` Hz."""
        if rate == SAMPLE_RATE or not len(samples):
            return samples.astype(np.float32) / 32768
        return self.hear(sound_frame(samples, rate))


def sound_frame(samples: np.ndarray, rate: int, at: int = 0) -> av.AudioFrame:
    """int16 mono samples ``[S]`` that begin at sample ``at`` of their stream."""
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples)[None], format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
    return frame


def picture_frame(image: np.ndarray, at: int) -> av.VideoFrame:
    """A picture ``[H, W, 3]`` uint8 at tick ``at``, as encoders take it."""
    frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
    frame.pts, frame.time_base = at, Fraction(1, VIDEO_CLOCK)
    return frame
