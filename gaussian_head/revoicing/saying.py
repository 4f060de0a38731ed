"""A machine's voice put in step with lips, in a person's colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError
from ..conventions import SAMPLE_RATE
from ..lips import LipJudge
from ..lips.judge import SECOND
from .aligning import Alignment, Heard, align_to_lips, by_words, cheapest
from .phoning import words_in_sound
from .speaking import Spoken
from .splicing import spliced
from .world import RATE, WorldVoice

LIKELY, LEAD = 0.05, 0.004
"""By how much cheaper than on the same lips in another order the best phrase must be, and than the second one, not to
be none of these: nine of ten right ones among twenty of one grammar lead by more than that."""
BETTER = 0.105
"""By how much cheaper than ordinary sentences are on average it must be, where those are given in place of ``LEAD``."""
ORDINARY = {
    "en": (
        "the quick brown fox jumps over the lazy dog", "she had your dark suit in greasy wash water",
        "my favourite season is early autumn", "please call me back tomorrow morning",
        "we could not find the keys anywhere", "turn left after the second bridge",
        "nobody knew what the answer was", "they painted the kitchen yellow",
        "a train arrives in twenty minutes", "open the window before you leave",
        "his brother works at the harbour", "most people like warm weather",
    ),
}  # fmt: skip
"""Sentences of a language that nobody is expected to say in the film."""
PIECES = (3, 5)
"""Into how many pieces lips are cut and put together from the last to the first."""
FEWEST_SECONDS = 0.6
PAUSE_SECONDS = 0.06
"""Between words, from which on nothing sounds."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """Speech for silent lips."""

    samples: np.ndarray
    """``[S]`` f32, 16 kHz, as long as the film."""
    spoken: Spoken
    """The text."""
    alignment: Alignment
    """When what is said."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which of several phrases lips say."""

    best: int
    """Its number."""
    costs: tuple[float, ...]
    """Of each, the mean of all judges' distances of lips and sound; the smaller the better it fits."""
    confidence: float
    """How far the best lies under the mean of the others, over their standard deviation."""
    fits: bool
    """The best is better than none of these."""


def in_step(units: Tensor, fps: float, spoken: Spoken, like: np.ndarray | None, judge: LipJudge | None = None) -> Said:
    """A said text, stretched to the lips and coloured like a person.

    Args:
        units: ``[T, 52]`` of the film.
        fps: its frames per second.
        spoken: the text.
        like: ``[S]`` mono f32 at 16 kHz of the person's voice; None keeps the machine's.
        judge: what tells lips and sound apart; the package's own.

    Raises:
        InputError: a film of a moment, or pyworld is not installed.
    """
    if len(units) / fps < FEWEST_SECONDS:
        raise InputError(f"the film has {len(units) / fps:.1f} s; at least {FEWEST_SECONDS:g} s were wanted.")
    words = words_in_sound(spoken.samples, spoken.phones)
    alignment = by_words(
        align_to_lips(units, fps, spoken.samples, judge),
        np.array([word.start for word in words]),
        np.array([word.end for word in words]),
    )
    length = round(len(units) / fps * SAMPLE_RATE)
    moments = np.arange(0, length, SAMPLE_RATE / RATE) / SAMPLE_RATE
    at = np.interp(moments, alignment.film, alignment.said, left=-1.0, right=-1.0)
    at[_in_pauses(moments, alignment.film)] = -1.0
    samples = (spliced(spoken.samples, at, RATE) if like is None else _coloured(spoken.samples, like, at))[:length]
    samples = np.pad(samples, (0, length - len(samples)))
    loudest = np.abs(samples).max(initial=1e-6)
    wanted = np.abs(like if like is not None else spoken.samples).max(initial=0.1)
    return Said(samples=samples * min(wanted, 0.95) / loudest, spoken=spoken, alignment=alignment)


def _coloured(sound: np.ndarray, like: np.ndarray, at: np.ndarray) -> np.ndarray:
    """``sound [S]`` as heard at seconds ``at [F]`` of it, RATE of them a second, silent below 0, with the pitch and the
    colours of ``like [S2]``."""
    voice = WorldVoice.of(sound).coloured_like(WorldVoice.of(like))
    stretched = voice.at((at * RATE).clip(0, len(voice) - 1))
    quiet = (at < 0) | (at > len(sound) / SAMPLE_RATE)
    stretched.pitch[quiet] = 0
    stretched.spectrum[quiet] = 1e-14
    return stretched.samples()


def _in_pauses(moments: np.ndarray, film: np.ndarray) -> np.ndarray:
    """``[F]`` bool, moments in pauses between words, whose ``film [2 W]`` begins and ends take turns."""
    gap = np.searchsorted(film, moments)
    inside = (gap % 2 == 0) & (gap > 0) & (gap < len(film))
    length = np.diff(film, prepend=film[:1], append=film[-1:])[gap]
    return inside & (length > PAUSE_SECONDS)


def choose(
    units: Tensor,
    fps: float,
    phrases: Sequence[Spoken],
    judges: Sequence[LipJudge] = (),
    ordinary: Sequence[Spoken] = (),
) -> Choice:
    """The phrase that fits lips best.

    Args:
        units: ``[T, 52]`` of the film.
        fps: its frames per second.
        phrases: two or more.
        judges: whose mean decides; the package's two where none are given.
        ordinary: ``ORDINARY`` sentences by the same voice, which tell better whether any phrase fits at all.

    Raises:
        InputError: fewer than two phrases.
    """
    if len(phrases) < 2:
        raise InputError(f"{len(phrases)} phrase came; two or more to choose among were wanted.")
    judges = judges or (LipJudge.load(), LipJudge.load(SECOND))
    heard = [Heard.by(judges, one.samples) for one in (*phrases, *ordinary)]
    found = [
        costs_of(judge.embed_lips(units, fps), by) for judge, by in zip(judges, zip(*heard, strict=True), strict=True)
    ]
    costs = torch.stack(found).mean(0)
    return choice_of(costs[:, : len(phrases)], costs[0, len(phrases) :])


def costs_of(lips: Tensor, heard: Sequence[Heard]) -> Tensor:
    """``[2, P]`` what lips ``[T, E]`` cost as each of P phrases, and what the same lips in another order do."""
    others = [lips.flip(0), *(torch.cat(list(lips.chunk(pieces))[::-1]) for pieces in PIECES)]
    return torch.tensor(
        [
            [cheapest(lips, one)[1] for one in heard],
            [sum(cheapest(other, one)[1] for other in others) / len(others) for one in heard],
        ]
    )


def choice_of(costs: Tensor, ordinary: Tensor | None = None) -> Choice:
    """As ``choose``, from what ``costs_of`` gives of phrases, and what lips cost as ordinary sentences ``[N]``."""
    own, shuffled = costs
    best = int(own.argmin())
    rest = torch.cat([own[:best], own[best + 1 :]])
    spread = float(rest.std()) if len(rest) > 1 else abs(float(rest[0]))
    better = float(rest.min() - own[best]) > LEAD
    if ordinary is not None and len(ordinary):
        better = float(ordinary.mean() - own[best]) > BETTER
    return Choice(
        best=best,
        costs=tuple(own.tolist()),
        confidence=float(rest.mean() - own[best]) / max(spread, 1e-6),
        fits=float(own[best] - shuffled[best]) < -LIKELY and better,
    )
