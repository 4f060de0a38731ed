"""How well priors taught by other people tell a recording's lips, and which recordings nothing tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..events import Listener, Progress, ignore
from ..lips.learning import fit_judge
from ..speech import SpeechFeatures, at_frame_rate
from ..voice.learning import MOST_GAIN, RATE, Example, closed_mouth, learn_prior, own_size
from ..voice.mouth import COLUMNS, GAP, lip_measures
from ..voice.prior import VoicePrior
from ..voice.scores import LipScores, correlation, scores
from .recordings import Rejected, groups_of_people

WEAKEST = 0.25
"""Correlation of the gap between the lips with what other people's speech tells, below which a sound is not theirs."""
MOST_LAG = 12
"""Frames of RATE by which sound and picture are tried against each other."""
IN_STEP = 2
"""Frames that they may be apart."""
CLEARLY = 0.1
"""By how much another lag must fit better to be believed."""
TEACHER = 5000
"""Added to a prior's seed for its judge's, which is another than the package's."""
ROWS = ("prior", "pauses not shut", "sizes of the person's units known", "shuffled sound", "still mouth")
"""What is scored."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A recording, and what people who are not its speaker's tell of it."""

    example: Example
    features: SpeechFeatures
    activity: Tensor
    """``[T]`` at RATE."""
    prior: VoicePrior
    """Taught without the speaker."""
    told: Tensor
    """``[T, M]`` standard deviations."""


def told_by_others(
    heard: Sequence[tuple[Example, SpeechFeatures]],
    *,
    nets: int,
    taught: bool = False,
    seed: int = 0,
    listener: Listener = ignore,
) -> list[Judged]:
    """What priors taught without a recording's speaker tell of it, in FOLDS groups of people.

    Args:
        heard: examples and their features.
        nets: of each prior; 0 for the ridge regression alone.
        taught: by a judge of the people whom a prior knows.
        seed: of the priors.
        listener: receives Progress.
    """
    judged = []
    groups = groups_of_people([example for example, _ in heard])
    for done, group in enumerate(groups):
        listener(Progress(stage="judged by others", done=done, total=len(groups)))
        known = [example for example, _ in heard if example.person not in group]
        prior = taught_prior(known, heard[0][1], nets=nets, taught=taught, seed=seed + 100 * done)
        for example, features in heard:
            if example.person in group:
                T = len(example.units)
                activity = at_frame_rate(replace(features, values=features.activity[:, None]), RATE, T)[:, 0]
                told = prior.told(features, T)
                judged.append(Judged(example=example, features=features, activity=activity, prior=prior, told=told))
    return judged


def taught_prior(
    known: Sequence[Example], features: SpeechFeatures, *, nets: int, taught: bool, seed: int
) -> VoicePrior:
    """A prior of people, whose nets learn from a judge of the same people too where that is wanted.

    Args:
        known: examples.
        features: of any of them, for the encoder's name.
        nets: how many; 0 for the ridge regression alone.
        taught: by a judge.
        seed: of all nets.
    """
    encoder, version = features.encoder, features.version
    judge = None
    if taught and nets:
        judge = fit_judge(known, encoder=encoder, encoder_version=version, seed=seed + TEACHER)
    return learn_prior(known, encoder=encoder, encoder_version=version, nets=nets, teacher=judge, seed=seed)


def out_of_step(judged: Sequence[Judged]) -> list[Rejected]:
    """Recordings whose lips are told by nothing, or better by the sound of another moment."""
    rejected = []
    for one in judged:
        gap = one.example.units @ lip_measures()[:, GAP]
        told = (one.told * own_size(one.example.units, one.prior.scale)) @ lip_measures()[:, GAP]
        fits = {lag: correlation(*_shifted(told, gap, lag)) for lag in range(-MOST_LAG, MOST_LAG + 1)}
        best = max(fits, key=lambda lag: fits[lag])
        if fits[best] < WEAKEST:
            why = f"its sound does not tell its lips (correlation {fits[best]:.2f} at best): music, or another's voice."
        elif abs(best) > IN_STEP and fits[best] > fits[0] + CLEARLY:
            word = "late" if best < 0 else "early"
            why = (
                f"its sound is {abs(best) / RATE:.2f} s {word} (correlation {fits[best]:.2f}, {fits[0]:.2f} as it is)."
            )
        else:
            continue
        rejected.append(Rejected(name=one.example.name, why=why))
    return rejected


