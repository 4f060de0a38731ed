"""What moves a head that is to be written: its own clip, a motion file or speech, whole or some frames of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..checks import InputError

if TYPE_CHECKING:
    from ..head import Head
    from ..motion import Motion, MotionFrame
    from .formats import ExportOptions


def driving_motion(head: Head, options: ExportOptions) -> Motion:
    """The motion that ``options`` name: speech, a motion file or the captured clip; its chosen frames only.

    Raises:
        InputError: two drivers at once, channels that are not the head's, or no frame left.
    """
    from dataclasses import replace

    from ..io.motion_file import read_motion
    from ..media import read_audio
    from ..rendering.speak import SAMPLE_RATE, speak

    if options.audio is not None and options.motion is not None:
        raise InputError("audio and motion were both given; one driver is wanted.")
    if options.audio is not None:
        motion = speak(head, read_audio(options.audio, sample_rate=SAMPLE_RATE), pose=options.pose)
    elif options.motion is not None:
        motion = read_motion(options.motion)
        if motion.channels != head.channels:
            raise InputError(
                f"{options.motion} has channels {', '.join(motion.channels)}; those of this head are wanted:"
                f" {', '.join(head.channels)}."
            )
    else:
        motion = head.capture_motion
    if options.pose == "still" and options.audio is None:
        rest = rest_moment(head)
        held = {
            "head_quats": rest.head_quat,
            "head_positions": rest.head_position,
            "torso_quats": rest.torso_quat,
            "torso_positions": rest.torso_position,
        }
        motion = replace(motion, **{name: value.repeat(len(motion), 1) for name, value in held.items()})
    return motion if options.frames is None else motion.select(chosen_frames(options.frames, len(motion)))


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


def moment(head: Head, options: ExportOptions) -> MotionFrame:
    """The one moment that ``options`` name: a frame of the driving motion, or the neutral face at rest."""
    if options.frame is None:
        return rest_moment(head)
    motion = driving_motion(head, options)
    if not 0 <= options.frame < len(motion):
        raise InputError(f"frame {options.frame} was asked; the motion has frames 0 to {len(motion) - 1}.")
    return motion.at(options.frame)


def rest_moment(head: Head) -> MotionFrame:
    """The neutral face, upright, in its usual place."""
    import torch

    from ..motion import MotionFrame

    upright = torch.tensor([1.0, 0.0, 0.0, 0.0])
    return MotionFrame(
        head_quat=upright,
        head_position=head.centre,
        torso_quat=upright,
        torso_position=head.centre,
        expression=torch.zeros(len(head.channels)),
    )
