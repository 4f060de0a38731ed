"""Learning somebody from a film: one shot of them is cut out, tracked and trained on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..actor import Actor
from ..capture import Capture, capture_of
from ..checks import InputError, fingerprint, read_json
from ..conventions import SAMPLE_RATE
from ..durable import replacing
from ..events import Listener, Said, Warned, ignore, tracked
from ..kernels import drawing_device
from ..media import VideoWriter, read_audio, read_frames
from ..motion import Motion
from ..tracking import track
from ..tracking.crop import MIN_SECONDS
from ..training import preset_on, train
from .lips import Speech
from .shots import Film, Shot

AROUND = 1.5
"""Face widths around a face's places that are cut out with it: the tracker wants shoulders, and chooses itself."""
CRF = 6
"""Quality of the cut clip: as good as the film."""
CLIP, NOTE, CAPTURE, HEAD = "clip.mp4", "learnt.json", "capture", "head"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a captured clip lies in a film."""

    first: int
    """The film's frame that is the clip's video's first."""
    x0: int
    """Column of the film that is its first."""
    y0: int
    """Row of the film that is its first."""


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """Somebody who can be dubbed."""

    actor: Actor | None
    """Head, clip and voice; None where only the recorded mouths serve."""
    capture: Capture
    """What the head was trained on."""
    place: Place | None
    """Where the clip is in the film; None where it is of another film."""

    @property
    def motion(self) -> Motion:
        """How they moved in that clip."""
        return self.capture.motion if self.actor is None else self.actor.clip.motion

    @property
    def speech(self) -> Speech:
        """How they speak."""
        return Speech.of_capture(self.capture) if self.actor is None else Speech.of_actor(self.actor)


def known(film: Film, head: str | Path | Actor) -> Learnt:
    """Somebody whose head was trained before, on this film or another.

    Raises:
        InputError: no head, or its capture is not to be found: another take cannot be followed without it.
    """
    actor = head if isinstance(head, Actor) else Actor.load(head)
    capture = capture_of(actor.clip.motion, actor.clip.capture_path)
    note = capture.path.parent / NOTE
    where = read_json(note, "note of the clip") if note.is_file() else {}
    film_sha = fingerprint(film.path)
    if capture.info.source.get("sha256") == film_sha:
        return Learnt(actor=actor, capture=capture, place=Place(first=0, x0=0, y0=0))
    if where.get("film") == film_sha:
        return Learnt(actor=actor, capture=capture, place=Place(**where["place"]))
    return Learnt(actor=actor, capture=capture, place=None)


def learn(
    film: Film,
    person: int,
    folder: Path,
    *,
    preset: str = "standard",
    draws: bool = True,
    listener: Listener = ignore,
) -> Learnt:
    """Learn somebody from their longest shot, or take up what was learnt of them from this film before.

    Args:
        film: where they are.
        person: who.
        folder: gets ``capture`` and ``head``.
        preset: of training.
        draws: train a head too; without one only tracking is done.
        listener: receives Progress, and Warned where the shot is short.

    Raises:
        InputError: no shot of theirs lasts three seconds, or tracking refuses it.
    """
    shot = max(film.shots_of(person), key=len)
    seconds = len(shot) / film.info.fps
    if seconds < MIN_SECONDS:
        raise InputError(
            f"person {person} of {film.path} is never seen for {MIN_SECONDS:g} s without a cut (at most {seconds:.1f} "
            "s), so nothing can be learnt; give a head learnt from other footage with --head."
        )
    expect(seconds, person, listener)
    whole = len(film.shots) == 1 and len(film.people) == 1
    place = Place(first=0, x0=0, y0=0) if whole else corner_of(film, shot, person)
    note = {"film": fingerprint(film.path), "place": asdict(place)}
    if not _is_noted(folder / NOTE, note):
        folder.mkdir(parents=True, exist_ok=True)
        clip = film.path if whole else cut(film, shot, place, side_of(film, shot, person), folder / CLIP, listener)
        track(clip, folder / CAPTURE, overwrite=True, listener=listener)
        with replacing(folder / NOTE) as temporary:
            temporary.write_text(json.dumps(note, indent=1), encoding="utf-8")
    if not draws:
        return Learnt(actor=None, capture=Capture.load(folder / CAPTURE), place=place)
    actor = trained(folder, preset, listener)
    (folder / CLIP).unlink(missing_ok=True)
    listener(Said(message=f"person {person} was learnt; dub them again with --head {folder / HEAD}"))
    return Learnt(actor=actor, capture=Capture.load(folder / CAPTURE), place=place)


def trained(folder: Path, preset: str, listener: Listener) -> Actor:
    """The head of what was captured in ``folder``: gone on with where the run is the same, else begun anew."""
    device = drawing_device()
    config = preset_on(preset, device)
    try:
        return train(folder / CAPTURE, folder / HEAD, config, resume=True, device=device, listener=listener)
    except InputError:
        return train(folder / CAPTURE, folder / HEAD, config, overwrite=True, device=device, listener=listener)


def expect(seconds: float, person: int, listener: Listener) -> None:
    """Say what there is to learn from and what may come of it."""
    if seconds >= 20:
        return
    words = (
        "the mouth's inside and wide openings are guessed" if seconds < 8 else "rare openings of the mouth are guessed"
    )
    listener(
        Warned(
            message=f"{seconds:.1f} s of person {person} in one piece are all there is to learn from; {words}. "
            "Twenty seconds are better."
        )
    )


def corner_of(film: Film, shot: Shot, person: int) -> Place:
    """Where the square that holds somebody in a shot begins."""
    size = side_of(film, shot, person)
    boxes = _boxes(shot, person)
    middle = (boxes[:, :2].min(0) + boxes[:, 2:].max(0)) / 2
    x0, y0 = np.clip(middle - size / 2, 0, np.array([film.info.width, film.info.height]) - size).astype(int)
    return Place(first=shot.first, x0=int(x0) & ~1, y0=int(y0) & ~1)


def side_of(film: Film, shot: Shot, person: int) -> int:
    """Side of that square, an even number of pixels."""
    boxes = _boxes(shot, person)
    face = float(np.median(boxes[:, 2] - boxes[:, 0]))
    reach = float((boxes[:, 2:].max(0) - boxes[:, :2].min(0)).max()) + 2 * AROUND * face
    return int(min(reach, film.info.width, film.info.height)) & ~1


def cut(film: Film, shot: Shot, place: Place, size: int, out: Path, listener: Listener) -> Path:
    """Write the square of a shot, with its sound, as a clip of its own."""
    fps, count = film.info.fps, len(shot)
    sound = read_audio(film.path) if film.info.has_audio else None
    if sound is not None:
        begin, end = (round(t / fps * SAMPLE_RATE) for t in (shot.first, shot.last))
        sound = np.pad(sound, (0, max(end - len(sound), 0)))[begin:end]
    frames = read_frames(film.path, fps=fps, start=shot.first / fps, duration=count / fps)
    with VideoWriter(out, width=size, height=size, fps=fps, audio=sound, crf=CRF) as writer:
        for image in tracked(frames, "cutting out a shot", count, listener):
            part = image[place.y0 : place.y0 + size, place.x0 : place.x0 + size]
            writer.write(np.ascontiguousarray(part))
    return out


def _boxes(shot: Shot, person: int) -> np.ndarray:
    there = shot.of(person)
    if there is None:
        raise ValueError(f"person {person} is not in the shot from frame {shot.first}.")
    return there.boxes


def _is_noted(path: Path, note: dict) -> bool:
    return path.is_file() and read_json(path, "note of the clip") == note
