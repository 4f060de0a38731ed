"""Stretches of a film in which somebody can be dubbed: their recorded motion, and which frames are believed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from ..camera import Camera
from ..checks import InputError
from ..events import Listener, Warned, ignore, tracked
from ..facenet import LandmarkTracker
from ..media import read_frames
from ..motion import Motion
from ..tracking.follow import FEWEST, follow
from .learning import Learnt, Place
from .shots import Appearance, Film, Shot
from .view import film_camera, shifted

BRIDGED_SECONDS = 0.3
"""Longest gap in tracking through which the mouth goes on by the frames around it."""
FADE_SECONDS = 0.12
"""Seconds over which the recorded mouth takes over at frames that stay as recorded."""
FAR, FAR_SHARE = 4.0, 0.012
"""Multiple of the usual landmark residual, and share of the face's width, beyond which a frame is not believed."""
FOLLOWED_WIDTH = 220
"""Pixels that a face is wide, at most, in the pictures it is followed in."""
DUBBED, BRIDGED, PASSED = "dubbed", "bridged", "passed"


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Frames of a film with one person as tracked."""

    person: int
    """Who."""
    first: int
    """The film's frame that ``recorded`` begins with."""
    recorded: Motion
    """T frames as tracked, in the film's camera."""
    camera: Camera
    """For the whole pictures of the film."""
    states: tuple[str, ...]
    """T of DUBBED, BRIDGED (nothing was tracked, but around it) and PASSED (stays as recorded)."""

    @property
    def last(self) -> int:
        """The frame after the last."""
        return self.first + len(self.recorded)

    @property
    def share(self) -> Tensor:
        """``[T]`` in [0, 1], how far the new mouth is shown: 0 where a frame stays as recorded, with soft edges."""
        passed = torch.tensor([state == PASSED for state in self.states])
        if not passed.any():
            return torch.ones(len(passed))
        places = torch.arange(len(passed))
        away = (places[:, None] - places[passed][None]).abs().min(1).values.float()
        return (away / max(FADE_SECONDS * self.recorded.fps, 1)).clamp(0, 1)


def stretches_of(film: Film, person: int, learnt: Learnt, listener: Listener = ignore) -> list[Stretch]:
    """All stretches of a film in which somebody is: the learnt one as it was tracked, the others followed."""
    found: list[Stretch] = []
    place = learnt.place
    learnt_stretch = None if place is None else _learnt(film, person, learnt, place)
    for shot in film.shots_of(person):
        if learnt_stretch is not None and shot.first <= learnt_stretch.first < shot.last:
            found.append(_within(learnt_stretch, shot))
            continue
        there = shot.of(person)
        stretch = None if there is None else _followed(film, shot, there, learnt, listener)
        if stretch is not None:
            found.append(stretch)
    return found


def _learnt(film: Film, person: int, learnt: Learnt, place: Place) -> Stretch:
    info, motion = learnt.capture.info, learnt.motion
    if info.source.get("turned_deg"):
        raise InputError(f"video {film.path} lies on its side; turn it upright (its metadata may say so) and dub that.")
    first = place.first + int(info.source.get("first_frame", 0))
    believed = film.whole(first, len(motion))
    believed[info.bad_frames] = False
    camera = replace(shifted(film_camera(info), -place.x0, -place.y0), width=film.info.width, height=film.info.height)
    return Stretch(person=person, first=first, recorded=motion, camera=camera, states=states_of(believed, info.fps))


def _within(stretch: Stretch, shot: Shot) -> Stretch:
    """The part of a stretch that lies in a shot."""
    count = min(stretch.last, shot.last) - stretch.first
    return replace(stretch, recorded=stretch.recorded.select(slice(0, count)), states=stretch.states[:count])


def _followed(film: Film, shot: Shot, there: Appearance, learnt: Learnt, listener: Listener) -> Stretch | None:
    """Somebody in a shot that nothing was learnt from; None where the face is found in hardly any frame."""
    fps = film.info.fps
    scale = min(1.0, FOLLOWED_WIDTH / there.width)
    finder = LandmarkTracker(there.boxes[0] * scale)
    points: list[np.ndarray | None] = []
    frames = read_frames(film.path, fps=fps, start=shot.first / fps, duration=len(shot) / fps)
    for image in tracked(frames, "following a known face", len(shot), listener):
        points.append(_found(finder, image, scale))
    seen = np.array([p is not None for p in points])
    if seen.sum() < FEWEST:
        words = f"person {there.person} is not found in the shot from frame {shot.first}; it stays as recorded."
        listener(Warned(message=words))
        return None
    landmarks = np.stack([np.zeros((478, 3), np.float32) if p is None else p for p in points])
    source = learnt.capture.info
    focal = film_camera(source).K[0, 0].item() * film.info.height / max(source.source["height"], 1)
    if learnt.place is not None:
        focal = film_camera(source).K[0, 0].item()
    centre = landmarks[seen][..., :2].mean((0, 1))
    result = follow(learnt.capture, landmarks, seen, fps=fps, focal=focal, centre=centre)
    usual = float(np.median(result.residual[seen]))
    believed = seen & (result.residual < FAR * usual + FAR_SHARE * there.width) & film.whole(shot.first, len(shot))
    camera = Camera.from_focal(focal, film.info.width, film.info.height, *(float(v) for v in centre))
    return Stretch(
        person=there.person,
        first=shot.first,
        recorded=result.motion,
        camera=camera,
        states=states_of(believed, fps),
    )


def _found(finder: LandmarkTracker, image: np.ndarray, scale: float) -> np.ndarray | None:
    import cv2

    small = image if scale == 1 else cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    points = finder(small)
    return None if points is None else points / np.float32(scale)


def states_of(believed: np.ndarray, fps: float) -> tuple[str, ...]:
    """What becomes of each frame, from ``[T]`` bool whether its tracking is believed."""
    states = [DUBBED if good else PASSED for good in believed]
    good = np.flatnonzero(believed)
    for a, b in pairwise(good.tolist()):
        if 1 < b - a <= round(BRIDGED_SECONDS * fps) + 1:
            states[a + 1 : b] = [BRIDGED] * (b - a - 1)
    return tuple(states)
