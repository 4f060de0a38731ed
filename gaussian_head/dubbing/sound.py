"""What is heard: the new sound in place of the old, over it, or line by line, in its own channels and rate."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ..checks import InputError
from ..conventions import SAMPLE_RATE
from ..media import read_long_audio, read_recorded_audio
from .lines import TO_THE_END, Line

Keep = Literal["replace", "mix", "keep"]
UNDER = 0.15
"""Factor on the old sound while the new one is heard over it."""
EASE_SECONDS = 0.03
"""Seconds over which one sound gives way to another."""
TOO_LONG = 0.5
"""Seconds by which a sound may outlast the film; what is beyond is cut off."""
AT_ONCE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A sound of the film's length."""

    samples: np.ndarray
    """``[S, C]`` f32, perhaps on disk."""
    rate: int
    """Hz."""


def require_length(lines: Sequence[Line], seconds: float, folder: Path) -> None:
    """InputError where a sound goes on after the film's end."""
    for line in lines:
        if line.start >= seconds:
            raise InputError(f"a line begins at {line.start:g} s but the film lasts only {seconds:.2f} s.")
        if line.end != TO_THE_END:
            continue
        long = len(read_long_audio(line.sound, folder=folder)) / SAMPLE_RATE
        if line.start + long > seconds + TOO_LONG:
            raise InputError(
                f"sound {line.sound} lasts {long:.2f} s from {line.start:g} s on but the film ends at {seconds:.2f} s; "
                "re-time the picture with --fit audio, the sound with --fit video, or cut the sound."
            )


def heard(
    film: Path, has_sound: bool, lines: Sequence[Line], seconds: float, keep: Keep, scripted: bool, folder: Path
) -> Heard:
    """The sound of the dubbed film.

    Args:
        film: the recording.
        has_sound: whether it has any.
        lines: what is said.
        seconds: length of the film.
        keep: ``replace`` and ``keep`` take the old sound out of this one, ``mix`` keeps it quietly under the new.
        scripted: the lines are some among others: outside of them the old sound is heard as it was.
        folder: for temporary files.
    """
    parts = [(line, *read_recorded_audio(line.sound, folder=folder)) for line in lines]
    alone = not scripted and len(parts) == 1 and parts[0][0].start == 0
    if alone and (keep != "mix" or not has_sound):
        return Heard(samples=parts[0][1], rate=parts[0][2])
    base, rate = read_recorded_audio(film, folder=folder) if has_sound else (np.zeros((0, 1), np.float32), 0)
    rate = rate or max(p[2] for p in parts)
    channels = max([base.shape[1], *(p[1].shape[1] for p in parts)])
    out = _on_disk((round(seconds * rate), channels), folder)
    quiet = UNDER if keep == "mix" else 0.0
    for first in range(0, len(out), AT_ONCE):
        block = out[first : first + AT_ONCE]
        old = base[first : first + len(block)]
        if scripted or keep == "mix":
            block[: len(old)] = spread_over(old, channels)
    for line, samples, own in parts:
        _put(out, line, resampled(np.asarray(samples), own, rate), rate, seconds, quiet)
    return Heard(samples=out, rate=rate)


def _put(out: np.ndarray, line: Line, samples: np.ndarray, rate: int, seconds: float, quiet: float) -> None:
    """Lay a line over ``out``, in which the old sound falls to ``quiet``."""
    first = round(line.start * rate)
    last = min(first + len(samples), round(min(line.end, seconds) * rate), len(out))
    count = last - first
    if count <= 0:
        return
    ease = max(min(round(EASE_SECONDS * rate), count // 2), 1)
    places = np.arange(count)
    gate = np.minimum(np.minimum(places, count - 1 - places) / ease, 1).astype(np.float32)[:, None]
    new = spread_over(samples[:count], out.shape[1])
    out[first:last] = out[first:last] * (1 - gate * (1 - quiet)) + gate * new


def spread_over(samples: np.ndarray, channels: int) -> np.ndarray:
    """``samples [S, C]`` in that many channels: one is heard in the first two, more keep their places."""
    if samples.shape[1] == channels:
        return samples
    out = np.zeros((len(samples), channels), np.float32)
    if samples.shape[1] == 1:
        out[:, :2] = samples
    else:
        out[:, : samples.shape[1]] = samples
    return out


def resampled(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """``samples [S, C]`` at another rate."""
    if rate == wanted:
        return samples
    from scipy.signal import resample_poly

    common = math.gcd(rate, wanted)
    return resample_poly(samples, wanted // common, rate // common, axis=0).astype(np.float32)


def _on_disk(shape: tuple[int, int], folder: Path) -> np.ndarray:
    with tempfile.TemporaryFile(dir=folder) as file:
        file.truncate(4 * shape[0] * shape[1])
        return np.memmap(file, np.float32, "r+", shape=shape)
