"""Sound in and out: mono float arrays whose first sample belongs to the first picture."""

from __future__ import annotations

import tempfile
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import InputError
from ..durable import replacing
from ._containers import decoded, moving_streams, open_container, reporting_writes

GAP_SECONDS = 0.05
"""A hole in the time stamps longer than this is filled with silence."""

BLOCK_SECONDS = 0.15
"""A surplus at the end shorter than this is the codec's filling of its last block, and is cut."""

WRITTEN_AT_ONCE = 1 << 20
"""Samples converted at once for writing."""


def read_audio(path: str | Path, *, sample_rate: int = 16000) -> np.ndarray:
    """Decode the sound of a video or sound file to mono.

    Sample 0 is heard when the first video frame is shown (sound before it is dropped, a late
    start is padded with silence); without pictures it is the first sample of the sound.

    Returns:
        Samples ``[S]`` f32 in [-1, 1] at ``sample_rate`` Hz; channels are averaged.

    Raises:
        InputError: no sound track, or nothing of it can be decoded.
    """
    with open_container(path, "sound") as container:
        if not container.streams.audio:
            raise _no_sound(path)
        origin = _first_picture_time(path)
        stream = container.streams.audio[0]
        parts = list(_pieces(container, stream, sample_rate))
        end = _stated_end(stream)
    if not parts:
        raise _nothing_decoded(path)
    origin = parts[0].start if origin is None else origin
    places = [part.place(origin, sample_rate) for part in parts]
    length = max(at + len(part.samples) for at, part in zip(places, parts, strict=True))
    length = _without_filling(length, end, origin, sample_rate)
    samples = np.zeros(max(length, 0), np.float32)
    for at, part in zip(places, parts, strict=True):
        run, at = part.samples[max(-at, 0) :], max(at, 0)
        samples[at : at + len(run)] = run[: max(length - at, 0)]
    return samples


def read_long_audio(path: str | Path, *, folder: str | Path | None = None, sample_rate: int = 16000) -> np.ndarray:
    """What ``read_audio`` reads, kept on disk instead of in memory.

    Args:
        path: any file with sound.
        folder: where the nameless temporary file lies; it goes with the array, whatever happens. By default the
            system's folder for temporary files.
        sample_rate: Hz.

    Returns:
        Read-only samples ``[S]`` f32, mapped from the disk.

    Raises:
        InputError: no sound track, nothing of it can be decoded, or no room for it.
    """
    with open_container(path, "sound") as container, tempfile.TemporaryFile(dir=folder) as file:
        if not container.streams.audio:
            raise _no_sound(path)
        origin = _first_picture_time(path)
        stream = container.streams.audio[0]
        length = 0
        with reporting_writes(Path(folder or tempfile.gettempdir())):
            for part in _pieces(container, stream, sample_rate):
                origin = part.start if origin is None else origin
                at = part.place(origin, sample_rate)
                run, at = part.samples[max(-at, 0) :], max(at, 0)
                file.seek(4 * at)
                file.write(run.tobytes())
                length = max(length, at + len(run))
        if origin is None:
            raise _nothing_decoded(path)
        length = _without_filling(length, _stated_end(stream), origin, sample_rate)
        file.truncate(4 * max(length, 0))
        file.flush()
        return np.memmap(file, np.float32, "r") if length > 0 else np.zeros(0, np.float32)


