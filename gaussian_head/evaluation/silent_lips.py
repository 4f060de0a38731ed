"""Speech for silent lips against the speech that was there: onsets of words, phrases among others, what is guessed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..capture import Capture
from ..checks import InputError
from ..conventions import SAMPLE_RATE
from ..events import Listener, ignore, tracked
from ..lips import LipJudge
from ..metrics.estoi import estoi
from ..revoicing import Choice, LipVoice, Spoken, align_to_lips, choose, speak_text, words_in_sound
from ..revoicing.aligning import AUDIBLE
from ..revoicing.opened import heard
from ..revoicing.world import RATE, WorldVoice

TAUGHT = 0.75
"""Of a clip teaches how its lips sound; the rest is guessed."""
VOICED = 0.5
"""Of ``heard``'s first column, from which on a frame counts as voiced."""


TELLING: dict[str, Callable[[Choice], float]] = {
    "cost": lambda choice: -min(choice.costs),
    "confidence": lambda choice: choice.confidence,
    "lead over the second": lambda choice: sorted(choice.costs)[1] - min(choice.costs),
}
"""What may tell that one of the phrases is said."""


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """A clip of known words."""

    capture: Capture
    """With sound."""
    text: str
    """What is said in it."""


@dataclass(frozen=True, kw_only=True)
class OnsetErrors:
    """Mean distance in milliseconds between where words begin and where they began, over all words."""

    lips: float
    """The text timed by the lips."""
    other_lips: float
    """Null row: timed by the same lips, their second half first."""
    from_start: float
    """Null row: the machine's speech, begun with the film."""
    stretched: float
    """Null row: the machine's speech, stretched over the film."""
    lateness: float
    """Mean of the lips' errors with their sign."""


@dataclass(frozen=True, kw_only=True)
class Guessed:
    """Sound guessed from lips alone, on the part of a clip that did not teach."""

    energy_r: float
    """Correlation of loudness in dB; NaN where the guess does not move."""
    voicing_f1: float
    """Of voiced frames."""
    bands_db: float
    """Root mean square distance of the bands."""
    estoi: float
    """Intelligibility of the sound made of the guess."""


