"""The moods of a live head: told at any time, taken on and left in a second, without hearing what comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..actor import Actor
from ..motion import Motion
from ..motion.acts import Acted
from ..motion.emotion import PAUSE_SECONDS, Feeling, expressed, opening_bounds, openness, posture, range_of
from ..motion.mood_words import parse_moods
from ..motion.moods import Mood

CHANGING_SECONDS = 0.8
"""How long a mood takes to come or go."""


@dataclass(frozen=True, kw_only=True)
class _Asked:
    mood: Mood
    upper: float
    lower: float


class Feelings:
    """What one live head feels."""

    def __init__(self, actor: Actor) -> None:
        """Nothing yet."""
        self._actor, self._fps = actor, actor.clip.motion.fps
        self._bounds = opening_bounds(actor.clip.motion.units, actor.head.code_map)
        self._asked: Mapping[str, _Asked] = {}
        self._now: dict[str, _Asked] = {}
        self._closed = 1.0

    def tell(self, words: str) -> None:
        """Feel as words say, "happy:0.6 surprised:0.2"; "" or "neutral" for nothing.

        Raises:
            InputError: a mood that is unknown, or a strength that is none.
        """
        score = parse_moods(words or "neutral")
        usual = self._actor.clip.motion.controls.median(0).values
        reach = {name: range_of(self._actor.head.code_map, usual, mood) for name, mood in score.moods.items()}
        if self._actor.head.anchors is not None:
            reach = {name: bounds.unbounded for name, bounds in reach.items()}
        felt = score.feelings(1, self._fps, reach)
        self._asked = {
            name: _Asked(mood=feeling.mood, upper=float(feeling.strength), lower=float(feeling.lower))
            for name, feeling in zip(score.moods, felt, strict=True)
        }

    def next(self) -> tuple[Feeling, ...]:
        """What is felt in the next frame."""
        step = 1 / (CHANGING_SECONDS * self._fps)
        for name in {*self._asked, *self._now}:
            goal, now = self._asked.get(name), self._now.get(name)
            mood = (goal or now).mood  # type: ignore[union-attr]
            ends = ((goal.upper, goal.lower) if goal else (0.0, 0.0), (now.upper, now.lower) if now else (0.0, 0.0))
            upper, lower = (at + min(max(aim - at, -step), step) for aim, at in zip(*ends, strict=True))
            self._now[name] = _Asked(mood=mood, upper=upper, lower=lower)
            if not goal and not upper and not lower:
                del self._now[name]
        return tuple(
            Feeling(mood=one.mood, strength=torch.tensor([one.upper]), lower=torch.tensor([one.lower]))
            for one in self._now.values()
        )

    def shown(self, motion: Motion, feelings: tuple[Feeling, ...]) -> Motion:
        """One frame with the face that goes with what is felt."""
        code_map = self._actor.head.code_map
        open = openness(motion.units, code_map, self._bounds)
        self._closed += (1 - float(open) - self._closed) / max(PAUSE_SECONDS * self._fps, 1)
        if not feelings:
            return motion
        closed = torch.tensor([self._closed])
        return replace(motion, units=expressed(motion.units, feelings, open, closed, code_map))


def acted_together(acted: Acted, feelings: tuple[Feeling, ...]) -> Acted:
    """What a head does, of one frame, in the posture of what is felt."""
    held = posture(feelings, 1)

    def sum_of(name: str) -> Tensor:
        return getattr(acted, name) + getattr(held, name)

    return Acted(turn=sum_of("turn"), shift=sum_of("shift"), gaze=sum_of("gaze"))
