"""Captures of many people with speech, as examples that a prior over voices learns from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..capture import Capture
from ..conventions import SAMPLE_RATE
from ..events import Listener, ignore, tracked
from ..media import read_audio
from ..speech import SpeechFeatures, at_frame_rate, encode_speech, speech_values
from ..speech.windows import interpolated
from ..voice.augment import SPEEDS, heard_otherwise
from ..voice.learning import RATE, Copy, Example
from ..voice.mouth import COLUMNS, GAP, lip_measures

QUIET_PEAK = 1e-3
"""Loudest sample below which a recording is silent."""
FEWEST_SECONDS = 2.0
FOLDS = 5


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


def captures_by_person(folder: Path) -> dict[str, list[Path]]:
    """Folders of captures in the folders of people in ``folder``."""
    return {
        person.name: sorted(path for path in person.iterdir() if (path / "capture.json").is_file())
        for person in sorted(folder.iterdir())
        if person.is_dir()
    }


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


def groups_of_people(examples: Iterable[Example]) -> list[set[str]]:
    """People in FOLDS groups of about as much speech."""
    seconds: dict[str, int] = {}
    for example in examples:
        seconds[example.person] = seconds.get(example.person, 0) + len(example.units)
    groups: list[set[str]] = [set() for _ in range(min(FOLDS, len(seconds)))]
    for person in sorted(seconds, key=lambda person: -seconds[person]):
        min(groups, key=lambda group: sum(seconds[member] for member in group)).add(person)
    return groups
