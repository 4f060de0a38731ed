"""A sound as it is wanted: at one rate, mono or with its own channels, made of decoded frames as they come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._mixing import LAYOUTS, standard_weights

HIGHEST_RATE = 48000
"""Hz that a sound keeps at most where its own rate is asked for: what is above cannot be heard."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How a sound is wanted."""

    sample_rate: int | None = None
    """Hz; None for the track's own, up to HIGHEST_RATE."""
    mono: bool = True
    """Mixed to one channel; else 1, 2, 6 (5.1) or 8 (7.1) as recorded, other layouts as stereo."""


class SoundOutput:
    """Resamples the frames of one track to what is wanted of it."""

    def __init__(self, wanted: Wanted, track: tuple[int, int], weights: Mapping[str, np.ndarray]) -> None:
        """Of a track with a rate (0 where unknown) and a number of channels.

        ``weights`` mix some layouts to mono otherwise than ``standard_weights``.
        """
        rate, channels = track
        self.sample_rate = wanted.sample_rate or min(rate or HIGHEST_RATE, HIGHEST_RATE)
        self.num_channels = 1 if wanted.mono else channels if channels in LAYOUTS else 2
        self.length = 0
        """Samples so far, from the sound's first picture on."""
        self._layout, self._weights = LAYOUTS[self.num_channels], weights
        self._resampler: Any = None
        self._given = 0

    def take(self, frame: Any, channels: np.ndarray) -> tuple[int, np.ndarray]:
        """What comes out ``[S, C]`` f32 for a decoded frame and its samples, and how much of the stretch came before.

        A stretch is what follows without a gap, in one rate and layout.
        """
        import av

        if self._resampler is None:
            self._resampler = av.AudioResampler(format="fltp", layout=self._layout, rate=self.sample_rate)
            self._given = 0
        return self._out(self._mixed(frame, channels))

    def end(self) -> tuple[int, np.ndarray]:
        """What is still held back of a stretch that has ended."""
        offset, samples = self._out(None)
        self._resampler = None
        return offset, samples

    def _out(self, frame: Any) -> tuple[int, np.ndarray]:
        offset = self._given
        parts = [out.to_ndarray().T for out in self._resampler.resample(frame)]
        samples = np.concatenate([np.zeros((0, self.num_channels), np.float32), *parts])
        self._given += len(samples)
        return offset, samples

    def _mixed(self, frame: Any, channels: np.ndarray) -> Any:
        """The frame as it goes to the resampler, at its own rate: mixed to mono, or with all its channels."""
        import av

        layout = frame.layout.name
        if self._layout == "mono" or not _is_known(layout):
            weights = self._weights.get(layout)
            channels = ((standard_weights(frame.layout) if weights is None else weights) @ channels)[None]
            layout = "mono"
        given = av.AudioFrame.from_ndarray(np.ascontiguousarray(channels), format="fltp", layout=layout)
        given.sample_rate = frame.rate
        return given


def _is_known(layout: str) -> bool:
    """True where FFmpeg can tell the channels of a layout apart by its name."""
    import av

    try:
        return bool(av.AudioLayout(layout).channels)
    except ValueError:
        return False
