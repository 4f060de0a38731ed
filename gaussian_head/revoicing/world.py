"""A voice in WORLD's terms, pitch, spectrum and breath 200 times a second, and back (Morise et al. 2016)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..checks import InputError
from ..conventions import SAMPLE_RATE

PERIOD_MS = 5.0
RATE = 1000 / PERIOD_MS
"""Frames a second."""
LOUDEST_DB = 15.0
"""A band is made louder or softer by no more than this to colour a voice."""
COLOUR_BANDS = 24
"""Bands, equally wide in mel, in which voices are coloured."""


@dataclass(frozen=True, kw_only=True)
class WorldVoice:
    """F frames of a voice."""

    pitch: np.ndarray
    """``[F]`` Hz, 0 where unvoiced."""
    spectrum: np.ndarray
    """``[F, B]`` power."""
    breath: np.ndarray
    """``[F, B]`` aperiodicity, 0 to 1."""

    def __len__(self) -> int:
        return len(self.pitch)

    @staticmethod
    def of(samples: np.ndarray) -> WorldVoice:
        """Analyse ``samples [S]`` f32, 16 kHz; InputError where pyworld is not installed."""
        world, sound = _pyworld(), samples.astype(np.float64)
        pitch, times = world.harvest(sound, SAMPLE_RATE, frame_period=PERIOD_MS)
        spectrum = world.cheaptrick(sound, pitch, times, SAMPLE_RATE)
        return WorldVoice(pitch=pitch, spectrum=spectrum, breath=world.d4c(sound, pitch, times, SAMPLE_RATE))

    def samples(self) -> np.ndarray:
        """``[S]`` f32, 16 kHz."""
        arrays = (np.ascontiguousarray(a, np.float64) for a in (self.pitch, self.spectrum, self.breath))
        return _pyworld().synthesize(*arrays, SAMPLE_RATE, PERIOD_MS).astype(np.float32)

    def at(self, frames: np.ndarray) -> WorldVoice:
        """The voice at other moments, ``frames [K]`` counted from 0, between its own by the nearest pitch."""
        low = np.floor(frames).astype(int).clip(0, len(self) - 1)
        high = (low + 1).clip(max=len(self) - 1)
        share = (frames - low).clip(0, 1)[:, None]
        nearest = np.where(share[:, 0] < 0.5, low, high)
        logs = np.log(self.spectrum + 1e-16)
        return WorldVoice(
            pitch=self.pitch[nearest],
            spectrum=np.exp(logs[low] * (1 - share) + logs[high] * share),
            breath=self.breath[low] * (1 - share) + self.breath[high] * share,
        )

    def coloured_like(self, other: WorldVoice) -> WorldVoice:
        """With the usual pitch and spectrum of another voice, and its own melody and sounds."""
        mine, theirs = self._usual(), other._usual()
        bands = bands_of(self.spectrum.shape[1])
        gain = bands.T @ (bands @ (theirs[1] - mine[1]) / bands.sum(1))
        gain = (gain - gain.mean()).clip(-LOUDEST_DB, LOUDEST_DB)
        pitch = np.where(self.pitch > 0, self.pitch * theirs[0] / mine[0], 0)
        return replace(self, pitch=pitch, spectrum=self.spectrum * 10 ** (gain / 10))

    def _usual(self) -> tuple[float, np.ndarray]:
        """Pitch in Hz and spectrum ``[B]`` in dB of its voiced frames."""
        voiced = self.pitch > 0
        if not voiced.any():
            return 120.0, 10 * np.log10(self.spectrum.mean(0) + 1e-16)
        return float(np.exp(np.log(self.pitch[voiced]).mean())), 10 * np.log10(self.spectrum[voiced] + 1e-16).mean(0)


def bands_of(bins: int) -> np.ndarray:
    """Overlapping triangles ``[COLOUR_BANDS, bins]`` that sum to 1 in every bin, equally wide in mel."""
    mel = 1127 * np.log1p(np.linspace(0, SAMPLE_RATE / 2, bins) / 700)
    middles = np.linspace(0, mel[-1], COLOUR_BANDS)
    return np.clip(1 - np.abs(mel - middles[:, None]) / (middles[1] - middles[0]), 0, 1)


def require_world() -> None:
    """InputError where pyworld is not installed."""
    _pyworld()


def _pyworld() -> Any:
    try:
        import pyworld
    except ImportError as error:
        raise InputError(
            f"the vocoder pyworld cannot be imported ({error}); `pip install pyworld 'setuptools<81'` puts it there."
        ) from error
    return pyworld
