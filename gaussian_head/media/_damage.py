"""Which pictures of a damaged or halting video are not to be trusted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..events import Listener, Warned

PLACES = 6
"""Stretches of frames that a message names."""


@dataclass(frozen=True, kw_only=True)
class BadFrames(Warned):
    """Some of the frames that ``read_frames`` gave show no moment of their own truly: leave them out."""

    frames: tuple[int, ...]
    """Their numbers in the order they were given: smeared by damage, or copies that fill a pause or loss."""


class Damage:
    """Follows a stream's frames and notes which lack what they build on.

    A picture that the decoder had to patch spoils all that follow up to the next key picture, and those between it and
    the picture before, which are made of both; patched between two others (a B picture), only its neighbours there.
    """

    def __init__(self) -> None:
        self.times: set[float] = set()
        """Seconds of the pictures that are not whole, as ``seconds`` rounds them."""

    def watch(self, frames: Iterable[Any], failures: list[str]) -> Iterator[Any]:
        """Yield the frames as they come, in the order of showing; ``failures`` grows with packets that were lost."""
        from av.video.frame import PictureType

        between: list[float] = []
        patched = broken = False
        known = len(failures)
        for frame in frames:
            time, lost = seconds(frame), len(failures) > known
            known = len(failures)
            whole = not (frame.is_corrupt or lost)
            if frame.pict_type == PictureType.B and not lost:
                between.append(time)
                patched |= not whole
            else:
                if patched or not whole:
                    self.times.update(between)
                between, patched = [], False
                broken = not whole or (broken and not frame.key_frame)
            if broken or not whole:
                self.times.add(time)
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

    def report(self, path: str | Path, damage: Damage, lost: int, given: int, listener: Listener) -> None:
        """Tell the listener, where there is something to tell; ``lost`` packets could not be decoded at all."""
        smeared = [k for first, stop, time, _ in self._spans if time in damage.times for k in range(first, stop)]
        copies = [k for a, b, _, at in self._spans for k in range(a, b) if abs(k / self._fps - at) > self._tolerance]
        said = []
        if lost or smeared:
            said.append(f"parts of it are damaged, {len(smeared)} of {given} pictures are smeared{places(smeared)}")
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
