"""Moods on rendered videos: how strong they are seen, whether each is like itself, and whether lips still close."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..actor import Actor, Direction, captured_sound, perform
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


def perform_moods(actor: Actor, *, seconds: float, start: float = 0.0) -> Motion:
    """The same words of the clip neutral, then in every mood at every strength, one after another."""
    samples = captured_sound(actor.clip)
    if samples is None:
        raise ValueError("the clip's sound is wanted")
    part = samples[round(start * SAMPLE_RATE) : round((start + seconds) * SAMPLE_RATE)]
    told = ["", *(f"{name}:{strength}" for name in NAMED for strength in STRENGTHS)]
    pieces = [perform(actor, part, Direction(pose="still", blink=False, emotion=words)) for words in told]
    whole = pieces[0]
    for piece in pieces[1:]:
        whole = concatenate(whole, piece)
    return whole


def measure_moods(
    actor: Actor,
    video: Path,
    *,
    size: int,
    seconds: float = 4.0,
    start: float = 0.0,
    listener: Listener = ignore,
) -> list[MoodScores]:
    """Render ``perform_moods`` to ``video``, find the units in its pictures, and score them."""
    motion = perform_moods(actor, seconds=seconds, start=start)
    seen = units_in(actor, motion, filmed(actor, motion, video, size=size, listener=listener), listener=listener)
    count = len(seen) // (1 + len(NAMED) * len(STRENGTHS))
    parts = list(seen[: count * (1 + len(NAMED) * len(STRENGTHS))].split(count))
    neutral, rows = parts[0], []
    lips = _Lips.of(actor, seconds, start, count)
    plain = lips.closures(neutral)
    directions = {name: MOODS[name].direction for name in NAMED}
    for k, part in enumerate(parts[1:]):
        name, strength = NAMED[k // len(STRENGTHS)], STRENGTHS[k % len(STRENGTHS)]
        change = (part - neutral).mean(0)
        rows.append(
            MoodScores(
                mood=name,
                asked=strength,
                seen=round(float(change @ directions[name] / directions[name].square().sum()), 3),
                alike=max(NAMED, key=lambda n: float(torch.cosine_similarity(change, directions[n], dim=0))),
                closures=round(lips.closures(part), 3),
                closures_neutral=round(plain, 3),
            )
        )
    return rows


@dataclass(frozen=True, kw_only=True)
class _Lips:
    """The recording's lips while the words were said."""

    recorded: Tensor
    closed: Tensor
    activity: Tensor

    @staticmethod
    def of(actor: Actor, seconds: float, start: float, count: int) -> _Lips:
        clip, samples = actor.clip.motion, captured_sound(actor.clip)
        part = np.asarray(samples)[round(start * SAMPLE_RATE) : round((start + seconds) * SAMPLE_RATE)]
        features = encode_speech(part)
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
