"""Moods on rendered videos: how strong they are seen, whether each is like itself, and whether lips still close."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..actor import Actor, Direction, captured_sound, perform
from ..checks import InputError
from ..conventions import SAMPLE_RATE
from ..events import Listener, ignore
from ..motion import Motion
from ..motion.edit import concatenate
from ..motion.moods import MOODS
from ..speech import encode_speech
from ..speech.windows import interpolated
from ..voice.learning import closed_mouth
from ..voice.mouth import COLUMNS
from ..voice.scores import scores
from .seen_again import filmed, units_in

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
    """F1 of moments at which lips meet, against the recording that the sound is of."""
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
    seen = units_in(actor, motion, filmed(actor, motion, video, size=size, listener=listener), listener=listener)
    count = len(seen) // (1 + len(STRENGTHS))
    neutral, *parts = seen[: count * (1 + len(STRENGTHS))].split(count)
    lips = _Lips.of(actor, seconds, start, count)
    directions = {name: MOODS[name].direction for name in NAMED}
    rows = []
    for strength, part in zip(STRENGTHS, parts, strict=True):
        change = (part - neutral).mean(0)
        rows.append(
            MoodScores(
                mood=mood,
                asked=strength,
                seen=round(float(change @ directions[mood] / directions[mood].square().sum()), 3),
                alike=max(NAMED, key=lambda name: float(torch.cosine_similarity(change, directions[name], dim=0))),
                closures=round(lips.closures(part), 3),
                closures_neutral=round(lips.closures(neutral), 3),
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
    """The recording's lips while the words were said."""

    recorded: Tensor
    closed: Tensor
    activity: Tensor

    @staticmethod
    def of(actor: Actor, seconds: float, start: float, count: int) -> _Lips:
        clip, features = actor.clip.motion, encode_speech(_words(actor, seconds, start))
        times = torch.arange(count, dtype=torch.float64) / clip.fps * features.rate
        first = round(start * clip.fps)
        return _Lips(
            recorded=clip.units[first : first + count, COLUMNS],
            closed=closed_mouth(clip.units[:, COLUMNS].float()),
            activity=interpolated(features.activity[:, None].double(), times)[:, 0].float(),
        )

    def closures(self, seen: Tensor) -> float:
        """F1 of the closures of seen units ``[T, 52]``, about their own closed mouth."""
        told = seen[:, COLUMNS].float()
        return scores(
            told, self.recorded[: len(told)], self.activity[: len(told)], self.closed, closed_mouth(told)
        ).closures
