"""Sound in and out: mono float arrays whose first sample belongs to the first picture."""

from __future__ import annotations

import math
import tempfile
import wave
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import InputError
from ..conventions import SAMPLE_RATE
from ..durable import replacing
from ..events import Listener, ignore
from ._containers import reporting_writes
from ._sound_output import Wanted
from ._sound_source import SoundSource
from ._sound_track import checked_sound, filled

MAX_SECONDS = 4 * 3600.0
"""Longest sound read into memory unless another bound is given."""

WRITTEN_AT_ONCE = 1 << 20
"""Samples converted at once for writing."""


def read_audio(
    path: str | Path, *, sample_rate: int = SAMPLE_RATE, max_seconds: float = MAX_SECONDS, listener: Listener = ignore
) -> np.ndarray:
    """Decode the sound of a video or sound file to mono.

    Sample 0 is heard when the first video frame is shown (sound before it is dropped, a late
    start is padded with silence); without pictures it is the first sample of the sound.

    Of several tracks the one marked as default is taken, of silent ones none while another is heard. Channels are
    averaged; where there is a centre they are mixed by ITU-R BT.775; where they cancel each other, the loudest is
    taken.

    Args:
        path: any file FFmpeg can decode.
        sample_rate: Hz of the result.
        max_seconds: longer sound is refused, and decoding ends there: what a small file unpacks to is bounded.
        listener: told where a track or channel was chosen.

    Returns:
        Samples ``[S]`` f32 in [-1, 1] at ``sample_rate`` Hz.

    Raises:
        InputError: no sound track, nothing of it can be decoded, it is too long, or holds what is no number.
    """
    sound = SoundSource(path, [Wanted(sample_rate=sample_rate)], max_seconds, listener)
    parts = list(sound.runs())
    length = sound.length()
    samples = np.zeros(length, np.float32)
    for _, at, run in parts:
        samples[at : at + len(run)] = run[: max(length - at, 0), 0]
    return samples


def read_long_audio(
    path: str | Path,
    *,
    folder: str | Path | None = None,
    sample_rate: int = SAMPLE_RATE,
    max_seconds: float = math.inf,
    listener: Listener = ignore,
) -> np.ndarray:
    """What ``read_audio`` reads, kept on disk instead of in memory.

    Args:
        path: any file with sound.
        folder: where the nameless temporary file lies; it goes with the array, whatever happens. By default the
            system's folder for temporary files.
        sample_rate: Hz.
        max_seconds: as ``read_audio`` takes it.
        listener: as ``read_audio`` takes it.

    Returns:
        Read-only samples ``[S]`` f32, mapped from the disk.

    Raises:
        InputError: as ``read_audio`` does, or there is no room for it.
    """
    (samples,) = _kept(SoundSource(path, [Wanted(sample_rate=sample_rate)], max_seconds, listener), folder)
    return samples[:, 0]


def read_recorded_audio(
    path: str | Path,
    *,
    folder: str | Path | None = None,
    max_seconds: float = math.inf,
    listener: Listener = ignore,
) -> tuple[np.ndarray, int]:
    """The sound of a file as it was recorded, for people to hear: its own channels and rate; kept on disk.

    Args:
        path: any file with sound.
        folder: as ``read_long_audio`` takes it.
        max_seconds: as ``read_audio`` takes it.
        listener: as ``read_audio`` takes it.

    Returns:
        Read-only samples ``[S, C]`` f32 with 1, 2, 6 (5.1) or 8 (7.1) channels, other layouts as stereo, and their
        rate, Hz, at most 48 kHz. Sample 0 is as in ``read_audio``.

    Raises:
        InputError: as ``read_long_audio`` does.
    """
    sound = SoundSource(path, [Wanted(mono=False)], max_seconds, listener)
    (samples,) = _kept(sound, folder)
    return samples, sound.outputs[0].sample_rate


def read_spoken_audio(
    path: str | Path,
    *,
    folder: str | Path | None = None,
    max_seconds: float = math.inf,
    listener: Listener = ignore,
) -> tuple[np.ndarray, np.ndarray, int]:
    """A sound that is to be spoken and heard: what ``read_long_audio`` and ``read_recorded_audio`` give, decoded once.

    Args:
        path: any file with sound.
        folder: as ``read_long_audio`` takes it.
        max_seconds: as ``read_audio`` takes it.
        listener: as ``read_audio`` takes it.

    Returns:
        Read-only samples ``[S]`` f32 mono at 16 kHz; those ``[S, C]`` as recorded; their rate, Hz.

    Raises:
        InputError: as ``read_long_audio`` does.
    """
    sound = SoundSource(path, [Wanted(sample_rate=SAMPLE_RATE), Wanted(mono=False)], max_seconds, listener)
    spoken, recorded = _kept(sound, folder)
    return spoken[:, 0], recorded, sound.outputs[1].sample_rate


def chosen_track(path: str | Path) -> int:
    """Number, from 0, of the sound track of a file that all of the above read.

    Raises:
        InputError: there is none.
    """
    return SoundSource(path, [], math.inf, ignore).track


def _kept(sound: SoundSource, folder: str | Path | None) -> list[np.ndarray]:
    """Samples ``[S, C]`` of every output on disk, read-only."""
    with ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile(dir=folder)) for _ in sound.outputs]
        with reporting_writes(Path(folder or tempfile.gettempdir())):
            for which, at, run in sound.runs():
                files[which].seek(4 * run.shape[1] * at)
                files[which].write(np.ascontiguousarray(run).tobytes())
        return [_mapped(file, sound.length(k), sound.outputs[k].num_channels) for k, file in enumerate(files)]


def _mapped(file: Any, length: int, channels: int) -> np.ndarray:
    """The first ``length`` samples ``[S, C]`` f32 of an open file."""
    file.truncate(4 * channels * length)
    file.flush()
    return np.memmap(file, np.float32, "r", shape=(length, channels)) if length else np.zeros((0, channels), np.float32)


def write_audio(
    path: str | Path, samples: np.ndarray, sample_rate: int = SAMPLE_RATE, *, length: int | None = None
) -> None:
    """Write samples ``[S]`` or ``[S, C]`` in [-1, 1] (clipped beyond) as a 16-bit PCM wav file.

    ``length`` cuts them or fills them with silence to that many; memory does not grow with S.
    """
    samples = checked_sound(samples)
    length = len(samples) if length is None else length
    path = Path(path)
    with reporting_writes(path), replacing(path) as temporary, wave.open(str(temporary), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        for first in range(0, max(length, 1), WRITTEN_AT_ONCE):
            wanted = min(WRITTEN_AT_ONCE, length - first)
            block = filled(samples[first : first + wanted], wanted)
            file.writeframes(np.round(np.clip(block, -1, 1) * 32767).astype("<i2").tobytes())


def checked_samples(samples: np.ndarray) -> np.ndarray:
    """``samples`` as ``[S]`` f32, or InputError where they are no finite mono signal."""
    samples = np.asarray(samples)
    if samples.ndim != 1:
        raise InputError(f"samples have shape {samples.shape}; mono [S] was wanted.")
    return checked_sound(samples).astype(np.float32)
