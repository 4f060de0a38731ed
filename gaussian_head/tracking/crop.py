"""A first look at the clip: its shots, its people, and one square cut-out with head and shoulders inside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations_with_replacement

import numpy as np

from ..checks import InputError
from ..events import Event, Listener, Progress, ignore
from ..facenet import FaceDetector
from ..media import BadFrames
from .findings import Findings
from .footage import TURNS, Footage, best_turn, looks_upright
from .people import RIVAL, Person, choose_person, note_faces
from .shots import Shots, find_shots, thumbnail
from .visible import judge_lost

SURVEY_FPS = 4.0
MOST_SAMPLES = 240
TURN_LOOKS = 7
"""Pictures, about, that decide which way is up."""
MOST_FOREIGN = 0.2
"""Largest share of other scenes, cut in and left out, within the stretch that is used."""
MIN_SECONDS = 3.0
"""Shortest shot that a person can be learnt from at all."""
WHOLE = 0.75
"""A square picture is kept whole where head and shoulders take at least this share of its side."""


@dataclass(frozen=True, kw_only=True)
class Survey:
    """Where the wanted face is in a few frames of the clip."""

    footage: Footage
    """The shot to track."""
    boxes: np.ndarray
    """``[S, 4]`` its face, pixels of the upright picture; NaN where it was not found."""
    rivals: float
    """Share of the samples with another face of similar size."""


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A square of the source picture."""

    x0: int
    """Left edge, source pixels."""
    y0: int
    """Top edge, source pixels."""
    size: int
    """Side, source pixels."""

    def cut(self, image: np.ndarray, size: int) -> np.ndarray:
        """The square of u8 ``[H, W, 3]`` scaled to ``size`` × ``size``, anti-aliased when shrinking."""
        import cv2

        part = image[self.y0 : self.y0 + self.size, self.x0 : self.x0 + self.size]
        if part.shape[:2] == (size, size):
            return np.ascontiguousarray(part)
        method = cv2.INTER_AREA if self.size > size else cv2.INTER_CUBIC
        return cv2.resize(part, (size, size), interpolation=method)

    def to_crop(self, boxes: np.ndarray, size: int) -> np.ndarray:
        """Boxes ``[.., 4]`` of source pixels in pixels of the scaled crop."""
        return (boxes - [self.x0, self.y0, self.x0, self.y0]) * (size / self.size)

    def to_source(self, points: np.ndarray, size: int) -> np.ndarray:
        """Points ``[.., 2]`` of the scaled crop in source pixels."""
        return points * (self.size / size) + [self.x0, self.y0]