def onset_errors(
    sentences: Sequence[Sentence], judge: LipJudge, *, language: str = "en-gb", listener: Listener = ignore
) -> OnsetErrors:
    """Where `voice --text` puts words, against a forced alignment of the true sound.

    Raises:
        InputError: espeak-ng is missing, or a capture is silent.
    """
    apart: dict[str, list[np.ndarray]] = {"lips": [], "other_lips": [], "from_start": [], "stretched": []}
    for sentence in tracked(sentences, "words in time", len(sentences), listener):
        spoken, samples = speak_text(sentence.text, language=language), sentence.capture.audio()
        true = _starts(samples, spoken)
        said = _starts(spoken.samples, spoken)
        units, fps = sentence.capture.motion.units, sentence.capture.fps
        seconds, begin = len(units) / fps, _first_sound(spoken.samples)
        guesses = {
            "lips": align_to_lips(units, fps, spoken.samples, judge).in_film(said),
            "other_lips": align_to_lips(units.roll(len(units) // 2, 0), fps, spoken.samples, judge).in_film(said),
            "from_start": said - begin,
            "stretched": said * seconds / (len(spoken.samples) / SAMPLE_RATE),
        }
        for name, guess in guesses.items():
            apart[name].append(1000 * (guess - true))
    errors = {name: np.concatenate(values) for name, values in apart.items()}
    means = {name: float(np.abs(values).mean()) for name, values in errors.items()}
    return OnsetErrors(**means, lateness=float(errors["lips"].mean()))


def _starts(samples: np.ndarray, spoken: Spoken) -> np.ndarray:
    """Seconds at which each word begins."""
    return np.array([word.start for word in words_in_sound(samples, spoken.phones)])


def _first_sound(samples: np.ndarray) -> float:
    return float(np.argmax(np.abs(samples) > AUDIBLE * np.abs(samples).max(initial=1e-9))) / SAMPLE_RATE


def phrases_found(
    sentences: Sequence[Sentence],
    others: Sequence[str],
    judges: Sequence[LipJudge] = (),
    *,
    of: int = 20,
    language: str = "en-gb",
    piper_voice: str | Path | None = None,
    seed: int = 0,
    listener: Listener = ignore,
) -> dict[str, float]:
    """Shares of sentences found first and among the first three, by their lips, among ``of`` phrases.

    Args:
        sentences: whose lips are read.
        others: what else could have been said; ``of - 1`` are drawn for each sentence.
        judges: what tells lips and sound apart; the package's two where none are given.
        of: phrases to choose among.
        language: as espeak-ng names it.
        piper_voice: who says the phrases, in place of espeak-ng.
        seed: of the draw.
        listener: receives Progress.

    Raises:
        InputError: fewer other texts than were asked for.
    """
    rng, spoken, ranks = np.random.default_rng(seed), {}, []
    right, without = [], []
    for sentence in tracked(sentences, "phrases", len(sentences), listener):
        pool = sorted({text for text in others if text != sentence.text})
        if len(pool) < of - 1:
            raise InputError(f"{len(pool)} other texts came; {of - 1} were wanted to choose among {of}.")
        texts = [sentence.text, *rng.choice(pool, of - 1, replace=False).tolist()]
        for text in texts:
            if text not in spoken:
                spoken[text] = speak_text(text, language=language, piper_voice=piper_voice)
        phrases = [spoken[text] for text in texts]
        choice, lacking = (
            choose(sentence.capture.motion.units, sentence.capture.fps, some, judges) for some in (phrases, phrases[1:])
        )
        ranks.append(sum(cost < choice.costs[0] for cost in choice.costs))
        right.append(choice)
        without.append(lacking)
    found = np.array(ranks)
    return {
        "of": of,
        "first": float((found == 0).mean()),
        "among the first three": float((found < 3).mean()),
        "chance": 1 / of,
        "none of these is told, of lists that lack the phrase": float(np.mean([not one.fits for one in without])),
        "none of these is told, of lists that hold it": float(np.mean([not one.fits for one in right])),
        **{
            f"lists that hold it told by {name}, area under the curve": told_apart(
                [value(one) for one in right], [value(one) for one in without]
            )
            for name, value in TELLING.items()
        },
    }


def told_apart(higher: Sequence[float], lower: Sequence[float]) -> float:
    """Share of pairs in which the first is the larger: the area under the receiver's curve, .5 by chance."""
    a, b = np.array(higher)[:, None], np.array(lower)
    return float(((a > b) + 0.5 * (a == b)).mean())


def guessed(capture: Capture) -> dict[str, Guessed]:
    """What `voice` without a text makes of a clip's last quarter, taught by the rest.

    Returns:
        The rows "lips", and the null rows "lips of another moment" and "mean spectrum".

    Raises:
        InputError: the clip is too short or silent, or pyworld is missing.
    """
    units, fps, samples = capture.motion.units, capture.fps, capture.audio()
    cut = int(TAUGHT * len(units))
    voice = LipVoice.learnt(units[:cut], fps, samples[: round(cut / fps * SAMPLE_RATE)])
    rest = units[cut:]
    spoken = samples[round(cut / fps * SAMPLE_RATE) :]
    true = heard(WorldVoice.of(spoken))
    known = heard(WorldVoice.of(samples[: round(cut / fps * SAMPLE_RATE)]))[: int(cut / fps * RATE)]
    rows = {
        "lips": voice.predicted(rest, fps),
        "lips of another moment": voice.predicted(rest.roll(len(rest) // 2, 0), fps),
        "mean spectrum": known.mean(0).expand(int(len(rest) / fps * RATE), -1),
    }
    return {
        name: _guess(row.float(), true, _understood(voice.sounding(row.float()), spoken)) for name, row in rows.items()
    }


def _understood(said: np.ndarray, true: np.ndarray) -> float:
    count = min(len(said), len(true))
    return estoi(said[:count], true[:count])


def _guess(guess: Tensor, true: Tensor, understood: float) -> Guessed:
    F = min(len(guess), len(true))
    guess, true = guess[:F], true[:F]
    ours, theirs = ((10 ** (x[:, 2:] / 10)).sum(1).log10() for x in (guess, true))
    moves = float(ours.std()) > 1e-6
    r = float(torch.corrcoef(torch.stack([ours, theirs]))[0, 1]) if moves else float("nan")
    told, is_so = guess[:, 0] > VOICED, true[:, 0] > VOICED
    both = 2 * int((told & is_so).sum()) / max(int(told.sum() + is_so.sum()), 1)
    return Guessed(
        energy_r=r, voicing_f1=both, bands_db=float((guess - true)[:, 2:].square().mean().sqrt()), estoi=understood
    )
