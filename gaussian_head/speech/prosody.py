"""Prosody: how loud, how high, where pauses are and where stress falls. What heads move to."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from ..smoothing import blurred
from .frames import FEATURE_RATE, SAMPLE_RATE, blocks, checked_sound, framed, num_feature_frames
from .mel import QUIETEST, frame_levels, loudness
from .windows import interpolated

LOWEST_PITCH, HIGHEST_PITCH = 65.0, 420.0
"""Hz that voices are looked for in."""
PITCH_WINDOW, PITCH_FFT = 1024, 2048
"""Samples compared with themselves, and of the transform that compares them."""
PITCH_STEP = 2
"""Every so manyth feature frame is asked for its pitch."""
PERIODIC = 0.25
"""Aperiodicity below which a frame has a voice."""
QUIET_DB, LOUD_DB = -40.0, 6.0
"""Bounds of loudness against that of the speech."""
SPEAKING_DB = -28.0
"""Loudness above which something is being said."""
SHORT_PAUSE = 0.18
"""Seconds; shorter silences belong to speech."""
SYLLABLE, PHRASE = 0.06, 0.6
"""Seconds: what is shorter is smoothed away; what stress stands out from."""
STRESS_APART = 0.25
"""Seconds between stresses at least."""
OCTAVE = 12.0


@dataclass(frozen=True, kw_only=True)
class Prosody:
    """The melody and rhythm of a sound, T moments at ``fps``."""

    fps: float
    """Moments per second."""
    energy: Tensor
    """``[T]`` loudness against that of the speech, in units of 10 dB, from -4."""
    pitch: Tensor
    """``[T]`` semitones above the voice's usual pitch, carried through what has no voice."""
    speaking: Tensor
    """``[T]`` bool, false in pauses."""
    stress: Tensor
    """``[T]`` in [0, 1], peaks where a syllable stands out."""

    def __len__(self) -> int:
        return len(self.energy)

    @property
    def is_silent(self) -> bool:
        """True where nothing is said."""
        return not bool(self.speaking.any())

    def select(self, frames: slice) -> Prosody:
        """The moments of a slice."""
        values = {name: getattr(self, name)[frames] for name in ("energy", "pitch", "speaking", "stress")}
        return Prosody(fps=self.fps, **values)

    def rolled(self, moments: int) -> Prosody:
        """The same sound so many moments later, its end at its beginning."""
        values = {name: getattr(self, name).roll(moments) for name in ("energy", "pitch", "speaking", "stress")}
        return Prosody(fps=self.fps, **values)

    def peaks(self) -> Tensor:
        """Moments ``[n]`` of stress."""
        return local_peaks(self.stress, max(round(STRESS_APART * self.fps), 1), least=0.3)


def prosody_of(samples: np.ndarray, fps: float, num_frames: int) -> Prosody:
    """Prosody of a sound at the moments of ``num_frames`` pictures; beyond its end it is silent.

    Args:
        samples: ``[S]`` mono f32 in [-1, 1] at 16 kHz.
        fps: pictures per second.
        num_frames: T.

    Raises:
        InputError: the sound is empty or not finite.
    """
    samples = checked_sound(samples)
    level = max(loudness(samples), QUIETEST)
    decibels = torch.from_numpy(20 * np.log10(np.maximum(frame_levels(samples) / level, 1e-6))).float()
    silent = level <= QUIETEST
    decibels = decibels.clamp(QUIET_DB, LOUD_DB).masked_fill(torch.tensor(silent), QUIET_DB)
    speaking = _without_short(decibels > SPEAKING_DB, round(SHORT_PAUSE * FEATURE_RATE))
    energy = blurred(decibels[:, None] / 10, SYLLABLE / 2 * FEATURE_RATE)
    pitch = _carried_pitch(samples, speaking)
    rows = torch.cat([energy, pitch[:, None], speaking[:, None].float(), _stress(energy[:, 0], pitch, speaking)], 1)
    at = torch.arange(num_frames, dtype=torch.float64) / fps * FEATURE_RATE
    values = interpolated(rows.double(), at).float()
    over = at > len(rows)
    values[over] = torch.tensor([QUIET_DB / 10, 0.0, 0.0, 0.0])
    return Prosody(
        fps=fps, energy=values[:, 0], pitch=values[:, 1], speaking=values[:, 2] > 0.5, stress=values[:, 3].clamp(0, 1)
    )