def survey(footage: Footage, findings: Findings, listener: Listener = ignore) -> Survey:
    """Look at small pictures of all frames for cuts, and for faces a few times a second; choose shot and person.

    Raises:
        InputError: no face anywhere.
    """
    looked = _look(footage, listener)
    for event in looked.bad:
        findings.add("damaged", event.message, severity="left out", frames=event.frames)
    if looked.turn:
        findings.add("turned", f"The video {TURNS[looked.turn]}: its pictures were turned upright for tracking.")
        footage = replace(footage, turn=looked.turn)
        looked = _look(footage, listener)
    people, small, step = looked.people, looked.small, looked.step
    if not people:
        raise InputError(
            f"video {footage.video} shows no face in any of {len(range(0, len(small), step))} pictures looked at;"
            " a clip of one person who faces the camera was wanted. Check that it is well lit."
        )
    shot = _choose_shot(find_shots(small, footage.fps), people, step, footage.fps, findings)
    shown = range(-(-shot.start // step), -(-shot.stop // step))
    there = [p for p in (person.within(shown) for person in people) if p.samples]
    wanted, pictures = choose_person(there)
    boxes = np.full((len(shown), 4), np.nan)
    boxes[np.array(wanted.samples) - shown.start] = wanted.boxes
    others = {t for p in there if p is not wanted and p.width > RIVAL * wanted.width for t in p.samples}
    rivals = len(others) / len(shown)
    if pictures:
        findings.add(
            "picture of a face",
            f"A larger face ({pictures[0].width:.0f} px wide) never moves and is taken for a picture of one; the"
            f" face that moves ({wanted.width:.0f} px) is tracked.",
        )
    elif rivals > 0.1:
        findings.add(
            "several people",
            f"{rivals:.0%} of the pictures show more than one face; the largest that moves ({wanted.width:.0f} px wide)"
            " is tracked. Where another is meant, cut the video to that one first.",
        )
    kept = replace(footage, first=shot.start, count=len(shot))
    return Survey(footage=kept, boxes=boxes, rivals=rivals)


@dataclass(frozen=True, kw_only=True)
class _Looked:
    """What a pass over all frames showed."""

    people: list[Person]
    """Faces of the samples."""
    small: np.ndarray
    """``[N, SIDE, SIDE]`` small pictures of all frames."""
    step: int
    """Frames from sample to sample."""
    turn: int
    """Quarter turns that put the pictures upright."""
    bad: list[BadFrames]
    """What reading told of damage."""


def _look(footage: Footage, listener: Listener) -> _Looked:
    info = footage.info
    rate = min(SURVEY_FPS, max(MOST_SAMPLES / max(info.duration, 1e-3), 0.1))
    step = max(1, round(info.fps / rate))
    pause = max(1, info.num_frames // step // TURN_LOOKS)
    people: list[Person] = []
    small, scores = [], []
    bad: list[BadFrames] = []
    detector = FaceDetector()
    for t, image in enumerate(footage.frames(_gathering(bad))):
        small.append(thumbnail(image))
        if t % step == 0:
            note_faces(people, t // step, detector(image), image)
            if t // step % pause == pause // 2:
                scores.append(looks_upright(detector, image))
        listener(Progress(stage="tracking: looking for the face", done=t + 1, total=max(info.num_frames, t + 1)))
    turn = best_turn(np.array(scores).reshape(-1, 4))
    return _Looked(people=people, small=np.stack(small), step=step, turn=turn, bad=bad)


def _gathering(bad: list[BadFrames]) -> Listener:
    """A listener that keeps what is told of damage."""

    def listen(event: Event) -> None:
        if isinstance(event, BadFrames):
            bad.append(event)

    return listen


def _choose_shot(shots: Shots, people: list[Person], step: int, fps: float, findings: Findings) -> range:
    """Frames of the longest stretch of one scene that shows a face, a little of something else in between allowed."""
    with_face = {sample * step for person in people for sample in person.samples}
    faces = []
    for first, last in shots.bounds:
        looked = [t in with_face for t in range(-(-first // step) * step, last, step)]
        faces.append(bool(looked) and float(np.mean(looked)) > 0.5)
    spans = [_Span(shots, i, j) for i, j in combinations_with_replacement(range(len(faces)), 2)]
    spans = [s for s in spans if shots.scenes[s.begin] == shots.scenes[s.end] and faces[s.begin] and faces[s.end]]
    best = max((s for s in spans if len(s.foreign) <= MOST_FOREIGN * len(s.frames)), key=_Span.own, default=None)
    if best is None or best.own() < MIN_SECONDS * fps:  # where only the face is missing in between, tracking judges it
        alike = [s for s in spans if not any(faces[k] for k in s.others)]
        best = max(alike, key=_Span.own, default=best) or _Span(shots, 0, len(faces) - 1)
    if len(shots.bounds) > 1:
        _tell_shots(shots, faces, best, fps, findings)
    first, last = best.frames.start, best.frames.stop
    inside = shots.disturbed[(shots.disturbed >= first) & (shots.disturbed < last)]
    if len(inside):
        findings.add("disturbed", "Another picture flashes up; left out are", severity="left out", frames=inside)
    findings.first = first
    return best.frames


def _tell_shots(shots: Shots, faces: list[bool], chosen: _Span, fps: float, findings: Findings) -> None:
    if chosen.own() < MIN_SECONDS * fps and len(chosen.frames) < shots.bounds[-1][1]:
        lost = [t for shot, face in zip(shots.bounds, faces, strict=True) if not face for t in range(*shot)]
        if len(lost) > findings.most_lost * shots.bounds[-1][1]:
            judge_lost(np.array(lost), shots.bounds[-1][1], findings)
        findings.add(
            "several shots",
            f"the picture is cut so often that no shot of one person lasts {MIN_SECONDS:.0f} s; give one that was"
            " filmed without a cut. The cuts are at",
            severity="refused",
            frames=[first for first, _ in shots.bounds[1:]],
        )
    findings.add(
        "several shots",
        f"{len(shots.bounds)} shots follow each other; the longest stretch of one person is used, left out are",
        severity="left out",
        frames=np.setdiff1d(np.arange(shots.bounds[-1][1]), np.setdiff1d(chosen.frames, chosen.foreign)),
    )


@dataclass(frozen=True)
class _Span:
    """Shots ``begin`` to ``end``, which show the same scene."""

    shots: Shots
    begin: int
    end: int

    @property
    def frames(self) -> range:
        return range(self.shots.bounds[self.begin][0], self.shots.bounds[self.end][1])

    @property
    def others(self) -> list[int]:
        """Shots between them that show another scene."""
        inside, scenes = range(self.begin, self.end + 1), self.shots.scenes
        return [k for k in inside if scenes[k] != scenes[self.begin]]

    @property
    def foreign(self) -> list[int]:
        """Frames of those."""
        return [t for k in self.others for t in range(*self.shots.bounds[k])]

    def own(self) -> int:
        """Frames of the scene itself."""
        return len(self.frames) - len(self.foreign)


def choose_crop(found: Survey) -> Crop:
    """The square that holds head and shoulders in all samples; a square picture whole unless they are small in it."""
    width, height = found.footage.width, found.footage.height
    boxes = found.boxes[~np.isnan(found.boxes[:, 0])]
    low = np.quantile(boxes[:, :2], 0.02, axis=0)
    high = np.quantile(boxes[:, 2:], 0.98, axis=0)
    face = float(np.median(boxes[:, 2] - boxes[:, 0]))
    left, right = low[0] - 0.75 * face, high[0] + 0.75 * face
    top, bottom = low[1] - 0.75 * face, high[1] + 0.95 * face
    size = int(min(max(right - left, bottom - top), width, height))
    if width == height and size >= WHOLE * width:
        return Crop(x0=0, y0=0, size=width)
    x0 = int(np.clip((left + right - size) / 2, 0, width - size))
    y0 = int(np.clip((top + bottom - size) / 2, 0, height - size))
    return Crop(x0=x0, y0=y0, size=size)
