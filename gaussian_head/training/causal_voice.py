"""Teaches the causal prior: everybody is heard as `CausalVoice` hears, frame by frame as the sound comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ..conventions import SAMPLE_RATE
from ..events import Listener, ignore, tracked
from ..speech.stream import LOOK_AHEAD_SECONDS, RATE, SpeechStream
from ..speech.windows import interpolated
from ..voice.augment import heard_otherwise
from ..voice.causal import STREAMED
from ..voice.learning import MOST_GAIN, Copy, Example, learn_prior
from ..voice.mouth import COLUMNS, GAP, JAW_OPEN, MOUTH, WIDTH, lip_measures
from ..voice.prior import VoicePrior
from ..voice.running import RunningMean
from ..voice.scores import correlation
from .recordings import Recording, groups_of_people

COPIES = 4
"""Of each recording, see `voice.augment`."""
NETS = 2


def streamed_examples_of(
    recordings: Sequence[Recording], *, encoder: str, copies: int = COPIES, listener: Listener = ignore
) -> list[Example]:
    """Recordings in features of a sound that is still coming, each in several copies.

    Raises:
        InputError: the encoder is not available, or does not hear in this way.
    """
    made = []
    sounds = {recording.name: recording.samples for recording in recordings}
    for recording in tracked(recordings, "listening as it comes", len(recordings), listener):
        others = [sounds[other.name] for other in recordings if other.person != recording.person]
        parts = []
        for copy in range(copies):
            rng = np.random.default_rng([copy, *recording.name.encode()])
            samples, speed = heard_otherwise(recording.samples, copy, rng, others)
            parts.append(_copy(recording, samples, speed, encoder))
        made.append(Example(name=recording.name, person=recording.person, copies=tuple(parts)))
    return with_running_means(made)


def streamed_version(encoder: str) -> str:
    """The version by which features of ``encoder`` go that come as the sound comes."""
    return STREAMED + SpeechStream(encoder).version


def with_running_means(examples: Sequence[Example]) -> list[Example]:
    """Examples whose usual features are those heard by then, from the mean of all of them on."""
    usual = torch.cat([example.copies[0].values for example in examples]).mean(0).numpy()

    def heard(copy: Copy) -> Copy:
        mean = RunningMean(usual, RATE)
        return replace(copy, usual=torch.from_numpy(np.stack([mean.after(row) for row in copy.values.numpy()])))

    return [replace(example, copies=tuple(heard(copy) for copy in example.copies)) for example in examples]


def _copy(recording: Recording, samples: np.ndarray, speed: float, encoder: str) -> Copy:
    T = max(int(len(recording.units) / recording.fps / speed * RATE), 2)
    silence = np.zeros(round((LOOK_AHEAD_SECONDS + 1) * SAMPLE_RATE), np.float32)
    frames = SpeechStream(encoder).hear(np.concatenate([samples, silence]).astype(np.float32))
    frames = (frames + [frames[-1]] * max(T - len(frames), 0))[:T]
    times = torch.arange(T, dtype=torch.float64) / RATE * speed
    return Copy(
        values=torch.from_numpy(np.stack([frame.values for frame in frames])).float(),
        usual=torch.zeros(0),
        units=interpolated(recording.units[:, COLUMNS], times * recording.fps),
        meet=torch.tensor([frame.closure for frame in frames], dtype=torch.float32),
    )


def learn_causal(
    examples: Sequence[Example], *, encoder: str, nets: int = NETS, seed: int = 0
) -> tuple[VoicePrior, dict]:
    """A causal prior from streamed examples, and what its data card says.

    It is judged by its ridge regression alone on people left out in groups; so is its growth.

    Args:
        examples: from ``streamed_examples_of``.
        encoder: that heard them.
        nets: how many.
        seed: of the nets.

    Raises:
        InputError: no examples.
    """
    version, judged = streamed_version(encoder), []
    for group in groups_of_people(examples):
        known = [example for example in examples if example.person not in group]
        if not known:
            continue
        prior = learn_prior(known, encoder=encoder, encoder_version=version, nets=0, causal=True)
        judged += [(one, prior, told_as_it_comes(prior, one)) for one in examples if one.person in group]
    prior = learn_prior(examples, encoder=encoder, encoder_version=version, nets=nets, causal=True, seed=seed)
    card = {
        "recordings": [
            {"name": one.name, "person": one.person, "seconds": round(len(one.units) / RATE, 1)} for one in examples
        ],
        "protocol": (
            f"look-ahead {LOOK_AHEAD_SECONDS:g} s; the ridge regression alone, taught from other groups of people; "
            "correlations of jawOpen, of the gap between the lips, of the distance of the corners; pauses left to it"
        ),
        "scores": {
            "causal": _scored([(prior.mean + told * prior.scale, one) for one, prior, told in judged]),
            "shuffled sound": _scored(
                [(prior.mean + told.roll(len(told) // 2, 0) * prior.scale, one) for one, prior, told in judged]
            ),
        },
    }
    return prior.grown(_growth(judged)), card


def _scored(told: Sequence[tuple[Tensor, Example]]) -> dict[str, float]:
    """Means over people of means over their recordings."""
    people: dict[str, list[tuple[float, ...]]] = {}
    for units, example in told:
        ours, theirs = units @ lip_measures(), example.units @ lip_measures()
        jaw = correlation(units[:, JAW_OPEN], example.units[:, JAW_OPEN])
        rest = (correlation(ours[:, k], theirs[:, k]) for k in (GAP, WIDTH))
        people.setdefault(example.person, []).append((jaw, *rest))
    means = np.mean([np.mean(rows, 0) for rows in people.values()], 0) if people else np.full(3, np.nan)
    return {name: round(float(mean), 3) for name, mean in zip(("jaw", "gap", "width"), means, strict=True)}


def _growth(judged: Sequence[tuple[Example, VoicePrior, Tensor]]) -> Tensor:
    """``[M]`` growth after which what others tell moves as much as people do."""
    if not judged:
        return torch.ones(len(MOUTH))
    told = torch.cat([told * prior.scale for _, prior, told in judged]).square().mean(0)
    moved = torch.cat([one.units - one.units.mean(0) for one, _, _ in judged]).square().mean(0)
    return (moved / told.clamp(min=1e-8)).sqrt().clamp(1, MOST_GAIN)


def told_as_it_comes(prior: VoicePrior, example: Example) -> Tensor:
    """What a causal prior tells of an example's first copy, ``[T, M]`` standard deviations."""
    copy = example.copies[0]
    return prior.told_from(prior.hearing.standard(copy.values, copy.usual))
