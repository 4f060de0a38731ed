"""What moves a head that is to be written: its own clip, a motion file or speech, whole or some frames of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..checks import InputError
from ..conventions import SAMPLE_RATE
from ..events import Listener, ignore
from .material import rest_moment

if TYPE_CHECKING:
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
        listener: is warned of what ``actor.lent`` leaves out of ``motion``.

    Raises:
        InputError: two drivers at once, or no frame left.
    """
    from ..actor import captured_sound
    from ..media import read_recorded_audio
    from ..motion import Performance

    if audio is not None and motion is not None:
        raise InputError("audio and motion were both given; one driver is wanted.")
    moved, samples, rate = _moved(actor, audio, motion, pose, listener), None, SAMPLE_RATE
    if with_sound and audio is not None:
        samples, rate = read_recorded_audio(audio)
    elif with_sound and motion is None:
        samples = captured_sound(actor.clip)
    performance = Performance(motion=moved, samples=samples, sample_rate=rate)
    return performance if frames is None else performance.select(chosen_frames(frames, len(performance)))


def _moved(
    actor: Actor,
    audio: str | Path | None,
    file: str | Path | None,
    pose: Literal["captured", "still"],
    listener: Listener,
) -> Motion:
    from dataclasses import replace

    from ..actor import lent, speak
    from ..media import read_audio

    if audio is not None:
        return speak(actor, read_audio(audio, sample_rate=SAMPLE_RATE), pose=pose)
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