def pitch_of(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fundamental frequency ``[F]`` Hz at 100 Hz and how aperiodic the sound is ``[F]``, 0 for a pure voice.

    Cumulative-mean-normalised difference of a window with itself (YIN, de Cheveigné and Kawahara 2002), by FFT;
    librosa's compiles for half a minute when it is first used and does not say what has a voice.
    """
    least, most = int(SAMPLE_RATE / HIGHEST_PITCH), int(SAMPLE_RATE / LOWEST_PITCH) + 2
    F = num_feature_frames(len(samples))
    lag, odd = np.zeros(F), np.ones(F)
    for first, last in blocks(F):
        window = framed(samples, first, last, PITCH_WINDOW + most)[::PITCH_STEP].astype(np.float64)
        difference = _difference(window, most)
        mean = np.cumsum(difference[:, 1:], 1) / np.arange(1, most)
        normal = np.ones_like(difference)
        normal[:, 1:] = difference[:, 1:] / np.maximum(mean, 1e-12)
        best, worth = _first_dip(normal, least)
        lag[first:last], odd[first:last] = (np.repeat(x, PITCH_STEP)[: last - first] for x in (best, worth))
    return SAMPLE_RATE / np.maximum(lag, least), odd


def _difference(window: np.ndarray, most: int) -> np.ndarray:
    """``[n, most]`` squared difference of the first PITCH_WINDOW samples of ``[n, W]`` with those each lag later."""
    size = PITCH_FFT
    base = np.fft.rfft(window[:, :PITCH_WINDOW], size)
    whole = np.fft.rfft(window, size)
    product = np.fft.irfft(base.conj() * whole, size)[:, :most]
    power = np.concatenate([np.zeros((len(window), 1)), np.cumsum(window**2, 1)], 1)
    energy = power[:, PITCH_WINDOW : PITCH_WINDOW + most] - power[:, :most]
    return np.maximum(energy[:, :1] + energy - 2 * product, 0.0)


def _first_dip(normal: np.ndarray, least: int) -> tuple[np.ndarray, np.ndarray]:
    """Lag ``[n]`` of the first dip below PERIODIC, else of the deepest, and its depth."""
    inner = normal[:, least:-1]
    dip = (inner < PERIODIC) & (inner <= normal[:, least - 1 : -2]) & (inner < normal[:, least + 1 :])
    best = np.where(dip.any(1), dip.argmax(1), inner.argmin(1))
    return best + least, np.take_along_axis(inner, best[:, None], 1)[:, 0]


def _carried_pitch(samples: np.ndarray, speaking: Tensor) -> Tensor:
    """Semitones ``[F]`` above the usual pitch; lines join what has a voice, 0 where nothing has."""
    hertz, odd = pitch_of(samples)
    voiced = (odd < PERIODIC) & speaking.numpy()
    if voiced.sum() < 3:
        return torch.zeros(len(hertz))
    semitones = OCTAVE * np.log2(hertz / np.median(hertz[voiced]))
    voiced &= np.abs(semitones) < OCTAVE
    rows = np.arange(len(hertz))
    line = torch.from_numpy(np.interp(rows, rows[voiced], semitones[voiced])).float()
    return blurred(line[:, None], SYLLABLE * FEATURE_RATE)[:, 0]


def _stress(energy: Tensor, pitch: Tensor, speaking: Tensor) -> Tensor:
    """``[F, 1]`` in [0, 1]: how far loudness and pitch stand out from their phrase, in speech."""
    both = torch.stack([energy, pitch], 1)
    calm = blurred(both, SYLLABLE * FEATURE_RATE) - blurred(both, PHRASE * FEATURE_RATE)
    said = calm[speaking] if speaking.any() else calm[:1]
    scale = said.square().mean(0).sqrt().clamp(min=0.05)
    out = ((calm / scale).clamp(min=0).mean(1) / 2).clamp(max=1)
    return (out * speaking)[:, None]


def _without_short(speaking: Tensor, rows: int) -> Tensor:
    """``speaking [F]`` with pauses of fewer than ``rows`` inside it filled, and sounds as short in silence left out."""
    for value in (False, True):
        edges = torch.diff(speaking.int()).nonzero()[:, 0] + 1
        bounds = [0, *edges.tolist(), len(speaking)]
        speaking = speaking.clone()
        for begin, end in pairwise(bounds):
            inside = value or (begin > 0 and end < len(speaking))
            if inside and end - begin < rows and bool(speaking[begin]) == value:
                speaking[begin:end] = not value
    return speaking


def local_peaks(values: Tensor, apart: int, *, least: float) -> Tensor:
    """Indices ``[n]`` where ``values [T]`` is the greatest within ``apart`` to either side, and above ``least``."""
    if not len(values):
        return torch.zeros(0, dtype=torch.long)
    widest = torch.nn.functional.max_pool1d(values[None, None].float(), 2 * apart + 1, stride=1, padding=apart)[0, 0]
    return ((values >= widest) & (values > least)).nonzero()[:, 0]
