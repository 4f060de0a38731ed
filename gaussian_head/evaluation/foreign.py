"""Heads that speak other people's voices: what the judge says, and how near their lips are to the speakers' own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..actor import Actor, speak
from ..capture import Capture, capture_of
from ..checks import InputError
from ..conventions import SAMPLE_RATE
from ..events import Listener, ignore, tracked
from ..face import UNITS
from ..media import read_audio
from ..metrics.lips import LandmarkDetector, LipSync
from ..rendering import render_frame, to_uint8
from ..speech.windows import interpolated
from ..tracking.seen_units import UnitReader
from ..voice.mouth import COLUMNS, lip_measures
from ..voice.scores import correlation
from .lip_sync import LipsBesideSound


@dataclass(frozen=True, kw_only=True)
class Voice:
    """Somebody's speech, and where it was filmed the speaker's own units."""

    name: str
    """For tables."""
    samples: np.ndarray
    """``[S]`` mono f32 at 16 kHz."""
    units: Tensor | None = None
    """``[T, 52]`` of the speaker."""
    fps: float = 25.0
    """Frames per second of ``units``."""

    @staticmethod
    def read(path: str | Path, *, seconds: float) -> Voice:
        """The first ``seconds`` of a sound file, or of a capture with what its person did.

        Raises:
            InputError: no sound there.
        """
        path = Path(path)
        if not (path / "capture.json").is_file():
            samples = read_audio(path, sample_rate=SAMPLE_RATE)
            return Voice(name=path.stem, samples=samples[: round(seconds * SAMPLE_RATE)])
        capture = Capture.load(path)
        if not capture.info.has_audio:
            raise InputError(f"the capture {path} has no sound; give one of somebody who talks.")
        units = capture.motion.units[: round(seconds * capture.fps)]
        samples = capture.audio()[: round(len(units) / capture.fps * SAMPLE_RATE)]
        return Voice(name=name_of(path), samples=samples, units=units, fps=capture.fps)


def name_of(folder: Path) -> str:
    """What tables call a head or a capture: its folder, or the one around it where it is called ``head`` or so."""
    return folder.parent.name if folder.name in ("head", "capture") else folder.name


@dataclass(frozen=True, kw_only=True)
class ForeignScores:
    """One row of the table."""

    head: str
    """Who speaks; ``"recording"`` is the speaker of the voice, filmed."""
    voice: str
    """What is spoken."""
    sync: LipSync
    """The judge on units read back from the pictures, against the sound spoken."""
    shuffled: float
    """Readability of the same lips beside the sound of another moment: what any speech scores."""
    still: float
    """Readability of a mouth that rests: what no speech scores."""
    jaw: float
    """Correlation of jawOpen with the speaker's own; NaN where nobody filmed the speaker."""
    stretch: float
    """The same of smile + stretch - pucker."""
    width: float
    """The same of the distance of the corners of the mouth."""
    gap: float
    """The same of the gap between the lips."""


def speak_foreign(
    heads: Mapping[str, Actor], voices: Sequence[Voice], *, listener: Listener = ignore
) -> Iterator[ForeignScores]:
    """Render every head with every voice, find the lips in the pictures, judge them.

    Args:
        heads: actors by the name that tables give them; their captures are still there.
        voices: what they say.
        listener: receives Progress, one step a picture.

    Yields:
        A row for each recording that has units, then for each head and voice.

    Raises:
        InputError: the capture of a head was moved away, or the judge cannot hear.
    """
    for voice in voices:
        if voice.units is not None:
            yield _judged("recording", voice, voice.units, voice.fps)
    for name, actor in heads.items():
        reader = UnitReader(capture_of(actor.clip.motion, actor.clip.capture_path))
        for voice in voices:
            units = _spoken(actor, reader, voice, listener)
            yield _judged(name, voice, units, actor.clip.motion.fps)


def _spoken(actor: Actor, reader: UnitReader, voice: Voice, listener: Listener) -> Tensor:
    """Units ``[T, 52]`` seen in pictures of an actor that speaks."""
    motion, detector = speak(actor, voice.samples, blink=False), LandmarkDetector()
    points = [
        detector(to_uint8(render_frame(actor.head, motion, t, background=actor.head.background)))
        for t in tracked(range(len(motion)), f"speaking {voice.name}", len(motion), listener)
    ]
    return reader.read(np.array(points), motion.head, motion.fps)


def _judged(head: str, voice: Voice, units: Tensor, fps: float) -> ForeignScores:
    beside = LipsBesideSound.of(voice.samples, fps, len(units))
    return ForeignScores(
        head=head,
        voice=voice.name,
        sync=beside.score(units),
        shuffled=beside.shuffled().score(units).readability,
        still=beside.score(units.median(0).values.expand_as(units)).readability,
        **_likeness(units, fps, voice),
    )


def _likeness(units: Tensor, fps: float, voice: Voice) -> dict[str, float]:
    """Correlations of seen units ``[T, 52]`` with the speaker's own."""
    if voice.units is None:
        return dict.fromkeys(("jaw", "stretch", "width", "gap"), float("nan"))
    count = min(len(units), int(len(voice.units) / voice.fps * fps))
    times = torch.arange(count, dtype=torch.float64) / fps * voice.fps
    ours, theirs = units[:count], interpolated(voice.units, times)
    jaw = UNITS.index("jawOpen")
    measures = [u[:, COLUMNS] @ lip_measures() for u in (ours, theirs)]
    stretch, gap, width, _ = (correlation(a, b) for a, b in zip(*(m.T for m in measures), strict=True))
    return {"jaw": correlation(ours[:, jaw], theirs[:, jaw]), "stretch": stretch, "width": width, "gap": gap}
