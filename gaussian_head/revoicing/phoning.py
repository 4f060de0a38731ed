"""Where each phone of a known text lies in a sound: forced alignment with the acoustic model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..checks import InputError
from ..speech.phones import cepstra, phone_names, state_likelihoods, with_slopes
from ..speech.sphinx import acoustic_model

RATE = 100.0
"""Feature frames a second."""
SILENCE = "SIL"


@dataclass(frozen=True, kw_only=True)
class Word:
    """A word in a sound."""

    phones: tuple[str, ...]
    """ARPABET."""
    starts: tuple[float, ...]
    """Seconds at which each of them begins."""
    end: float
    """Seconds at which the last one ends."""

    @property
    def start(self) -> float:
        """Seconds at which it begins."""
        return self.starts[0]


def words_in_sound(samples: np.ndarray, words: Sequence[Sequence[str]]) -> tuple[Word, ...]:
    """Viterbi over the words' phones in order, with silence wherever it fits around them.

    Args:
        samples: ``[S]`` mono f32 at 16 kHz.
        words: phones of each word.

    Raises:
        InputError: the sound is too short for so many phones.
    """
    names, likelihood = phone_names(), state_likelihoods(with_slopes(cepstra(samples)))
    silent = names.index(SILENCE)
    states, owner = [], []
    for i, phones in enumerate(words):
        states += [3 * silent + k for k in range(3)]
        owner += [(-1, 0)] * 3
        for j, phone in enumerate(phones):
            states += [3 * names.index(phone) + k for k in range(3)]
            owner += [(i, j)] * 3
    states += [3 * silent + k for k in range(3)]
    owner += [(-1, 0)] * 3
    if len(likelihood) < 3 * sum(map(len, words)):
        raise InputError(f"{len(likelihood) / RATE:.1f} s are too short for {sum(map(len, words))} phones.")
    path = _best_path(likelihood, np.array(states), np.array([i < 0 for i, _ in owner]))
    found = []
    for i, phones in enumerate(words):
        frames = [[t for t, s in enumerate(path) if owner[s] == (i, j)] for j in range(len(phones))]
        found.append(
            Word(phones=tuple(phones), starts=tuple(f[0] / RATE for f in frames), end=(frames[-1][-1] + 1) / RATE)
        )
    return tuple(found)


def _best_path(likelihood: np.ndarray, states: np.ndarray, skippable: np.ndarray) -> np.ndarray:
    """State ``[F]`` at each frame of the most likely way through ``states`` in order; silences may be passed over."""
    stay = np.log(acoustic_model().stay.reshape(-1)[states])
    leave = np.log1p(-acoustic_model().stay.reshape(-1)[states])
    F, S = len(likelihood), len(states)
    score = np.full(S, -np.inf)
    first_sound = 3
    score[[0, first_sound]] = likelihood[0, states[[0, first_sound]]]
    back = np.zeros((F, S), np.int32)
    over = np.zeros(S, bool)
    over[4:] = skippable[3:-1] & skippable[1:-3] & ~skippable[4:]
    for t in range(1, F):
        options = np.full((3, S), -np.inf)
        options[0] = score + stay
        options[1, 1:] = score[:-1] + leave[:-1]
        options[2, 4:] = np.where(over[4:], score[:-4] + leave[:-4], -np.inf)
        choice = options.argmax(0)
        back[t] = np.arange(S) - np.array([0, 1, 4])[choice]
        score = options[choice, np.arange(S)] + likelihood[t, states]
    path = np.empty(F, np.int32)
    path[-1] = S - 1 if score[-1] >= score[-4] else S - 4
    for t in range(F - 1, 0, -1):
        path[t - 1] = back[t, path[t]]
    return path
