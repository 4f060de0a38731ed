"""A head that speaks, and how it is posed meanwhile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ..capture import Capture
from ..checks import InputError
from ..conventions import SAMPLE_RATE
from ..events import Listener, ignore
from ..head import Head
from ..io.motion_file import read_motion
from ..media import read_audio
from ..motion import Motion, loop_poses
from ..motion.edit import moved_like, resample, still_pose

POSES = ("captured", "still")


def captured_sound(head: Head) -> np.ndarray | None:
    """Sound ``[S]`` (16 kHz mono) of the clip a head was trained on; None where it had none or was moved away."""
    path = Path(head.capture_path) / "audio.wav"
    return read_audio(path, sample_rate=SAMPLE_RATE) if head.capture_path and path.is_file() else None


def speak(
    head: Head,
    samples: np.ndarray,
    *,
    pose: str | Path = "captured",
    blink: bool = True,
    seed: int = 0,
    listener: Listener = ignore,
) -> Motion:
    """Motion of ``head`` saying ``samples`` (``[S]``, 16 kHz mono), as long as the sound to a frame.

    Args:
        head: the person.
        samples: what to say.
        pose: ``"captured"``, ``"still"``, or a motion file or capture folder for ``posed_like``.
        blink: add blinks.
        seed: of blinks and loops.
        listener: receives Progress where the sound is long.

    Raises:
        InputError: the head was trained on a clip without sound, or ``pose`` names nothing.
    """
    from ..motion.drive import drive_by_audio

    if head.audio_model is None:
        raise InputError(
            "this head was trained on a clip without sound and cannot speak; reconstruct it from a clip with sound."
        )
    _require_pose(pose)
    motion = drive_by_audio(
        head.audio_model, head.capture_motion, samples, fps=head.fps, blink=blink, seed=seed, listener=listener
    )
    return posed(motion, head, pose, seed)


def posed_like(motion: Motion, head: Head, leader: Motion, *, seed: int = 0) -> Motion:
    """``motion`` with head and torso moving as another motion does.

    The leader's movement away from its own typical pose is carried over to the typical pose of the head's clip; its
    expression is left out. Where the leader is shorter, it is repeated with cross-fades at places that fit.

    Args:
        motion: whose expression and length are kept.
        head: whose clip gives the resting pose.
        leader: any motion, of another person too.
        seed: of the loop.
    """
    leader = resample(leader, motion.fps)
    moved = replace(leader, **moved_like(head.capture_motion, leader))
    return _with_pose(motion, loop_poses(moved, len(motion), seed))


def posed(motion: Motion, head: Head, pose: str | Path, seed: int = 0) -> Motion:
    """``motion`` with head and torso posed by name.

    Args:
        motion: whose expression and length are kept.
        head: the person.
        pose: ``"captured"`` leaves the motion as it is, ``"still"`` holds the clip's typical pose, a motion file or the
            folder of another capture leads as in ``posed_like``.
        seed: of the loop.

    Raises:
        InputError: ``pose`` names nothing.
    """
    _require_pose(pose)
    if str(pose) == "captured":
        return motion
    if str(pose) == "still":
        held = still_pose(head.capture_motion).select(slice(0, 1))
        return _with_pose(motion, loop_poses(held, len(motion)))
    leader = Capture.load(pose).motion if Path(pose).is_dir() else read_motion(pose)
    return posed_like(motion, head, leader, seed=seed)


def _with_pose(motion: Motion, pose: Motion) -> Motion:
    """``motion`` with the head and torso poses of another motion of the same length."""
    return replace(motion, head=pose.head, torso=pose.torso)


def _require_pose(pose: str | Path) -> None:
    if str(pose) not in POSES and not Path(pose).exists():
        raise InputError(
            f"pose {str(pose)!r} is unknown; choose {', '.join(POSES)}, a motion file (.json) or a capture's folder."
        )
