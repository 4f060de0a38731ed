"""The timing of lips: a said text is stretched until it fits them, by dynamic programming on the judge's embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import lsq_linear
from torch import Tensor

from ..conventions import SAMPLE_RATE
from ..lips import LipJudge
from ..speech import encode_speech

SILENCE_SECONDS = 0.5
"""Silence around the said text; before and after it lips may do as they like."""
AUDIBLE = 0.02
"""Of the loudest sample, from which on something is said."""
STEPS = (0, 1, 2, 3)
"""Frames of the said text that may pass in one frame of the film."""
TEMPO_COST = (0.06, 0.0, 0.06, 0.3)
"""What each of them costs beside the distance of lips and sound, 0 to 2."""
SHORTEST, LONGEST = 0.6, 1.6
"""Times its own length that a word may last in the film."""
INSIDE = 0.02
"""Seconds inside a word at which its ends are looked up: where a pause stands, one ends and another begins."""
PAUSELESS = 0.1
"""Weight of a pause between words beside the places of their ends."""
LEAD_SECONDS = 0.037
"""Words of a machine's voice begin so much later in such an alignment than in the phones of the same sound: measured
between machine's and people's sound, without lips."""


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """When what of a said text is said."""

    film: np.ndarray
    """``[K]`` seconds of the film, ascending."""
    said: np.ndarray
    """``[K]`` seconds of the said text that belong there, ascending."""
    cost: float
    """Mean distance of lips and sound over the film, with what its tempo costs; the smaller the better they fit."""

    def in_film(self, seconds: np.ndarray | float) -> np.ndarray:
        """Seconds of the film at seconds of the said text."""
        return np.asarray(np.interp(seconds, self.said, self.film))


def by_words(alignment: Alignment, starts: np.ndarray, ends: np.ndarray) -> Alignment:
    """The nearest alignment in which every word has one tempo, not far from its own, and pauses lie between words.

    Args:
        alignment: frame by frame.
        starts: ``[W]`` seconds of the said text at which words begin.
        ends: ``[W]`` seconds at which they end.
    """
    W, own = len(starts), np.maximum(ends - starts, 1e-3)
    lasts = np.concatenate([np.zeros((W, 1)), np.tril(np.ones((W, W)), -1), np.tril(np.ones((W, W - 1)), -1)], 1)
    lasts[:, 0] = 1
    closes = lasts.copy()
    closes[:, 1 : W + 1] += np.eye(W)
    pauses = PAUSELESS * np.eye(2 * W)[W + 1 :]
    inside = alignment.in_film(starts + INSIDE) - INSIDE, alignment.in_film(ends - INSIDE) + INSIDE
    wanted = np.concatenate([*inside, np.zeros(W - 1)])
    least = np.concatenate([[-np.inf], SHORTEST * own, np.zeros(W - 1)])
    most = np.concatenate([[np.inf], LONGEST * own, np.full(W - 1, np.inf)])
    found = lsq_linear(np.concatenate([lasts, closes, pauses]), wanted, (least, most)).x
    film = np.stack([lasts @ found, closes @ found], 1).ravel()
    return Alignment(film=film, said=np.stack([starts, ends], 1).ravel(), cost=alignment.cost)


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A said text as the judge hears it."""

    sound: Tensor
    """``[S, 32]`` embeddings at the judge's rate, silence before and after."""
    begin: int
    """First frame in which something is said."""
    end: int
    """The last one."""

    @staticmethod
    def of(samples: np.ndarray, judge: LipJudge) -> Heard:
        """Hear ``samples [S]``, mono f32 at 16 kHz."""
        return Heard.by([judge], samples)[0]

    @staticmethod
    def by(judges: Sequence[LipJudge], samples: np.ndarray) -> list[Heard]:
        """As ``of``, by several judges with the same ears."""
        padded = np.pad(samples, round(SILENCE_SECONDS * SAMPLE_RATE))
        features = encode_speech(padded, encoder=judges[0].hearing.encoder)
        loud = np.flatnonzero(np.abs(padded) > AUDIBLE * np.abs(padded).max(initial=1e-9))
        found = []
        for judge in judges:
            rate = judge.hearing.rate
            sound = judge.embed_sound(features, max(int(len(padded) / SAMPLE_RATE * rate), 2))
            begin, end = (int(loud[i] / SAMPLE_RATE * rate) for i in (0, -1)) if len(loud) else (0, len(sound) - 1)
            found.append(Heard(sound=sound, begin=begin, end=min(end + 1, len(sound) - 1)))
        return found


def align_to_lips(units: Tensor, fps: float, samples: np.ndarray, judge: LipJudge | None = None) -> Alignment:
    """Where lips say what is said.

    Args:
        units: ``[T, 52]`` of the film.
        fps: its frames per second.
        samples: ``[S]`` mono f32 at 16 kHz, the said text.
        judge: what tells lips and sound apart; the package's own.
    """
    judge = judge or LipJudge.load()
    path, cost = cheapest(judge.embed_lips(units, fps), Heard.of(samples, judge))
    rate, said = judge.hearing.rate, np.unique(path)
    film = np.array([np.flatnonzero(path == frame).mean() for frame in said])
    return Alignment(film=film / rate - LEAD_SECONDS, said=said / rate - SILENCE_SECONDS, cost=cost)


def cheapest(lips: Tensor, heard: Heard) -> tuple[np.ndarray, float]:
    """Frame of the said text ``[T]`` in each frame of lips ``[T, E]`` on the cheapest monotone way, and its cost."""
    apart = (1 - lips @ heard.sound.T).numpy()
    T, S = apart.shape
    silent = np.ones(S, bool)
    silent[heard.begin : heard.end + 1] = False
    total, back = np.full(S, np.inf), np.zeros((T, S), np.int32)
    total[: heard.begin + 1] = apart[0, : heard.begin + 1]
    for t in range(1, T):
        options = np.full((len(STEPS), S), np.inf)
        for k, step in enumerate(STEPS):
            options[k, step:] = total[: S - step] + np.where(silent, 0.0, TEMPO_COST[k])[step:]
        back[t] = options.argmin(0)
        total = options[back[t], np.arange(S)] + apart[t]
    path = np.empty(T, int)
    path[-1] = heard.end + int(total[heard.end :].argmin())
    for t in range(T - 1, 0, -1):
        path[t - 1] = path[t] - STEPS[back[t, path[t]]]
    return path, float(total[heard.end :].min()) / T
