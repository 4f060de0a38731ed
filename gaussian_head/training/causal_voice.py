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
from ..voice.learning import Copy, Example
from ..voice.mouth import COLUMNS
from ..voice.prior import VoicePrior
from ..voice.running import RunningMean
from .voice import Recording

COPIES = 4
"""Of each recording, see `voice.augment`."""


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


def told_as_it_comes(prior: VoicePrior, example: Example) -> Tensor:
    """What a causal prior tells of an example's first copy, ``[T, M]`` standard deviations."""
    copy = example.copies[0]
    return prior.told_from(prior.hearing.standard(copy.values, copy.usual))
