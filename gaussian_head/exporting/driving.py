"""What moves a head that is to be written: its own clip, a motion file or speech, whole or some frames of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..checks import InputError
from ..events import Listener, ignore

if TYPE_CHECKING:
    import numpy as np

    from ..actor import Actor
    from ..motion import Motion, Performance


def driving_performance(
    actor: Actor,
    *,
    audio: str | Path | None = None,
    motion: str | Path | None = None,
    pose: Literal["captured", "still"] = "captured",
    frames: str | None = None,
    with_sound: bool = False,
    listener: Listener = ignore,
) -> Performance:
    """Speech, a motion file or, without either, the captured clip; the chosen frames only.

    Args:
        actor: the person.
        audio: sound or video file to speak.
        motion: motion file.
        pose: ``"still"`` holds head and torso at rest.
        frames: ``start:stop:step``, as `chosen_frames` reads it; None for all.
        with_sound: keep what is heard: the given sound as it was recorded, or the clip's own where it still is.
        listener: receives Progress where a sound is long, and is warned of what is chosen of it or left out of
            ``motion``.

    Raises:
        InputError: two drivers at once, or no frame left.
    """
    from ..motion import Performance

    if audio is not None and motion is not None:
        raise InputError("audio and motion were both given; one driver is wanted.")
    if audio is not None:
        performance = _spoken(actor, audio, pose, with_sound, listener)
    else:
        moved = _moved(actor, motion, pose, listener)
        performance = Performance(motion=moved, samples=_own_sound(actor) if with_sound and motion is None else None)
    return performance if frames is None else performance.select(chosen_frames(frames, len(performance)))


def _spoken(
    actor: Actor, audio: str | Path, pose: Literal["captured", "still"], with_sound: bool, listener: Listener
) -> Performance:
    from ..actor import speak
    from ..media import read_audio, read_spoken_audio
    from ..motion import Performance

    if not with_sound:
        return Performance(motion=speak(actor, read_audio(audio, listener=listener), pose=pose, listener=listener))
    heard, samples, rate = read_spoken_audio(audio, listener=listener)
    motion = speak(actor, heard, pose=pose, listener=listener)
    return Performance(motion=motion, samples=samples, sample_rate=rate)


def _own_sound(actor: Actor) -> np.ndarray | None:
    from ..actor import captured_sound

    return captured_sound(actor.clip)


def _moved(actor: Actor, file: str | Path | None, pose: Literal["captured", "still"], listener: Listener) -> Motion:
    from dataclasses import replace

    from ..actor import lent
    from ..rendering.ends import rest_moment

    motion = actor.clip.motion if file is None else lent(actor.clip, file, listener=listener)
    if pose == "captured":
        return motion
    rest = rest_moment(actor.head)
    return replace(motion, head=rest.head.held(len(motion)), torso=rest.torso.held(len(motion)))


def chosen_frames(text: str, num_frames: int) -> slice:
    """``start:stop:step`` (each may be left out) as a slice of ``num_frames`` frames.

    Raises:
        InputError: not such a text, a step below 1, or no frame in it.
    """
    parts = text.split(":")
    try:
        numbers = [int(part) if part.strip() else None for part in parts]
    except ValueError:
        numbers = []
    if not 2 <= len(numbers) <= 3 or (numbers[2:] and numbers[2] is not None and numbers[2] < 1):
        raise InputError(f"frames {text!r} is no range; start:stop:step was wanted, for example 0:100:2.")
    chosen = slice(*numbers)
    if not len(range(*chosen.indices(num_frames))):
        raise InputError(f"frames {text!r} holds none of the {num_frames} frames; they are 0 to {num_frames - 1}.")
    return chosen
