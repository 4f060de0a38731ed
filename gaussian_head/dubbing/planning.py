"""Who says what in which frames: from a film and lines to parts that can be composed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..actor import Actor
from ..conventions import SAMPLE_RATE
from ..events import Listener, ignore
from ..media import read_long_audio
from ..motion import Motion
from .casting import chosen
from .compose import DrawnMouth, Mouth, Part
from .learning import Learnt, known, learn
from .lines import TO_THE_END, Line
from .lips import Speech, said
from .reordered import RecordedMouths, donors_of
from .retime import frames_along, frames_for, shown, stretch_line
from .shots import Film
from .sound import Keep, require_length
from .stretches import DUBBED, Stretch, stretches_of
from .surface import LowerFace

EASE_SECONDS = 0.15
"""Seconds before and after a line over which the recorded mouth gives way."""
MOST_DONORS = 1500
"""Recorded mouths kept on the disk of one stretch."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """How to dub."""

    fit: Literal["audio", "video"] | None = None
    """Words longer or shorter than the film: ``audio`` re-times the picture, ``video`` stretches the sound."""
    mouth: Literal["drawn", "recorded"] = "drawn"
    """``recorded`` re-orders recorded mouths; no head is trained."""
    keep: Keep = "replace"
    """What becomes of the old sound; ``keep`` lets it stand as a further track."""
    exaggerate: float = 1.0
    """Factor on how far the lips leave the closed mouth."""
    sampled: bool = False
    """Draw the lips about how the voice usually moves them."""
    preset: str = "standard"
    """Of training, where somebody is learnt."""
    flatten: bool = False
    """Take high dynamic range, wide gamuts and more than 8 bits as ordinary colours instead of refusing them."""
    trial: bool = False
    """Write a page on which the lips' reach can be tried instead of the film."""
    compare: bool = False
    """Write a second video, recorded and dubbed side by side."""
    label: bool = True
    """Let the film say in its metadata that it is synthetic."""
    seed: int = 0
    """Of the grain, and of lips that are drawn."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be made."""

    film: Film
    """Of what."""
    parts: tuple[Part, ...]
    """Where mouths change."""
    path: np.ndarray | None
    """``[T]`` frames of the film in the order in which they show; None for its own."""
    lines: tuple[Line, ...]
    """What is said."""
    people: dict[int, Learnt]
    """Who says it."""

    @property
    def num_frames(self) -> int:
        """T."""
        return self.film.num_frames if self.path is None else len(self.path)

    @property
    def seconds(self) -> float:
        """Length of the dubbed film."""
        return self.num_frames / self.film.info.fps


def planned(
    film: Film,
    lines: Sequence[Line],
    head: str | Path | Actor | None,
    scripted: bool,
    wish: Wish,
    folder: Path,
    listener: Listener = ignore,
) -> Plan:
    """Learn everybody who speaks, and tell what their mouths shall do.

    Args:
        film: what was seen.
        lines: what is said; person 0 stands for whoever the head shows.
        head: the person's, trained before.
        scripted: the lines are some among others.
        wish: how to dub.
        folder: gets what is learnt.
        listener: receives Progress, Said and Warned.

    Raises:
        InputError: no such person, too little to learn from, or words that do not fit the film.
    """
    seconds = film.num_frames / film.info.fps
    if wish.fit == "video":
        lines = tuple(stretch_line(line, seconds - line.start, folder) for line in lines)
    if wish.fit != "audio":
        require_length(lines, seconds, folder)
    given = None if head is None else known(film, head)
    parts: list[Part] = []
    people: dict[int, Learnt] = {}
    path = None
    for number in sorted({line.person for line in lines}):
        person = chosen(film, number or None, None if given is None else given.capture, listener)
        place = folder / f"person_{person}"
        draws = wish.mouth == "drawn"
        learnt = given or learn(film, person, place, preset=wish.preset, draws=draws, listener=listener)
        people[person] = learnt
        own = [line for line in lines if line.person == number]
        stretches = stretches_of(film, person, learnt, listener)
        if wish.fit == "audio":
            path = frames_for(own[0], film, stretches, folder)
        parts += _parts(film, learnt, stretches, own, path, scripted, wish, folder, listener)
    return Plan(film=film, parts=tuple(parts), path=path, lines=tuple(lines), people=people)


def _parts(
    film: Film,
    learnt: Learnt,
    stretches: Sequence[Stretch],
    lines: Sequence[Line],
    path: np.ndarray | None,
    scripted: bool,
    wish: Wish,
    folder: Path,
    listener: Listener,
) -> list[Part]:
    speech = learnt.speech
    drawn = None
    if wish.mouth == "drawn" and learnt.actor is not None:
        drawn = DrawnMouth(face=LowerFace(learnt.actor.head, learnt.motion))
    parts = []
    for stretch in stretches:
        seen = stretch if path is None else shown(stretch, path)
        wanted = spoken(seen, speech, lines, scripted, wish, folder, listener)
        mouth = drawn or recorded_mouths(film, learnt, stretch, seen, wanted, folder)
        parts.append(Part(stretch=seen, wanted=wanted, mouth=mouth))
    return parts


def recorded_mouths(film: Film, learnt: Learnt, stretch: Stretch, seen: Stretch, wanted: Motion, folder: Path) -> Mouth:
    """The mouths of a stretch, re-ordered to what is wanted of it as it is ``seen``."""
    kept = np.flatnonzero([state == DUBBED for state in stretch.states])
    kept = kept[:: -(-len(kept) // MOST_DONORS) or 1]
    shape = learnt.capture.shape
    donors = donors_of(frames_along(film, None, 0), shape, stretch, kept, folder)
    return RecordedMouths(shape, stretch, seen, wanted, donors, kept)


def spoken(
    stretch: Stretch,
    speech: Speech,
    lines: Sequence[Line],
    scripted: bool,
    wish: Wish,
    folder: Path,
    listener: Listener,
) -> Motion:
    """What the mouth of a stretch does while its person says ``lines``."""
    fps, T = stretch.recorded.fps, len(stretch.recorded)
    wanted, begin = stretch.recorded, stretch.first / fps
    for line in lines:
        samples = read_long_audio(line.sound, folder=folder)
        end = min(line.end, line.start + len(samples) / SAMPLE_RATE) if scripted else TO_THE_END
        if end <= begin or line.start >= begin + T / fps:
            continue
        samples = samples[: round((min(end, begin + T / fps) - line.start) * SAMPLE_RATE)]
        skipped = round((begin - line.start) * SAMPLE_RATE)
        now = samples[skipped:] if skipped >= 0 else np.pad(samples, (-skipped, 0))
        within = stretch.share * during(T, fps, line.start - begin, end - begin)
        wanted = said(
            speech,
            wanted,
            now,
            spoken_in=within,
            exaggerate=wish.exaggerate,
            drawn=wish.seed if wish.sampled else None,
            listener=listener,
        )
    return wanted


def during(num_frames: int, fps: float, start: float, end: float) -> Tensor:
    """``[T]`` share in [0, 1] of the frames between two times, seconds, with soft edges outside of them."""
    times = (torch.arange(num_frames) + 0.5) / fps
    away = torch.maximum(start - times, times - end).clamp(min=0)
    return (1 - away / EASE_SECONDS).clamp(0, 1).float()
