"""From captures of many people to the voice prior: read, reject what is out of step, learn, judge on others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..capture import Capture
from ..conventions import SAMPLE_RATE
from ..events import Listener, Progress, ignore, tracked
from ..media import read_audio
from ..speech import SpeechFeatures, at_frame_rate, encode_speech, speech_values
from ..speech.windows import interpolated
from ..voice.augment import SPEEDS, heard_otherwise
from ..voice.learning import MOST_GAIN, NETS, RATE, Copy, Example, closed_mouth, learn_prior, own_size
from ..voice.mouth import COLUMNS, GAP, MOUTH, lip_measures
from ..voice.prior import VoicePrior
from ..voice.scores import LipScores, correlation, scores

QUIET_PEAK = 1e-3
"""Loudest sample below which a recording is silent."""
FEWEST_SECONDS = 2.0
WEAKEST = 0.25
"""Correlation of the gap between the lips with what other people's speech tells, below which a sound is not theirs."""
MOST_LAG = 12
"""Frames of RATE by which sound and picture are tried against each other."""
IN_STEP = 2
"""Frames that they may be apart."""
CLEARLY = 0.1
"""By how much another lag must fit better to be believed."""
FOLDS = 5
ROWS = ("prior", "pauses not shut", "sizes of the person's units known", "shuffled sound", "still mouth")
"""What is scored."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A tracked clip with sound."""

    name: str
    """Of the capture's folder."""
    person: str
    """Whose it is."""
    samples: np.ndarray
    """``[S]`` mono f32 at 16 kHz, in step with the picture as far as tracking could tell."""
    units: Tensor
    """``[T, 52]``."""
    fps: float
    """Frames per second of ``units``."""


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """A clip that is not learnt from."""

    name: str
    """Of the capture's folder."""
    why: str
    """One sentence."""


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


def read_recordings(people: Mapping[str, Sequence[Path]]) -> tuple[list[Recording], list[Rejected]]:
    """Captures with speech, and the rest with why not.

    Args:
        people: for each person the folders of captures.

    Raises:
        InputError: a folder holds no capture.
    """
    kept: list[Recording] = []
    rejected = []
    for person, folders in people.items():
        for folder in folders:
            capture = Capture.load(folder)
            units, name, why = capture.motion.units, folder.name, ""
            samples = read_audio(folder / "audio.wav", sample_rate=SAMPLE_RATE) if capture.info.has_audio else None
            if samples is None or np.abs(samples).max(initial=0) < QUIET_PEAK:
                why = "it has no sound."
            elif len(units) / capture.fps < FEWEST_SECONDS:
                why = f"it is only {len(units) / capture.fps:.1f} s long."
            elif float((units[:, COLUMNS] @ lip_measures()[:, GAP]).std()) < 1e-5:
                why = "the mouth does not move."
            if why:
                rejected.append(Rejected(name=name, why=why))
            elif samples is not None:
                kept.append(Recording(name=name, person=person, samples=samples, units=units, fps=capture.fps))
    return kept, rejected


def examples_of(
    recordings: Sequence[Recording], *, encoder: str, copies: int = len(SPEEDS), listener: Listener = ignore
) -> list[tuple[Example, SpeechFeatures]]:
    """Recordings in features, each in several copies (see `voice.augment`), and the features of the first.

    Raises:
        InputError: the encoder is not available.
    """
    made = []
    sounds = {recording.name: recording.samples for recording in recordings}
    for recording in tracked(recordings, "listening to everybody", len(recordings), listener):
        others = [sounds[other.name] for other in recordings if other.person != recording.person]
        first = encode_speech(recording.samples, encoder=encoder)
        parts = []
        for copy in range(copies):
            rng = np.random.default_rng([copy, *recording.name.encode()])
            samples, speed = heard_otherwise(recording.samples, copy, rng, others)
            values = first.values if copy == 0 else speech_values(samples, encoder=encoder)
            parts.append(_copy(recording, replace(first, values=values), first, speed))
        made.append((Example(name=recording.name, person=recording.person, copies=tuple(parts)), first))
    return made


def _copy(recording: Recording, features: SpeechFeatures, first: SpeechFeatures, speed: float) -> Copy:
    T = max(int(len(recording.units) / recording.fps / speed * RATE), 2)
    times = torch.arange(T, dtype=torch.float64) / RATE * speed
    return Copy(
        values=at_frame_rate(features, RATE, T),
        usual=features.values.mean(0),
        units=interpolated(recording.units[:, COLUMNS], times * recording.fps),
        meet=interpolated(first.closure[:, None], times * first.rate)[:, 0],
    )


