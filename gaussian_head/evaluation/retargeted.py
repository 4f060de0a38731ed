"""One person's units on another's head: rendered, tracked anew, and whose face it still is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..actor import Actor
from ..capture import capture_of
from ..events import Listener, ignore
from ..face import UNITS
from ..media import read_frames
from ..metrics.identity import FaceIdentity, distance
from ..motion import retarget
from ..voice.scores import correlation
from .seen_again import filmed, marks_in, units_of_marks

MEASURES = {
    "jaw": {"jawOpen": 1, "mouthClose": -1},
    "width": {"mouthSmileLeft": 1, "mouthSmileRight": 1, "mouthStretchLeft": 1, "mouthStretchRight": 1,
              "mouthPucker": -2},
    "pucker": {"mouthPucker": 1, "mouthFunnel": 1},
    "blink": {"eyeBlinkLeft": 1, "eyeBlinkRight": 1},
    "brows": {"browInnerUp": 1, "browOuterUpLeft": 0.5, "browOuterUpRight": 0.5},
}  # fmt: skip
"""Sums of units that are compared."""
FACES = 12
"""Pictures in which it is asked whose face it is."""


@dataclass(frozen=True, kw_only=True)
class RetargetScores:
    """One pair."""

    asked: dict[str, float]
    """By measure, correlation of what is seen in the pictures with what was asked for."""
    other: dict[str, float]
    """The same with what the source did half a clip later: what any talking face scores."""
    swing: dict[str, float]
    """Standard deviation asked for: a correlation with what hardly moves says nothing."""
    spread: dict[str, float]
    """Standard deviation seen over the one asked for."""
    identity: float | None
    """Median distance of embeddings between rendered pictures and recorded ones of the head's own person."""
    identity_self: float | None
    """The same between recorded pictures of that person."""
    identity_source: float | None
    """The same between rendered pictures and recorded ones of the person whose units they are."""


def measure_retarget(
    source: Actor,
    target: Actor,
    video: Path,
    *,
    size: int,
    frames: int,
    identity: FaceIdentity | None = None,
    listener: Listener = ignore,
) -> RetargetScores:
    """Let ``target`` do what ``source`` does in ``frames`` moments of its clip from the start; track the video anew.

    Args:
        source: who lends the units; poses too move from the target's own as the source's do.
        target: whose head is rendered; its capture tells the face that is tracked.
        video: .mp4 file to write, unless it is there.
        size: height in pixels.
        frames: moments.
        identity: embeds faces; without it identity is not measured.
        listener: receives Progress.
    """
    lent = source.clip.motion
    motion = retarget(lent.select(torch.arange(min(frames, len(lent)))), target.clip.motion)
    marks = marks_in(filmed(target, motion, video, size=size, listener=listener), listener=listener)
    seen = units_of_marks(target, motion, video, marks)
    asked = motion.units[: len(seen)]
    later = lent.units[(torch.arange(len(seen)) + len(lent) // 2) % len(lent)]
    whose = _whose(source, target, video, marks, identity) if identity else (None, None, None)
    return RetargetScores(
        asked={name: _correlation(seen, asked, name) for name in MEASURES},
        other={name: _correlation(seen, later, name) for name in MEASURES},
        swing={name: round(float(_measure(asked, name).std()), 3) for name in MEASURES},
        spread={
            name: round(float(_measure(seen, name).std() / _measure(asked, name).std().clamp(min=1e-6)), 3)
            for name in MEASURES
        },
        identity=whose[0],
        identity_self=whose[1],
        identity_source=whose[2],
    )


def _measure(units: Tensor, name: str) -> Tensor:
    """One of MEASURES ``[T]``."""
    return torch.stack([share * units[:, UNITS.index(unit)] for unit, share in MEASURES[name].items()]).sum(0)


def _correlation(a: Tensor, b: Tensor, name: str) -> float:
    return round(correlation(_measure(a, name), _measure(b, name)), 3)


def _whose(source: Actor, target: Actor, video: Path, marks: np.ndarray, identity: FaceIdentity) -> tuple[float, ...]:
    """Median distances of rendered faces to the target's own, of those to each other, of rendered to the source's."""
    chosen = set(np.linspace(0, len(marks) - 1, FACES).astype(int).tolist())
    rendered = [identity(picture, marks[t, :, :2]) for t, picture in enumerate(read_frames(video)) if t in chosen]
    ours, theirs = (_recorded(actor, identity) for actor in (target, source))
    return tuple(_between(*pair) for pair in ((rendered, ours), (ours, ours), (rendered, theirs)))


def _recorded(actor: Actor, identity: FaceIdentity) -> list[np.ndarray | None]:
    """Embeddings of frames of an actor's own clip."""
    capture = capture_of(actor.clip.motion, actor.clip.capture_path)
    frames = capture.train_frames[np.linspace(0, len(capture.train_frames) - 1, FACES).astype(int)].tolist()
    return [identity(capture.frame(t).image, capture.landmarks[t].numpy()) for t in frames]


def _between(a: list[np.ndarray | None], b: list[np.ndarray | None]) -> float:
    """Median distance of embeddings of ``a`` and ``b`` that are not the same one."""
    return round(float(np.nanmedian([distance(x, y) for x in a for y in b if x is not y])), 3)