def write_audio(path: str | Path, samples: np.ndarray, sample_rate: int = 16000, *, length: int | None = None) -> None:
    """Write mono samples ``[S]`` in [-1, 1] (clipped beyond) as a 16-bit PCM wav file.

    ``length`` cuts them or fills them with silence to that many; memory does not grow with S.
    """
    samples = np.asanyarray(samples)
    length = len(samples) if length is None else length
    path = Path(path)
    with reporting_writes(path), replacing(path) as temporary, wave.open(str(temporary), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        for first in range(0, max(length, 1), WRITTEN_AT_ONCE):
            block = checked_samples(samples[first : min(first + WRITTEN_AT_ONCE, length)])
            block = np.pad(block, (0, min(WRITTEN_AT_ONCE, length - first) - len(block)))
            file.writeframes(np.round(np.clip(block, -1, 1) * 32767).astype("<i2").tobytes())


def checked_samples(samples: np.ndarray) -> np.ndarray:
    """``samples`` as ``[S]`` f32, or InputError where they are no finite mono signal."""
    samples = np.asarray(samples)
    if samples.ndim != 1 or not np.issubdtype(samples.dtype, np.floating):
        raise InputError(f"samples have shape {samples.shape}, type {samples.dtype}; mono floats [S] were wanted.")
    if not np.isfinite(samples).all():
        raise InputError("samples hold NaN or infinity; repair them with numpy.nan_to_num.")
    return samples.astype(np.float32)


def _first_picture_time(path: str | Path) -> float | None:
    """Seconds of the first decodable video frame, None where the file has no pictures."""
    with open_container(path, "sound") as container:
        streams = moving_streams(container)
        frame = next(decoded(container, streams[0], []), None) if streams else None
        return None if frame is None else frame.time or 0.0


def _stated_end(stream: Any) -> float | None:
    """Seconds at which the file says the sound ends, None where it does not say."""
    if stream.duration is None:
        return None
    return float(((stream.start_time or 0) + stream.duration) * stream.time_base)


@dataclass(frozen=True)
class _Piece:
    """Some samples of an unbroken stretch of sound."""

    start: float
    """Seconds at which the stretch starts."""
    offset: int
    """Samples of the stretch before these."""
    samples: np.ndarray
    """``[S]`` f32."""

    def place(self, origin: float, sample_rate: int) -> int:
        """Index of the first sample where sample 0 is heard at ``origin`` seconds."""
        return round((self.start - origin) * sample_rate) + self.offset


def _pieces(container: Any, stream: Any, sample_rate: int) -> Iterator[_Piece]:
    """The sound of a stream at ``sample_rate``, as it is decoded."""
    start, expected, resampler, layout, offset = 0.0, None, None, None, 0
    for frame in decoded(container, stream, []):
        time = expected if frame.time is None else frame.time
        time = 0.0 if time is None else time
        gap = expected is not None and abs(time - expected) > GAP_SECONDS
        changed = (frame.rate, frame.layout.name, frame.format.name) != layout
        if resampler is None or gap or changed:
            if resampler is not None:
                yield _Piece(start, offset, _resampled(resampler, None))
            resampler, offset, start = _resampler(frame, sample_rate), 0, time
            layout = (frame.rate, frame.layout.name, frame.format.name)
            expected = time
        frame.pts = None
        samples = _resampled(resampler, frame)
        yield _Piece(start, offset, samples)
        offset += len(samples)
        expected = (time if expected is None else expected) + frame.samples / frame.rate
    if resampler is not None:
        yield _Piece(start, offset, _resampled(resampler, None))


def _without_filling(length: int, end: float | None, origin: float, sample_rate: int) -> int:
    """``length`` in samples less what the codec filled its last block with, where the file says when it ends."""
    if end is not None and 0 < length / sample_rate - (end - origin) < BLOCK_SECONDS:
        return round((end - origin) * sample_rate)
    return length


def _no_sound(path: str | Path) -> InputError:
    return InputError(f"sound {path} has no audio track; give a file with sound, or the sound as a wav beside it.")


def _nothing_decoded(path: str | Path) -> InputError:
    return InputError(f"sound {path} has an audio track but nothing in it can be decoded; convert it to wav or mp4.")


def _resampler(frame: Any, sample_rate: int) -> Any:
    """A converter of frames like ``frame`` to planar float at ``sample_rate``, channels kept."""
    import av

    return av.AudioResampler(format="fltp", layout=frame.layout.name, rate=sample_rate)


def _mono(frame: Any) -> np.ndarray:
    """Mean of the channels of a planar float frame, ``[S]`` f32."""
    return frame.to_ndarray().mean(axis=0, dtype=np.float32)


def _resampled(resampler: Any, frame: Any) -> np.ndarray:
    """What a resampler gives for a frame, or at the end for None, ``[S]`` f32."""
    return np.concatenate([np.zeros(0, np.float32), *(_mono(out) for out in resampler.resample(frame))])
