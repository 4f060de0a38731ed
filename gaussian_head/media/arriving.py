"""Sound and pictures on their way: samples of any rate as they arrive, and frames for whoever sends them on."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np

from ..conventions import SAMPLE_RATE

VIDEO_CLOCK = 90_000
"""Ticks per second of a picture's time stamp."""
PLAYED_RATE = 48_000
"""Hz of sound that is played as it arrived."""
PLAYED_EACH = PLAYED_RATE // SAMPLE_RATE
ROW = np.dtype([("heard", np.float32), ("played", np.int16, PLAYED_EACH)])
"""A sample at 16 kHz, for ears that were taught at that rate, and those of the same moment at PLAYED_RATE."""
LATER = 20
"""Rows, 1.25 ms, by which what is played is later, since making more samples of fewer waits for the next ones."""


class ArrivingSound:
    """Brings sound that arrives piece by piece, at any rate, to mono rows."""

    def __init__(self) -> None:
        self._heard, self._played = _resamplers()
        self._left = np.zeros(LATER * PLAYED_EACH, np.int16)

    def hear(self, frame: av.AudioFrame) -> np.ndarray:
        """What a frame of any rate and layout adds, ``[S]`` ROW."""
        frame.pts = None  # gaps on the way are not waited for
        heard = _resampled(self._heard, frame)
        played = np.concatenate([self._left, _resampled(self._played, frame)])
        self._left = played[len(heard) * PLAYED_EACH :]
        return _rows(heard, played)

    def hear_pcm(self, samples: np.ndarray, rate: int) -> np.ndarray:
        """The same of mono samples ``[S]`` at ``rate`` Hz, int16 or f32 in [-1, 1]."""
        return self.hear(sound_frame(samples, rate)) if len(samples) else np.zeros(0, ROW)


def arrived(samples: np.ndarray, rate: int) -> np.ndarray:
    """All of a sound that is there already as rows ``[S]``, to be played at once: ``samples`` as for ``hear_pcm``."""
    silence = np.zeros(rate // 100, samples.dtype)  # brings out what waits for the next samples
    frame = sound_frame(np.concatenate([samples, silence]), rate)
    heard, played = (_resampled(resampler, frame) for resampler in _resamplers())
    return _rows(heard[: -(-len(samples) * SAMPLE_RATE // rate)], played)


def sound_frame(samples: np.ndarray, rate: int, at: int = 0) -> av.AudioFrame:
    """Mono samples ``[S]``, int16 or f32, that begin at sample ``at`` of their stream."""
    format = "s16" if samples.dtype == np.int16 else "flt"
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples)[None], format=format, layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
    return frame


def picture_frame(image: np.ndarray, at: int) -> av.VideoFrame:
    """A picture ``[H, W, 3]`` uint8 at tick ``at``, as encoders take it."""
    frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
    frame.pts, frame.time_base = at, Fraction(1, VIDEO_CLOCK)
    return frame


def _resamplers() -> tuple[av.AudioResampler, av.AudioResampler]:
    heard = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    return heard, av.AudioResampler(format="s16", layout="mono", rate=PLAYED_RATE)


def _resampled(resampler: av.AudioResampler, frame: av.AudioFrame) -> np.ndarray:
    parts = [part.to_ndarray()[0] for part in resampler.resample(frame)]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _rows(heard: np.ndarray, played: np.ndarray) -> np.ndarray:
    rows = np.empty(len(heard), ROW)
    rows["heard"], rows["played"] = heard, played[: len(heard) * PLAYED_EACH].reshape(-1, PLAYED_EACH)
    return rows