def _shifted(told: Tensor, seen: Tensor, lag: int) -> tuple[Tensor, Tensor]:
    """Pairs of moments at which the picture comes ``lag`` frames after the sound."""
    T = len(told)
    return told[max(0, -lag) : T - max(0, lag)], seen[max(0, lag) : T - max(0, -lag)]


def gain_of(judged: Sequence[Judged]) -> Tensor:
    """``[M]`` growth after which what others tell moves as much as people do: geometric mean over people."""
    people: dict[str, list[Judged]] = {}
    for one in judged:
        people.setdefault(one.example.person, []).append(one)
    ratios = []
    for theirs in people.values():
        told = torch.cat([one.told * one.prior.scale for one in theirs])
        moved = torch.cat([one.example.units - one.example.units.mean(0) for one in theirs])
        ratios.append(moved.square().mean(0).clamp(min=1e-8).log() - told.square().mean(0).clamp(min=1e-8).log())
    return (torch.stack(ratios).mean(0) / 2).exp().clamp(1, MOST_GAIN)


def scored(judged: Sequence[Judged]) -> dict[str, dict[str, LipScores]]:
    """Scores of each recording, by row: the prior, without shutting the mouth in pauses, with the sizes of the person's
    units known; the sound of another moment, a still mouth.

    Priors are grown by what others than the judged one's group showed, and know nothing of the person but where said.
    """
    table: dict[str, dict[str, LipScores]] = {name: {} for name in ROWS}
    for one in judged:
        others = [other for other in judged if other.prior is not one.prior]
        prior = one.prior.grown(gain_of(others or judged))
        recorded, closed = one.example.units, closed_mouth(one.example.units)
        T, rest = len(recorded), prior.closed
        units = prior.predict_from(one.features, RATE, T)[:, COLUMNS]
        free = prior.predict_from(one.features, RATE, T, close_in_silence=False)[:, COLUMNS]
        sized = rest + one.told * own_size(recorded, prior.scale)
        rows = (units, free, sized, units.roll(T // 2, 0), rest.expand(T, -1))
        for name, row in zip(ROWS, rows, strict=True):
            table[name][one.example.name] = scores(row, recorded, one.activity, closed, rest)
    return table


def unit_ratios(judged: Sequence[Judged]) -> Tensor:
    """``[M]`` standard deviation of each unit, told over recorded, over all recordings; told as in ``scored``."""
    told, moved = [], []
    for one in judged:
        others = [other for other in judged if other.prior is not one.prior]
        prior = one.prior.grown(gain_of(others or judged))
        units = prior.predict_from(one.features, RATE, len(one.example.units))[:, COLUMNS]
        told.append(units - units.mean(0))
        moved.append(one.example.units - one.example.units.mean(0))
    return torch.cat(told).square().mean(0).sqrt() / torch.cat(moved).square().mean(0).sqrt().clamp(min=1e-6)


def by_person(table: Mapping[str, LipScores], person_of: Mapping[str, str]) -> dict[str, float | None]:
    """Means over people of the means over their recordings, by name of the score; what nobody has is None."""
    people: dict[str, list[LipScores]] = {}
    for name, row in table.items():
        people.setdefault(person_of[name], []).append(row)
    means = [{key: _mean([vars(row)[key] for row in rows]) for key in vars(rows[0])} for rows in people.values()]
    return {key: rounded(_mean([mean[key] for mean in means])) for key in means[0]}


def _mean(values: Sequence[float]) -> float:
    """Of all that are numbers; NaN where none is."""
    numbers = [value for value in values if value == value]
    return sum(numbers) / len(numbers) if numbers else float("nan")


def rounded(value: float) -> float | None:
    """To three digits; None where it is no number."""
    return round(value, 3) if value == value else None
