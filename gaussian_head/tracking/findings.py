"""What is doubtful about a clip: told as it is found, kept for the report, or reason to refuse."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..checks import InputError
from ..events import Event, Listener, Warned, ignore

Severity = Literal["refused", "left out", "warning"]
MOST_LOST = 0.2
"""Largest share of frames in which the face may be lost where nobody says otherwise."""
MOST_NAMED = 3
"""Stretches of frames that a sentence names."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One doubt about a clip."""

    kind: str
    """What it is, one of few words, for programs."""
    words: str
    """What was seen and what to do, one sentence for people."""
    severity: Severity
    """Whether the clip was refused, the frames were left out, or everything was used all the same."""
    frames: tuple[int, ...] = ()
    """Frames of the video it is about, counted at the capture's rate from its first picture; empty: all of it."""


class Findings:
    """Doubts about one video, in the order in which they were found."""

    def __init__(self, video: Path, fps: float, listener: Listener = ignore, *, most_lost: float = MOST_LOST) -> None:
        self._video, self.fps, self._listener = video, fps, listener
        self.most_lost = most_lost
        """Largest share of frames in which the face may be lost."""
        self.all: list[Finding] = []
        self.first = 0
        """Frame of the video that is the capture's first."""

    def add(self, kind: str, words: str, *, severity: Severity = "warning", frames: Iterable[int] = ()) -> None:
        """Keep a doubt and tell it; ``frames`` are of the capture and named after ``words`` that lack their full stop.

        Raises:
            InputError: the severity is "refused".
        """
        ours = tuple(int(t) + self.first for t in frames)
        sentence = words if words.endswith(".") or not ours else f"{words} {spoken(ours, self.fps)}."
        self.all.append(Finding(kind=kind, words=sentence, severity=severity, frames=ours))
        if severity == "refused":
            raise InputError(f"video {self._video}: {sentence}")
        self._listener(Warned(message=sentence))

    def listening(self, kind: str) -> Listener:
        """A listener that keeps every warning as a doubt of that kind."""

        def listen(event: Event) -> None:
            if isinstance(event, Warned):
                self.add(kind, event.message)

        return listen

    def left_out(self, num_frames: int) -> np.ndarray:
        """Frames of a capture of ``num_frames`` that some doubt leaves out."""
        frames = [t - self.first for finding in self.all if finding.severity == "left out" for t in finding.frames]
        return np.unique([t for t in frames if 0 <= t < num_frames]).astype(int)

    def as_json(self) -> list[dict[str, Any]]:
        """JSON-ready rows with kind, words, severity and frames."""
        return [{"kind": f.kind, "words": f.words, "severity": f.severity, "frames": list(f.frames)} for f in self.all]


def spoken(frames: Iterable[int], fps: float) -> str:
    """Frames in words: ``frames 40 to 64 (1.6 to 2.6 s), frame 90 (3.6 s)``."""
    parts = []
    stretches = runs(np.array(sorted(frames), int))
    for first, last in stretches[:MOST_NAMED]:
        if first == last:
            parts.append(f"frame {first} ({first / fps:.1f} s)")
        else:
            parts.append(f"frames {first} to {last} ({first / fps:.1f} to {(last + 1) / fps:.1f} s)")
    more = len(stretches) - MOST_NAMED
    return ", ".join(parts) + (f" and {more} more such stretches" if more > 0 else "")


def runs(frames: np.ndarray) -> list[tuple[int, int]]:
    """First and last of each unbroken stretch of ascending frame numbers."""
    if not len(frames):
        return []
    parts = np.split(frames, np.flatnonzero(np.diff(frames) > 1) + 1)
    return [(int(part[0]), int(part[-1])) for part in parts]
