"""Moods on rendered videos: how strong they are seen, whether each is like itself, and whether lips still close."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..actor import Actor, Direction, captured_sound, perform
from ..capture import capture_of
from ..checks import InputError
from ..conventions import SAMPLE_RATE
from ..events import Listener, ignore
from ..metrics.lips import mouth_opening
from ..motion import Motion
from ..motion.edit import concatenate
from ..motion.moods import MOODS
from ..speech import encode_speech
from ..speech.windows import interpolated
from ..voice.scores import SPEAKING, agreement, meetings
from .seen_again import filmed, marks_in, units_of_marks

SHUT_SHARE = 0.25
STRENGTHS = (0.25, 0.5, 0.75, 1.0)
NAMED = tuple(name for name in MOODS if name != "neutral")


@dataclass(frozen=True, kw_only=True)
class MoodScores:
    """One mood at one strength on one head."""

    mood: str
    asked: float
    seen: float
    """Strength in the re-tracked units: the change from neutral along the mood's own direction."""
    alike: str
    """The mood whose direction the seen change is most alike."""
    closures: float
    """F1 of moments at which the lips meet in the pictures while somebody speaks, against the recording's."""
    closures_neutral: float
    """The same of the neutral performance."""


def perform_mood(actor: Actor, mood: str, *, seconds: float, start: float = 0.0) -> Motion:
    """The same words of the clip neutral, then in a mood at every strength, one after another."""
    part = _words(actor, seconds, start)
    told = ["", *(f"{mood}:{strength}" for strength in STRENGTHS)]
    pieces = [perform(actor, part, Direction(pose="still", blink=False, emotion=words)) for words in told]
    return reduce(concatenate, pieces)


def measure_mood(
    actor: Actor,
    mood: str,
    video: Path,
    *,
    size: int,
    seconds: float = 4.0,
    start: float = 0.0,
    listener: Listener = ignore,
) -> list[MoodScores]:
    """Render ``perform_mood`` to ``video``, find the units in its pictures, and score each strength."""
    motion = perform_mood(actor, mood, seconds=seconds, start=start)
    marks = marks_in(filmed(actor, motion, video, size=size, listener=listener), listener=listener)
    seen, opening = units_of_marks(actor, motion, video, marks), torch.from_numpy(mouth_opening(marks[..., :2]))
    count = len(seen) // (1 + len(STRENGTHS))
    neutral, *parts = seen[: count * (1 + len(STRENGTHS))].split(count)
    openings = opening[: count * (1 + len(STRENGTHS))].split(count)
    lips = _Lips.of(actor, seconds, start, openings[0])
    directions = {name: MOODS[name].direction for name in NAMED}
    rows = []
    for strength, part, opened in zip(STRENGTHS, parts, openings[1:], strict=True):
        change = (part - neutral).mean(0)
        rows.append(
            MoodScores(
                mood=mood,
                asked=strength,
                seen=round(float(change @ directions[mood] / directions[mood].square().sum()), 3),
                alike=max(NAMED, key=lambda name: float(torch.cosine_similarity(change, directions[name], dim=0))),
                closures=round(lips.closures(opened), 3),
                closures_neutral=round(lips.closures(openings[0]), 3),
            )
        )
    return rows


def _words(actor: Actor, seconds: float, start: float) -> np.ndarray:
    """A part of what is said in an actor's clip."""
    samples = captured_sound(actor.clip)
    if samples is None:
        raise InputError("the sound of the head's clip is not there; moods are measured on its own words.")
    return samples[round(start * SAMPLE_RATE) : round((start + seconds) * SAMPLE_RATE)]


@dataclass(frozen=True, kw_only=True)
class _Lips:
    """When the recording's lips met while the words were said, and what counts as met in the videos."""

    met: Tensor
    """``[n]`` frames."""
    speaking: Tensor
    """``[T]`` bool."""
    limit: float
    """Opening of the rendered mouth below which it is shut: of the neutral performance's."""

    @staticmethod
    def of(actor: Actor, seconds: float, start: float, neutral: Tensor) -> _Lips:
        capture = capture_of(actor.clip.motion, actor.clip.capture_path)
        first, count = round(start * capture.fps), len(neutral)
        features = encode_speech(_words(actor, seconds, start))
        times = torch.arange(count, dtype=torch.float64) / capture.fps * features.rate
        speaking = interpolated(features.activity[:, None].double(), times)[:, 0] > SPEAKING
        recorded = torch.from_numpy(mouth_opening(capture.landmarks.numpy()))
        shut = recorded[first : first + count] < _limit(recorded)
        return _Lips(met=meetings(shut & speaking), speaking=speaking, limit=_limit(neutral))

    def closures(self, opening: Tensor) -> float:
        """F1 of the moments at which lips ``opening [T]`` apart meet."""
        return agreement(meetings((opening < self.limit) & self.speaking), self.met)


def _limit(opening: Tensor) -> float:
    """A quarter of the way from the closed to the widest mouth, as `metrics.lips` has it for silence."""
    low, high = opening[opening.isfinite()].quantile(torch.tensor([0.01, 0.99], dtype=opening.dtype)).tolist()
    return low + SHUT_SHARE * (high - low)
