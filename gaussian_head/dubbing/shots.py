"""The shots of a film, who is in each, and where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..checks import InputError
from ..events import Event, Listener, Progress, ignore
from ..facenet import FaceLandmarks
from ..media import BadFrames, VideoInfo, probe, read_frames
from ..tracking.people import Person, note_faces
from ..tracking.shots import find_shots, thumbnail
from .identity import Likeness, unlike

LOOKS_PER_SECOND, MOST_LOOKS = 4.0, 2400
SAME_PERSON = 0.42
"""How unlike two faces may be that are taken for one person's. Of 40 clips, halves of one clip were 0.05 to 0.38,
clips of different people 0.45 and more."""
LOOK_SIDE = 960
"""Longest side of the pictures that faces are looked for in, pixels."""
SMALLEST = 40
"""Pixels; smaller faces are nobody."""
SEEN = 0.3
"""Share of a shot's looks in which a face must be found to be somebody in it."""


@dataclass(frozen=True, kw_only=True)
class Appearance:
    """Somebody in a shot."""

    person: int
    """Number of the person, from 1; those seen longest come first."""
    boxes: np.ndarray
    """``[n, 4]`` their face in some frames, pixels."""
    frames: np.ndarray
    """``[n]`` which frames these are."""

    @property
    def width(self) -> float:
        """Usual width of the face, pixels."""
        return float(np.median(self.boxes[:, 2] - self.boxes[:, 0]))


@dataclass(frozen=True, kw_only=True)
class Shot:
    """Frames between two cuts."""

    first: int
    """First frame."""
    last: int
    """The frame after the last."""
    people: tuple[Appearance, ...]
    """Who is in it."""

    def of(self, person: int) -> Appearance | None:
        """Where somebody is in it."""
        return next((a for a in self.people if a.person == person), None)

    def __len__(self) -> int:
        return self.last - self.first


@dataclass(frozen=True, kw_only=True)
class Film:
    """What was seen in a film."""

    path: Path
    """The file."""
    info: VideoInfo
    """What it says of itself."""
    num_frames: int
    """Frames that it really gives."""
    shots: tuple[Shot, ...]
    """In their order; together they are all frames."""
    likeness: dict[int, Likeness]
    """What each person looks like."""
    small: np.ndarray
    """``[N, h, w]`` u8 small grey pictures of all frames."""
    bad: frozenset[int] = frozenset()
    """Frames that are damaged or missing in the file."""

    def whole(self, first: int, count: int) -> np.ndarray:
        """``[count]`` bool of the frames from ``first`` on: not damaged."""
        return np.array([t not in self.bad for t in range(first, first + count)], bool)

    @property
    def people(self) -> tuple[int, ...]:
        """Numbers of all people."""
        return tuple(sorted({a.person for shot in self.shots for a in shot.people}))

    def shots_of(self, person: int) -> tuple[Shot, ...]:
        """Shots in which somebody is."""
        return tuple(shot for shot in self.shots if shot.of(person) is not None)


def look_over(video: str | Path, listener: Listener = ignore) -> Film:
    """Find the shots of a film and tell its people apart.

    Args:
        video: any file with pictures.
        listener: receives Progress.

    Raises:
        InputError: no video, or nobody in it.
    """
    video = Path(video)
    info = probe(video)
    step = max(1, round(info.fps / min(LOOKS_PER_SECOND, MOST_LOOKS / max(info.duration, 1e-3))))
    small: list[np.ndarray] = []
    seen, bad = _Faces(), set[int]()

    def note(event: Event) -> None:
        if isinstance(event, BadFrames):
            bad.update(event.frames)
        else:
            listener(event)

    for t, image in enumerate(read_frames(video, fps=info.fps, listener=note)):
        small.append(thumbnail(image))
        if t % step == 0:
            seen.look(t, image)
        listener(Progress(stage="looking for people", done=t + 1, total=max(info.num_frames, t + 1)))
    pictures = np.stack(small)
    bounds = find_shots(pictures, info.fps).bounds
    shots, likeness = seen.told_apart(bounds, step)
    if not any(shot.people for shot in shots):
        raise InputError(
            f"video {video} shows no face that could be dubbed in any of {len(range(0, len(small), step))} pictures "
            f"looked at; somebody who faces the camera, {SMALLEST} pixels wide or more, was wanted."
        )
    return Film(
        path=video, info=info, num_frames=len(small), shots=shots, likeness=likeness, small=pictures, bad=frozenset(bad)
    )


