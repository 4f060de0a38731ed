"""What moves a head that is to be written: its own clip, a motion file or speech, whole or some frames of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..checks import InputError
from .material import rest_moment

if TYPE_CHECKING:
    from ..head import Head
    from ..motion import Motion, Performance

FULL_RATE = 44100
"""Hz at which a given sound is kept."""


def driving_performance(
    head: Head,
    *,
    audio: str | Path | None = None,
    motion: str | Path | None = None,
    pose: Literal["captured", "still"] = "captured",
    frames: str | None = None,
    with_sound: bool = False,
) -> Performance:
    """Speech, a motion file or, without either, the captured clip; the chosen frames only.

    Args:
        head: the person.
        audio: sound or video file to speak.
        motion: motion file.
        pose: ``"still"`` holds head and torso at rest.
        frames: ``start:stop:step``, as `chosen_frames` reads it; None for all.
        with_sound: keep what is heard: the given sound in full quality, or the clip's own where it still is.

    Raises:
        InputError: two drivers at once, channels that are not the head's, or no frame left.
    """
    from ..media import read_audio
    from ..motion import Performance
    from ..rendering.speak import SAMPLE_RATE, captured_sound

    if audio is not None and motion is not None:
        raise InputError("audio and motion were both given; one driver is wanted.")
    moved, samples, rate = _moved(head, audio, motion, pose), None, FULL_RATE
    if with_sound and audio is not None:
        samples = read_audio(audio, sample_rate=FULL_RATE)
    elif with_sound and motion is None:
        samples, rate = captured_sound(head), SAMPLE_RATE
    performance = Performance(motion=moved, samples=samples, sample_rate=rate)
    return performance if frames is None else performance.select(chosen_frames(frames, len(performance)))


def _moved(head: Head, audio: str | Path | None, file: str | Path | None, pose: Literal["captured", "still"]) -> Motion:
    from dataclasses import replace

    from ..io.motion_file import read_motion
    from ..media import read_audio
    from ..rendering.speak import SAMPLE_RATE, speak

    if audio is not None:
        return speak(head, read_audio(audio, sample_rate=SAMPLE_RATE), pose=pose)
    motion = head.capture_motion if file is None else read_motion(file)
    if motion.channels != head.channels:
        raise InputError(
            f"{file} has channels {', '.join(motion.channels)}; those of this head are wanted:"
            f" {', '.join(head.channels)}."
        )
    if pose == "captured":
        return motion
    rest = rest_moment(head)
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
