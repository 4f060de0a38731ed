"""The sound of a file, decoded once and piece by piece, each piece with its place in time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import InputError
from ..events import Listener, Warned
from ._containers import decoded, moving_streams, open_container, packets
from ._mixing import listen, planar
from ._sound_output import SoundOutput, Wanted
from ._timeline import Timeline, timeline

GAP_SECONDS = 0.05
"""A hole in the time stamps longer than this is filled with silence."""

BLOCK_SECONDS = 0.15
"""A surplus at the end shorter than this is the codec's filling of its last block, and is cut."""

SPARE_SECONDS = 60.0
"""Sound before the first picture that may be decoded on top of what is wanted."""


class SoundSource:
    """The sound of one file, in one or several forms."""

    def __init__(self, path: str | Path, wanted: Sequence[Wanted], max_seconds: float, listener: Listener) -> None:
        """Choose track and channels of ``path`` and say so to ``listener``; see ``read_audio``."""
        self._path, self._most = path, max_seconds
        self._line = timeline(path, "sound")
        with open_container(path, "sound") as container:
            tracks = list(container.streams.audio)
            if not tracks:
                raise InputError(
                    f"sound {path} has no audio track; give a file with sound, or the sound as a wav beside it."
                )
            kinds = [(t.codec_context.sample_rate or 0, len(t.codec_context.layout.channels)) for t in tracks]
            order = sorted(range(len(tracks)), key=lambda k: not _is_default(tracks[k]))
        self._track, self._weights = order[0], dict[str, np.ndarray]()
        self._origin, self._end = first_picture_time(path, self._line), None
        self._any = False
        if len(kinds) > 1 or (kinds[0][1] > 1 and any(form.mono for form in wanted)):
            self._choose(order, listener)
        self.outputs = tuple(SoundOutput(form, kinds[self._track], self._weights) for form in wanted)
        """One for each form that is wanted."""

    @property
    def track(self) -> int:
        """Number of the chosen track among the file's sound tracks, from 0."""
        return self._track

    def runs(self) -> Iterator[tuple[int, int, np.ndarray]]:
        """Which output, the index of the first sample and the samples ``[S, C]`` f32, as they are decoded.

        Raises:
            InputError: more than the bound, or NaN or infinity.
        """
        with open_container(self._path, "sound") as container:
            stream = container.streams.audio[self._track]
            self._end = _stated_end(stream) if len(self._line.shifts) == 1 else None
            for which, start, offset, samples in self._pieces(self._frames(container, stream)):
                output = self.outputs[which]
                self._origin = start if self._origin is None else self._origin
                at = round((start - self._origin) * output.sample_rate) + offset
                run, at = samples[max(-at, 0) :], max(at, 0)
                self._any = True
                self._require_short((at + len(run)) / output.sample_rate)
                output.length = max(output.length, at + len(run)) if len(run) else output.length
                yield which, at, run

    def length(self, which: int = 0) -> int:
        """Samples of an output in all, after ``runs``, less what the codec filled its last block with.

        Raises:
            InputError: nothing could be decoded.
        """
        if self._origin is None or not self._any:
            raise InputError(
                f"sound {self._path} has an audio track but nothing in it can be decoded; convert it to wav or mp4."
            )
        output = self.outputs[which]
        seconds = None if self._end is None else self._end - self._origin
        if seconds is not None and 0 < output.length / output.sample_rate - seconds < BLOCK_SECONDS:
            return max(round(seconds * output.sample_rate), 0)
        return output.length

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

    def _pieces(self, frames: Iterator[tuple[Any, np.ndarray]]) -> Iterator[tuple[int, float, int, np.ndarray]]:
        """Which output, the begin of an unbroken stretch in seconds, and what ``SoundOutput.take`` gives."""
        start, expected, kind = 0.0, None, None
        for frame, channels in frames:
            time = expected if frame.time is None else frame.time
            time = 0.0 if time is None else time
            gap = expected is not None and abs(time - expected) > GAP_SECONDS
            if gap or kind != (frame.rate, frame.layout.name):
                if kind is not None:
                    yield from ((k, start, *output.end()) for k, output in enumerate(self.outputs))
                kind, start, expected = (frame.rate, frame.layout.name), time, time
            yield from ((k, start, *output.take(frame, channels)) for k, output in enumerate(self.outputs))
            expected = (time if expected is None else expected) + frame.samples / frame.rate
        if kind is not None:
            yield from ((k, start, *output.end()) for k, output in enumerate(self.outputs))

    def _require_short(self, seconds: float) -> None:
        if seconds > self._most:
            raise InputError(f"sound {self._path} is longer than {self._most:g} s, the most that is taken; cut it.")


def _is_default(track: Any) -> bool:
    from av.stream import Disposition

    return bool(track.disposition & Disposition.default)


def first_picture_time(path: str | Path, line: Timeline) -> float | None:
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
