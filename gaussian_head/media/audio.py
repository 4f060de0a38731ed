"""Sound in and out: mono float arrays whose first sample belongs to the first picture."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import InputError, replacing
from ._containers import decoded, moving_streams, open_container, reporting_writes

GAP_SECONDS = 0.05
"""A hole in the time stamps longer than this is filled with silence."""

BLOCK_SECONDS = 0.15
"""A surplus at the end shorter than this is the codec's filling of its last block, and is cut."""


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
            raise InputError(
                f"sound {path} has no audio track; give a file with sound, or the sound as a wav beside it."
            )
        origin = _first_picture_time(path)
        stream = container.streams.audio[0]
        parts = list(_runs(container, stream, sample_rate))
        end = _stated_end(stream)
    if not parts:
        raise InputError(f"sound {path} has an audio track but nothing in it can be decoded; convert it to wav or mp4.")
    origin = parts[0][0] if origin is None else origin
    length = max(round((time - origin) * sample_rate) + len(run) for time, run in parts)
    if end is not None and 0 < length / sample_rate - (end - origin) < BLOCK_SECONDS:
        length = round((end - origin) * sample_rate)
    samples = np.zeros(max(length, 0), np.float32)
    for time, run in parts:
        at = round((time - origin) * sample_rate)
        run, at = run[max(-at, 0) :], max(at, 0)
        samples[at : at + len(run)] = run[: max(length - at, 0)]
    return samples


def write_audio(path: str | Path, samples: np.ndarray, sample_rate: int = 16000) -> None:
    """Write mono samples ``[S]`` in [-1, 1] (clipped beyond) as a 16-bit PCM wav file."""
    samples = checked_samples(samples)
    pcm = np.round(np.clip(samples, -1, 1) * 32767).astype("<i2")
    path = Path(path)
    with reporting_writes(path), replacing(path) as temporary, wave.open(str(temporary), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(pcm.tobytes())


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


def _runs(container: Any, stream: Any, sample_rate: int) -> Iterator[tuple[float, np.ndarray]]:
    """Unbroken stretches of sound as (start in seconds, samples [S] f32 at ``sample_rate``)."""
    pieces: list[np.ndarray] = []
    start, expected, resampler, layout = 0.0, None, None, None
    for frame in decoded(container, stream, []):
        time = expected if frame.time is None else frame.time
        time = 0.0 if time is None else time
        gap = expected is not None and abs(time - expected) > GAP_SECONDS
        changed = (frame.rate, frame.layout.name, frame.format.name) != layout
        if resampler is None or gap or changed:
            if resampler is not None:
                yield start, _joined(resampler, pieces)
            resampler, pieces, start = _resampler(frame, sample_rate), [], time
            layout = (frame.rate, frame.layout.name, frame.format.name)
            expected = time
        frame.pts = None
        pieces += [_mono(out) for out in resampler.resample(frame)]
        expected = (time if expected is None else expected) + frame.samples / frame.rate
    if resampler is not None:
        yield start, _joined(resampler, pieces)


def _resampler(frame: Any, sample_rate: int) -> Any:
    """A converter of frames like ``frame`` to planar float at ``sample_rate``, channels kept."""
    import av

    return av.AudioResampler(format="fltp", layout=frame.layout.name, rate=sample_rate)


def _mono(frame: Any) -> np.ndarray:
    """Mean of the channels of a planar float frame, ``[S]`` f32."""
    return frame.to_ndarray().mean(axis=0, dtype=np.float32)


def _joined(resampler: Any, pieces: list[np.ndarray]) -> np.ndarray:
    """All pieces and what the resampler still held, ``[S]`` f32."""
    tail = [_mono(out) for out in resampler.resample(None)]
    return np.concatenate([*pieces, *tail, np.zeros(0, np.float32)])