class _Faces:
    """Faces of a film, first by place, then by likeness."""

    def __init__(self) -> None:
        self._finder = FaceLandmarks()
        self._people: list[Person] = []
        self._likeness: dict[tuple[int, int], Likeness] = {}

    def look(self, t: int, image: np.ndarray) -> None:
        """Note the faces of frame ``t``."""
        import cv2

        scale = min(1.0, LOOK_SIDE / max(image.shape))
        small = image if scale == 1 else cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        found = [points / np.float32(scale) for points in self._finder(small)]
        found = [points for points in found if np.ptp(points[:, 0]) >= SMALLEST]
        if not found:
            return
        boxes = np.stack([np.concatenate([p[:, :2].min(0), p[:, :2].max(0)]) for p in found])
        note_faces(self._people, t, boxes, image)
        for points, box in zip(found, boxes, strict=True):
            key = next(k for k, p in enumerate(self._people) if p.samples[-1] == t and np.array_equal(p.boxes[-1], box))
            self._likeness.setdefault((key, t), Likeness()).add(image, points)

    def told_apart(
        self, bounds: tuple[tuple[int, int], ...], step: int
    ) -> tuple[tuple[Shot, ...], dict[int, Likeness]]:
        """The shots between ``bounds``, with people who are the same in all of them, and their likenesses."""
        found: list[tuple[int, Person, Likeness]] = []
        for number, (first, last) in enumerate(bounds):
            looks = max(1, len(range(-(-first // step) * step, last, step)))
            for key, person in enumerate(self._people):
                there = person.within(range(first, last))
                if len(there.samples) >= max(1, SEEN * looks):
                    likeness = Likeness()
                    for t in there.samples:
                        likeness = likeness.merged(self._likeness[key, t])
                    found.append((number, there, likeness))
        names = numbered(found, [last - first for first, last in bounds])
        whose: dict[int, Likeness] = {}
        people: list[list[Appearance]] = [[] for _ in bounds]
        for name, (shot, person, looks_like) in zip(names, found, strict=True):
            whose[name] = whose.get(name, Likeness()).merged(looks_like)
            boxes, frames = np.stack(person.boxes), np.array(person.samples)
            people[shot].append(Appearance(person=name, boxes=boxes, frames=frames))
        shots = tuple(
            Shot(first=first, last=last, people=tuple(people[number])) for number, (first, last) in enumerate(bounds)
        )
        return shots, whose


def numbered(found: list[tuple[int, Person, Likeness]], lengths: list[int]) -> list[int]:
    """Number of the person of each face: alike faces of different shots are one; 1 is seen longest.

    Args:
        found: shot, place and likeness of each face.
        lengths: frames of each shot.
    """
    groups: list[tuple[Likeness, list[int]]] = []
    for row in sorted(range(len(found)), key=lambda row: -len(found[row][2].shapes)):
        shot, _, likeness = found[row]
        free = [g for g in groups if all(found[other][0] != shot for other in g[1])]
        near = min(free, key=lambda g: unlike(g[0], likeness), default=None)
        if near is not None and unlike(near[0], likeness) < SAME_PERSON:
            groups[groups.index(near)] = (near[0].merged(likeness), [*near[1], row])
        else:
            groups.append((likeness, [row]))
    groups.sort(key=lambda g: -sum(lengths[found[row][0]] * np.sqrt(found[row][1].width) for row in g[1]))
    names = [0] * len(found)
    for number, (_, rows) in enumerate(groups, start=1):
        for row in rows:
            names[row] = number
    return names
