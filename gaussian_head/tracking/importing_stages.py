"""Recordings of a studio with calibrated cameras as captures of several cameras."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..camera import Camera
from ..capture import Capture, camera_name, require_place
from ..capture.stages import Stage, read_stage
from ..checks import InputError
from ..conventions import SAMPLE_RATE
from ..events import Listener, ignore, tracked
from ..facenet import FaceLandmarks
from ..media import VideoWriter, probe, read_audio, read_frames, read_image
from .importing import NEARLY_LOSSLESS
from .several import track_several

LOOKS = 3
"""Moments at which it is looked whom a camera sees from the front."""


def import_stage(
    folder: str | Path,
    out: str | Path,
    *,
    sequence: str | None = None,
    cameras: Sequence[str] = (),
    fps: float | None = None,
    size: int = 512,
    hold_out: Sequence[str] = (),
    overwrite: bool = False,
    listener: Listener = ignore,
) -> Capture:
    """Make a capture of one sequence of a person in NeRSemble or multiface, see `capture.stages`.

    Args:
        folder: of the person.
        out: folder of the capture.
        sequence: may be left out where there is one.
        cameras: those to take, the leading one first; by default all, led by the one that sees the face best.
        fps: of the pictures; by default the data set's.
        size: side of the square that is worked on, pixels.
        hold_out: cameras that are placed, but tell nothing about the head.
        overwrite: replace an older capture in ``out``.
        listener: gets Progress and Warned events; a camera that sees no face is left out, and Warned says so.

    Raises:
        InputError: no such data, or nobody's face. Nothing is left behind.
    """
    require_place(out, overwrite=overwrite)
    stage = read_stage(folder, sequence)
    names = list(cameras) or _led(stage, listener)
    unknown = [name for name in names if name not in stage.taken]
    if unknown:
        raise InputError(
            f"sequence {stage.name!r} has no camera {unknown[0]!r} with pictures and lens; there are "
            f"{', '.join(stage.taken)}."
        )
    with tempfile.TemporaryDirectory(prefix="gaussian-head-import-") as scratch:
        sound = None if stage.sound is None else read_audio(stage.sound, sample_rate=SAMPLE_RATE)
        films = [_film(stage, name, Path(scratch), fps, sound, listener) for name in names]
        lenses = {camera_name(film.name): _lens(stage, film.stem, film) for film in films}
        return track_several(
            films,
            out,
            size=size,
            cameras=lenses,
            hold_out=hold_out,
            one_clock=True,
            overwrite=overwrite,
            listener=listener,
        )


def _lens(stage: Stage, name: str, film: Path) -> Camera:
    info = probe(film)
    return stage.camera(name, info.width, info.height)


def _film(
    stage: Stage, name: str, scratch: Path, fps: float | None, sound: np.ndarray | None, listener: Listener
) -> Path:
    """A camera's pictures as a passing film of its name; its own film where it has one."""
    pictures = stage.taken[name]
    if isinstance(pictures, Path):
        return pictures
    first = read_image(pictures[0])
    (height, width), path = first.shape[:2], scratch / f"{name}.mp4"
    width, height = width - width % 2, height - height % 2
    with VideoWriter(
        path, width=width, height=height, fps=fps or stage.fps, audio=sound, crf=NEARLY_LOSSLESS
    ) as writer:
        for picture in tracked(pictures, f"{name}: reading pictures", len(pictures), listener):
            image = read_image(picture)
            if image.shape != first.shape:
                raise InputError(f"{picture} is {image.shape[1]}x{image.shape[0]}, others {width}x{height}.")
            writer.write(np.ascontiguousarray(image[:height, :width]))
    return path


def _led(stage: Stage, listener: Listener) -> list[str]:
    """All cameras, the one that sees the face from the front first."""
    aside = {}
    for name in tracked(list(stage.taken), "import: looking for the front", len(stage.taken), listener):
        aside[name] = min((_turned(image) for image in _looks(stage.taken[name])), default=np.inf)
    best = min(aside, key=lambda name: aside[name])
    if not np.isfinite(aside[best]):
        raise InputError(f"none of the {len(aside)} cameras of sequence {stage.name!r} sees a face.")
    return [best, *(name for name in stage.taken if name != best)]


def _looks(pictures: Path | tuple[Path, ...]) -> list[np.ndarray]:
    if isinstance(pictures, Path):
        return [frame for frame, _ in zip(read_frames(pictures), range(1), strict=False)]
    return [read_image(pictures[int(i)]) for i in np.linspace(0, len(pictures) - 1, LOOKS)]


def _turned(image: np.ndarray) -> float:
    """How far the nose lies beside the middle of a face, over its width; infinite where there is none."""
    found = FaceLandmarks()(image)
    if not found:
        return np.inf
    marks = found[0]
    return abs(float(marks[4, 0] - (marks[454, 0] + marks[234, 0]) / 2)) / float(np.ptp(marks[:, 0]))