def told_by_others(
    heard: Sequence[tuple[Example, SpeechFeatures]], *, nets: int, seed: int = 0, listener: Listener = ignore
) -> list[Judged]:
    """What priors taught without a recording's speaker tell of it, in FOLDS groups of people.

    Args:
        heard: examples and their features.
        nets: of each prior; 0 for the ridge regression alone.
        seed: of the priors.
        listener: receives Progress.
    """
    judged = []
    groups = groups_of_people([example for example, _ in heard])
    for done, group in enumerate(groups):
        listener(Progress(stage="judged by others", done=done, total=len(groups)))
        known = [example for example, _ in heard if example.person not in group]
        _, features = heard[0]
        prior = learn_prior(
            known, encoder=features.encoder, encoder_version=features.version, nets=nets, seed=seed + 100 * done
        )
        for example, features in heard:
            if example.person in group:
                T = len(example.units)
                activity = at_frame_rate(replace(features, values=features.activity[:, None]), RATE, T)[:, 0]
                told = prior.told(features, T)
                judged.append(Judged(example=example, features=features, activity=activity, prior=prior, told=told))
    return judged


def groups_of_people(examples: Iterable[Example]) -> list[set[str]]:
    """People in FOLDS groups of about as much speech."""
    seconds: dict[str, int] = {}
    for example in examples:
        seconds[example.person] = seconds.get(example.person, 0) + len(example.units)
    groups: list[set[str]] = [set() for _ in range(min(FOLDS, len(seconds)))]
    for person in sorted(seconds, key=lambda person: -seconds[person]):
        min(groups, key=lambda group: sum(seconds[member] for member in group)).add(person)
    return groups


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
    return {key: _rounded(_mean([mean[key] for mean in means])) for key in means[0]}


def _mean(values: Sequence[float]) -> float:
    """Of all that are numbers; NaN where none is."""
    numbers = [value for value in values if value == value]
    return sum(numbers) / len(numbers) if numbers else float("nan")


def learn_voice(
    recordings: Sequence[Recording],
    rejected: Sequence[Rejected] = (),
    *,
    encoder: str,
    nets: int = NETS,
    copies: int = len(SPEEDS),
    seed: int = 0,
    listener: Listener = ignore,
) -> tuple[VoicePrior, dict]:
    """Reject what is out of step, judge priors on people left out, and teach one from all.

    Args:
        recordings: of many people.
        rejected: those left out before; only named in the card.
        encoder: speech encoder.
        nets: of each prior.
        copies: of each recording, see `voice.augment`.
        seed: of the nets.
        listener: receives Progress.

    Returns:
        The prior, and what its data card says: recordings, rejections, protocol, scores.
    """
    heard = examples_of(recordings, encoder=encoder, copies=copies, listener=listener)
    return learn_from(heard, rejected, nets=nets, seed=seed, listener=listener)


def learn_from(
    heard: Sequence[tuple[Example, SpeechFeatures]],
    rejected: Sequence[Rejected] = (),
    *,
    nets: int = NETS,
    seed: int = 0,
    listener: Listener = ignore,
) -> tuple[VoicePrior, dict]:
    """As ``learn_voice``, from examples made earlier."""
    by_ridge = told_by_others(heard, nets=0, seed=seed, listener=listener)
    left_out = out_of_step(by_ridge)
    names = {one.name for one in left_out}
    heard = [pair for pair in heard if pair[0].name not in names]
    alone = scored([one for one in by_ridge if one.example.name not in names])["prior"]
    judged = told_by_others(heard, nets=nets, seed=seed, listener=listener)
    _, features = heard[0]
    everybody = [example for example, _ in heard]
    prior = learn_prior(
        everybody, encoder=features.encoder, encoder_version=features.version, nets=nets, seed=seed
    ).grown(gain_of(judged))
    person_of = {example.name: example.person for example, _ in heard}
    table = scored(judged) | {"ridge regression alone": alone}
    card = {
        "recordings": [
            {"name": example.name, "person": example.person, "seconds": round(len(example.units) / RATE, 1)}
            for example, _ in heard
        ],
        "rejected": [vars(one) for one in (*rejected, *left_out)],
        "protocol": (
            f"{FOLDS} groups of people, each judged by a prior taught from the other groups; growth taken from other"
            " groups; means over people of means over their recordings; nothing of the judged person is known"
        ),
        "scores": {row: by_person(values, person_of) for row, values in table.items()},
        "scores_of_recordings": {
            name: {key: _rounded(value) for key, value in vars(row).items()} for name, row in table["prior"].items()
        },
        "liveliness_of_units": dict(zip(MOUTH, (round(float(r), 2) for r in unit_ratios(judged)), strict=True)),
    }
    return prior, card


def _rounded(value: float) -> float | None:
    return round(value, 3) if value == value else None
