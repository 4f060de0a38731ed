"""Which pictures of a damaged or halting video are not to be trusted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..events import Listener, Warned

LAST_FRAMES = 2
"""So many frames fewer than a file's time stamps promise are no loss."""

PLACES = 6
"""Stretches of frames that a message names."""


@dataclass(frozen=True, kw_only=True)
class BadFrames(Warned):
    """Some of the frames that ``read_frames`` gave show no moment of their own truly: leave them out."""

    frames: tuple[int, ...]
    """Their numbers in the order they were given: smeared by damage, or copies that fill a pause or loss."""


class Damage:
    """Follows a stream's frames and notes which lack what they build on.

    A picture that the decoder had to patch spoils all that follow up to the next key picture, and the B pictures just
    before it, which may be made of it, too. Damage that a decoder cannot see (most in HEVC and VP9) stays unseen.
    """

    def __init__(self) -> None:
        self.times: set[float] = set()
        """Seconds of the pictures that are not whole, as ``seconds`` rounds them."""

    def watch(self, frames: Iterable[Any], failures: list[str]) -> Iterator[Any]:
        """Yield the frames as they come, in the order of showing; ``failures`` grows with packets that were lost."""
        from av.video.frame import PictureType

        between: list[float] = []
        broken, known = False, len(failures)
        for frame in frames:
            whole = not frame.is_corrupt and len(failures) == known
            known = len(failures)
            broken = not whole or (broken and not frame.key_frame)
            if not whole:
                self.times.update(between)
            if broken:
                self.times.add(seconds(frame))
            between = [*between, seconds(frame)] if frame.pict_type == PictureType.B else []
            yield frame


def seconds(frame: Any) -> float:
    """Time of a frame, rounded so that it can be found again."""
    return round(frame.time, 6)


class Shown:
    """Keeps which pictures stand for which frames, to tell in the end which of them are bad."""

    def __init__(self, fps: float, tolerance: float) -> None:
        """``fps`` of the frames given; a picture may stand up to ``tolerance`` seconds from its own moment."""
        self._fps, self._tolerance = fps, tolerance
        self._spans: list[tuple[int, int, float, float]] = []

    def add(self, first: int, stop: int, time: float, moment: float) -> None:
        """Frames ``first`` up to ``stop`` show the picture of ``time``, ``moment`` seconds after the first frame."""
        if stop > first:
            self._spans.append((first, stop, time, moment))

    def report(self, path: str | Path, damage: Damage, lost: int, expected: int, listener: Listener) -> None:
        """Tell the listener, where there is something to tell.

        ``lost`` packets could not be decoded at all; ``expected`` frames should have come.
        """
        given = self._spans[-1][1]
        smeared = [k for first, stop, time, _ in self._spans if time in damage.times for k in range(first, stop)]
        copies = [k for a, b, _, at in self._spans for k in range(a, b) if abs(k / self._fps - at) > self._tolerance]
        said = []
        if lost or smeared:
            said.append(f"parts of it are damaged, {len(smeared)} of {given} pictures are smeared{places(smeared)}")
        if given < expected - LAST_FRAMES:
            said.append(f"only the first {given} of {expected} pictures could be decoded")
        if copies:
            said.append(f"{len(copies)} of {given} pictures are copies that fill pauses or losses{places(copies)}")
        if said:
            frames = tuple(sorted({*smeared, *copies}))
            listener(BadFrames(message=f"video {path}: {'; '.join(said)}. Record or copy it again.", frames=frames))


def places(numbers: list[int]) -> str:
    """Frame numbers in words, runs put together."""
    if not numbers:
        return ""
    runs = np.split(np.array(numbers), np.flatnonzero(np.diff(numbers) > 1) + 1)
    words = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs[:PLACES]]
    return f" (frames {', '.join(words)}{' and more' if len(runs) > PLACES else ''})"
