"""Who is dubbed: the person of a number, or the one whom a head shows."""

from __future__ import annotations

import numpy as np

from ..capture import Capture
from ..checks import InputError
from ..events import Listener, Warned, ignore
from .identity import Likeness, unlike
from .shots import SAME_PERSON, Film

LOOKS = 12
"""Frames of a capture that tell what its person looks like."""


def require_person(film: Film, person: int) -> int:
    """``person`` if they are in the film; InputError that says who is."""
    if person in film.people:
        return person
    there = ", ".join(
        f"{p} ({sum(len(s) for s in film.shots_of(p)) / film.info.fps:.1f} s, from "
        f"{film.shots_of(p)[0].first / film.info.fps:.1f} s on)"
        for p in film.people
    )
    raise InputError(f"person {person} was asked for; {film.path} shows {there}. Name one of them with --person.")


def chosen(film: Film, person: int | None, capture: Capture | None, listener: Listener = ignore) -> int:
    """The number of the person to dub.

    Args:
        film: where they are.
        person: asked for; None for the one whom the head shows, without a head the first.
        capture: what the head was trained on; None where nothing is learnt yet.
        listener: is warned where head and person are not alike.

    Raises:
        InputError: no such person.
    """
    if capture is None:
        return require_person(film, 1 if person is None else person)
    likeness = likeness_of(capture)
    if person is None:
        person = min(film.people, key=lambda p: unlike(film.likeness[p], likeness))
    require_person(film, person)
    apart = unlike(film.likeness[person], likeness)
    if apart > SAME_PERSON:
        listener(
            Warned(
                message=f"the head does not look like person {person} of the film (unlike by {apart:.2f}, one person "
                f"is below {SAME_PERSON:g}); if it is somebody else, leave --head away and let them be learnt."
            )
        )
    return person


def likeness_of(capture: Capture) -> Likeness:
    """What the person of a capture looks like."""
    likeness = Likeness()
    frames = capture.train_frames
    for t in frames[np.unique(np.linspace(0, len(frames) - 1, LOOKS).round().astype(int))].tolist():
        likeness.add(capture.frame(t).image, _with_depth(capture, t))
    return likeness


def _with_depth(capture: Capture, t: int) -> np.ndarray:
    """Landmarks ``[478, 3]`` of a frame, depth from the tracked face, pixels."""
    moment = capture.motion.at(t)
    depth = capture.shape.in_world(moment)[:, 2]
    focal = capture.info.K[0][0]
    pixels = (depth - depth.mean()) * focal / depth.mean()
    return np.concatenate([capture.landmarks[t].numpy(), pixels[:, None].numpy()], 1).astype(np.float32)
