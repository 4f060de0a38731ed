"""The sound of a file, decoded piece by piece to mono at one rate, each piece with its place in time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import InputError
from ..events import Listener, Warned
from ._containers import decoded, moving_streams, open_container, packets
from ._mixing import listen, planar, standard_weights
from ._timeline import Timeline, timeline

GAP_SECONDS = 0.05
"""A hole in the time stamps longer than this is filled with silence."""

BLOCK_SECONDS = 0.15
"""A surplus at the end shorter than this is the codec's filling of its last block, and is cut."""

SPARE_SECONDS = 60.0
"""Sound before the first picture that may be decoded on top of what is wanted."""


class SoundSource:
    """The sound of one file."""

    def __init__(self, path: str | Path, sample_rate: int, max_seconds: float, listener: Listener) -> None:
        """Choose track and channels of ``path`` and say so to ``listener``; see ``read_audio``."""
        self._path, self._rate, self._most = path, sample_rate, max_seconds
        self._line = timeline(path, "sound")
        with open_container(path, "sound") as container:
            tracks = list(container.streams.audio)
            if not tracks:
                raise InputError(
                    f"sound {path} has no audio track; give a file with sound, or the sound as a wav beside it."
                )
            channels = max(len(track.codec_context.layout.channels) for track in tracks)
            order = sorted(range(len(tracks)), key=lambda k: not _is_default(tracks[k]))
        self._track, self._weights = order[0], dict[str, np.ndarray]()
        self._length, self._any = 0, False
        self._origin, self._end = _first_picture_time(path, self._line), None
        if len(tracks) > 1 or channels > 1:
            self._choose(order, listener)

    def runs(self) -> Iterator[tuple[int, np.ndarray]]:
        """Index of the first sample and samples ``[S]`` f32, as they are decoded.

        Raises:
            InputError: more than the bound, or NaN or infinity.
        """
        with open_container(self._path, "sound") as container:
            stream = container.streams.audio[self._track]
            self._end = _stated_end(stream) if len(self._line.shifts) == 1 else None
            for start, offset, samples in self._pieces(self._frames(container, stream)):
                self._origin = start if self._origin is None else self._origin
                at = round((start - self._origin) * self._rate) + offset
                run, at = samples[max(-at, 0) :], max(at, 0)
                self._any = True
                self._require_short((at + len(run)) / self._rate)
                self._length = max(self._length, at + len(run)) if len(run) else self._length
                yield at, run

    def length(self) -> int:
        """Samples in all, after ``runs``, less what the codec filled its last block with.

        Raises:
            InputError: nothing could be decoded.
        """
        if self._origin is None or not self._any:
            raise InputError(
                f"sound {self._path} has an audio track but nothing in it can be decoded; convert it to wav or mp4."
            )
        if self._end is not None and 0 < self._length / self._rate - (self._end - self._origin) < BLOCK_SECONDS:
            return max(round((self._end - self._origin) * self._rate), 0)
        return self._length

    def _choose(self, order: list[int], listener: Listener) -> None:
        """The first track in ``order`` that is not silent, and how its channels are mixed."""
        cancelled = False
        for track in order:
            with open_container(self._path, "sound") as container:
                heard = listen(self._frames(container, container.streams.audio[track]))
            if track == order[0] or not heard.silent:
                self._track, self._weights, cancelled = track, heard.weights, heard.cancelled
            if not heard.silent:
                break
        if len(order) > 1:
            which = f"track {self._track + 1} of {len(order)}"
            reason = "others may hold other sound" if self._track == order[0] else "the one before it is silent"
            listener(Warned(message=f"sound {self._path}: {which} is taken; {reason}."))
        if cancelled:
            listener(
                Warned(
                    message=f"sound {self._path}: its channels cancel each other (one was recorded out of phase), so"
                    " the loudest is taken alone."
                )
            )

    def _frames(self, container: Any, stream: Any) -> Iterator[tuple[Any, np.ndarray]]:
        """Decoded frames of a track with their samples ``[C, S]``; InputError where they are too many or no numbers."""
        seconds = 0.0
        for frame in decoded(self._line.follow(packets(container, [stream], [])), []):
            samples = planar(frame)
            if not np.isfinite(samples).all():
                raise InputError(
                    f"sound {self._path} is damaged: {seconds:.2f} s from its beginning it holds values that are no"
                    " numbers (NaN or infinity). Export it again as 16-bit wav from the program that made it."
                )
            seconds += frame.samples / frame.rate
            self._require_short(seconds - SPARE_SECONDS)
            yield frame, samples

    def _pieces(self, frames: Iterator[tuple[Any, np.ndarray]]) -> Iterator[tuple[float, int, np.ndarray]]:
        """Begin of an unbroken stretch in seconds, how many of its samples came before, and the next ``[S]``."""
        start, expected, resampler, rate, offset = 0.0, None, None, 0, 0
        for frame, channels in frames:
            time = expected if frame.time is None else frame.time
            time = 0.0 if time is None else time
            gap = expected is not None and abs(time - expected) > GAP_SECONDS
            if resampler is None or gap or frame.rate != rate:
                if resampler is not None:
                    yield start, offset, _resampled(resampler, None)
                resampler, offset, start = _resampler(self._rate), 0, time
                rate = frame.rate
                expected = time
            samples = _resampled(resampler, self._mono(frame, channels))
            yield start, offset, samples
            offset += len(samples)
            expected = (time if expected is None else expected) + frame.samples / frame.rate
        if resampler is not None:
            yield start, offset, _resampled(resampler, None)

    def _mono(self, frame: Any, channels: np.ndarray) -> Any:
        """The frame's channels as one, still at its own rate."""
        import av

        weights = self._weights.get(frame.layout.name)
        weights = standard_weights(frame.layout) if weights is None else weights
        mono = av.AudioFrame.from_ndarray((weights @ channels)[None], format="fltp", layout="mono")
        mono.sample_rate = frame.rate
        return mono

    def _require_short(self, seconds: float) -> None:
        if seconds > self._most:
            raise InputError(f"sound {self._path} is longer than {self._most:g} s, the most that is taken; cut it.")


def _is_default(track: Any) -> bool:
    from av.stream import Disposition

    return bool(track.disposition & Disposition.default)


def _first_picture_time(path: str | Path, line: Timeline) -> float | None:
    """Seconds of the first decodable video frame, None where the file has no pictures."""
    with open_container(path, "sound") as container:
        streams = moving_streams(container)
        found = packets(container, streams[:1], []) if streams else iter(())
        frame = next(decoded(line.follow(found), []), None)
        return None if frame is None else frame.time or 0.0


def _stated_end(stream: Any) -> float | None:
    """Seconds at which the file says the sound ends, None where it does not say."""
    if stream.duration is None:
        return None
    return float(((stream.start_time or 0) + stream.duration) * stream.time_base)


def _resampler(sample_rate: int) -> Any:
    """A converter of mono frames to ``sample_rate``."""
    import av

    return av.AudioResampler(format="fltp", layout="mono", rate=sample_rate)


def _resampled(resampler: Any, frame: Any) -> np.ndarray:
    """What a resampler gives for a frame, or at the end for None, ``[S]`` f32."""
    return np.concatenate([np.zeros(0, np.float32), *(out.to_ndarray()[0] for out in resampler.resample(frame))])
