"""The sound of a file, decoded piece by piece at one rate, mono or as recorded, each piece with its place in time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import InputError
from ..events import Listener, Warned
from ._containers import decoded, moving_streams, open_container, packets
from ._mixing import LAYOUTS, listen, planar, standard_weights
from ._timeline import Timeline, timeline

GAP_SECONDS = 0.05
"""A hole in the time stamps longer than this is filled with silence."""

BLOCK_SECONDS = 0.15
"""A surplus at the end shorter than this is the codec's filling of its last block, and is cut."""

SPARE_SECONDS = 60.0
"""Sound before the first picture that may be decoded on top of what is wanted."""

HIGHEST_RATE = 48000
"""Hz that a sound keeps at most where its own rate is asked for: what is above cannot be heard."""


class SoundSource:
    """The sound of one file."""

    def __init__(
        self, path: str | Path, sample_rate: int | None, max_seconds: float, listener: Listener, *, mono: bool = True
    ) -> None:
        """Choose track and channels of ``path`` and say so to ``listener``; see ``read_audio``.

        ``sample_rate`` None keeps the track's own, up to HIGHEST_RATE; without ``mono`` its channels are kept as well.
        """
        self._path, self._most = path, max_seconds
        self._line = timeline(path, "sound")
        with open_container(path, "sound") as container:
            tracks = list(container.streams.audio)
            if not tracks:
                raise InputError(
                    f"sound {path} has no audio track; give a file with sound, or the sound as a wav beside it."
                )
            kinds = [(t.codec_context.sample_rate, len(t.codec_context.layout.channels)) for t in tracks]
            order = sorted(range(len(tracks)), key=lambda k: not _is_default(tracks[k]))
        self._track, self._weights = order[0], dict[str, np.ndarray]()
        self._length, self._any = 0, False
        self._origin, self._end = _first_picture_time(path, self._line), None
        if len(kinds) > 1 or (mono and kinds[0][1] > 1):
            self._choose(order, listener)
        rate, channels = kinds[self._track]
        self.sample_rate = sample_rate or min(rate or HIGHEST_RATE, HIGHEST_RATE)
        self.num_channels = 1 if mono else channels if channels in LAYOUTS else 2
        self._layout = LAYOUTS[self.num_channels]

    def runs(self) -> Iterator[tuple[int, np.ndarray]]:
        """Index of the first sample and samples ``[S, C]`` f32, as they are decoded.

        Raises:
            InputError: more than the bound, or NaN or infinity.
        """
        with open_container(self._path, "sound") as container:
            stream = container.streams.audio[self._track]
            self._end = _stated_end(stream) if len(self._line.shifts) == 1 else None
            for start, offset, samples in self._pieces(self._frames(container, stream)):
                self._origin = start if self._origin is None else self._origin
                at = round((start - self._origin) * self.sample_rate) + offset
                run, at = samples[max(-at, 0) :], max(at, 0)
                self._any = True
                self._require_short((at + len(run)) / self.sample_rate)
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
        if self._end is not None and 0 < self._length / self.sample_rate - (self._end - self._origin) < BLOCK_SECONDS:
            return max(round((self._end - self._origin) * self.sample_rate), 0)
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
        """Begin of an unbroken stretch in seconds, how many of its samples came before, and the next ``[S, C]``."""
        start, expected, resampler, kind, offset = 0.0, None, None, None, 0
        for frame, channels in frames:
            time = expected if frame.time is None else frame.time
            time = 0.0 if time is None else time
            gap = expected is not None and abs(time - expected) > GAP_SECONDS
            given = self._given(frame, channels)
            if resampler is None or gap or kind != (given.rate, given.layout.name):
                if resampler is not None:
                    yield start, offset, self._resampled(resampler, None)
                resampler, offset, start = self._resampler(), 0, time
                kind = (given.rate, given.layout.name)
                expected = time
            samples = self._resampled(resampler, given)
            yield start, offset, samples
            offset += len(samples)
            expected = (time if expected is None else expected) + frame.samples / frame.rate
        if resampler is not None:
            yield start, offset, self._resampled(resampler, None)

    def _given(self, frame: Any, channels: np.ndarray) -> Any:
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

    def _resampler(self) -> Any:
        """A converter of frames of one kind to what is wanted."""
        import av

        return av.AudioResampler(format="fltp", layout=self._layout, rate=self.sample_rate)

    def _resampled(self, resampler: Any, frame: Any) -> np.ndarray:
        """What a resampler gives for a frame, or at the end for None, ``[S, C]`` f32."""
        given = [out.to_ndarray().T for out in resampler.resample(frame)]
        return np.concatenate([np.zeros((0, self.num_channels), np.float32), *given])

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


def _is_known(layout: str) -> bool:
    """True where FFmpeg can tell the channels of a layout apart by its name."""
    import av

    try:
        return bool(av.AudioLayout(layout).channels)
    except ValueError:
        return False
