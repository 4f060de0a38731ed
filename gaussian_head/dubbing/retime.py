"""Words longer or shorter than the picture: the picture is re-timed by coherent frames, or the sound is stretched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ..checks import InputError
from ..conventions import SAMPLE_RATE
from ..media import read_frames, read_long_audio, read_recorded_audio, write_audio
from ..media.stretching import stretched
from .coherent import retimed, runs
from .lines import Line
from .shots import Film
from .stretches import Stretch

VISIBLE = 2.0
"""Grey levels, root mean square over a small picture, that count as one just visible difference."""
MOST_STRETCH = 1.6
"""Factor by which a sound may be made slower or faster."""
RUN_FRAMES = 250
"""Frames of a film held in memory at once."""


def stretch_line(line: Line, seconds: float, folder: Path) -> Line:
    """``line`` with its sound made as long as ``seconds``, its pitch kept.

    Raises:
        InputError: it would have to be more than MOST_STRETCH times as slow or fast.
    """
    samples, rate = read_recorded_audio(line.sound, folder=folder)
    factor = len(samples) / rate / seconds
    if not 1 / MOST_STRETCH <= factor <= MOST_STRETCH:
        raise InputError(
            f"sound {line.sound} lasts {len(samples) / rate:.1f} s and the film {seconds:.1f} s; a sound can be made "
            f"at most {MOST_STRETCH:g} times as fast or slow. Take --fit audio, or cut it."
        )
    out = folder / "fitted.wav"
    write_audio(out, stretched(np.asarray(samples), rate, factor), rate, length=round(seconds * rate))
    return replace(line, sound=out)


def frames_for(line: Line, film: Film, stretches: Sequence[Stretch], folder: Path) -> np.ndarray:
    """Frames ``[T]`` of a film that show when it lasts as long as the sound of ``line``.

    Raises:
        InputError: the film has cuts, or the person is not tracked from its beginning to its end.
    """
    if len(film.shots) > 1:
        raise InputError(
            f"film {film.path} has {len(film.shots)} shots; only a film without cuts can be re-timed to its words. "
            "Dub its shots one by one, or take --fit video."
        )
    (stretch,) = stretches
    seconds = line.start + len(read_long_audio(line.sound, folder=folder)) / SAMPLE_RATE
    length = max(round(seconds * film.info.fps), 1)
    within = slice(stretch.first, stretch.last)
    small = film.small[within].reshape(len(stretch.recorded), -1).astype(np.float64)
    pictures = small / (VISIBLE * np.sqrt(small.shape[1]))
    return stretch.first + retimed(stretch.recorded, pictures, length)


def shown(stretch: Stretch, path: np.ndarray) -> Stretch:
    """A stretch as ``path [T]`` shows it."""
    rows = path - stretch.first
    return replace(
        stretch,
        first=0,
        recorded=stretch.recorded.select(torch.from_numpy(rows)),
        states=tuple(stretch.states[k] for k in rows.tolist()),
    )


def frames_along(film: Film, path: np.ndarray | None, first: int) -> Iterator[tuple[int, np.ndarray]]:
    """Frames of a film in the order of ``path [T]`` (None: its own), each with its place there, from ``first`` on."""
    fps = film.info.fps
    if path is None:
        if first < film.num_frames:
            left = (film.num_frames - first) / fps
            yield from enumerate(read_frames(film.path, fps=fps, start=first / fps, duration=left), start=first)
        return
    at, last = first, (-1, np.zeros(0))
    for start, length in runs(path[first:]):
        if length == 1 and start == last[0]:
            yield at, last[1]
            at += 1
            continue
        for k, image in enumerate(read_frames(film.path, fps=fps, start=start / fps, duration=length / fps)):
            last = (start + k, image)
            yield at, image
            at += 1
