"""An actor that speaks, and how it is posed meanwhile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..capture import Capture
from ..checks import InputError
from ..conventions import SAMPLE_RATE
from ..events import Listener, Warned, ignore
from ..face import UNITS
from ..io.motion_file import read_motion
from ..media import read_audio
from ..motion import Motion, loop_poses, retarget
from ..motion.act_words import parse_acts
from ..motion.drive import drive_by_audio
from ..motion.edit import moved_like, resample, still_pose
from ..motion.shut import seen_apart, shut_mouth
from ..motion.speaker import Speaker
from ..motion.worded import worded
from ..voice import OwnVoice, usual_prior
from ..voice.learning import own_size
from ..voice.mouth import COLUMNS
from ..voice.variety import sampled
from ._actor import Actor
from ._clip import Clip
from .style import styled

POSES = ("captured", "still", "frontal")
MOST_WORDS = 100_000
"""Bytes that a file of words may have."""
Lips = Literal["mean", "sampled"]
"""Lips as a voice usually moves them, or drawn by chance about that."""


def captured_sound(clip: Clip) -> np.ndarray | None:
    """Sound ``[S]`` (16 kHz mono) of a clip; None where it had none or its capture was moved away."""
    path = Path(clip.capture_path) / "audio.wav"
    return read_audio(path, sample_rate=SAMPLE_RATE) if clip.capture_path and path.is_file() else None


def speak(
    actor: Actor,
    samples: np.ndarray,
    *,
    pose: str | Path = "captured",
    blink: bool = True,
    lips: Lips = "mean",
    style: str | Path = "",
    seed: int = 0,
    listener: Listener = ignore,
) -> Motion:
    """Motion of an actor saying ``samples`` (``[S]``, 16 kHz mono), as long as the sound to a frame.

    Args:
        actor: the person.
        samples: what to say.
        pose: as ``posed`` takes it.
        blink: add blinks.
        lips: ``"mean"`` is how the voice usually says it, ``"sampled"`` one of the ways in which people do.
        style: folder of a capture whose person lends their way of speaking; "" for the actor's own.
        seed: of blinks, loops and sampled lips.
        listener: receives Progress where the sound is long.

    Raises:
        InputError: ``pose`` names nothing.
    """
    words = _told(pose)
    captured = actor.clip.motion
    lent = styled(unheard(actor), style) if str(style) else None
    voice = lent or voice_of(actor)
    motion = drive_by_audio(voice, captured, samples, fps=captured.fps, blink=blink, seed=seed, listener=listener)
    if lips == "sampled":
        motion = sampled(motion, voice, size_of(actor) if lent is None else lent.scale, seed)
    return _posed(motion, actor.clip, pose, words, seed, listener)


def size_of(actor: Actor) -> Tensor:
    """``[M]`` standard deviations of the units of the actor's mouth: of the clip, the usual ones where it is silent."""
    usual = usual_prior().scale
    if actor.voice is None:
        return usual
    return own_size(actor.clip.motion.units[: actor.clip.num_train, COLUMNS].float(), usual)


def voice_of(actor: Actor) -> Speaker:
    """The actor's own voice; where its clip taught it none, what is usual among people, about its own closed mouth."""
    return unheard(actor) if actor.voice is None else actor.voice


def unheard(actor: Actor) -> OwnVoice:
    """What is usual among people, about the actor's own closed mouth."""
    motion = actor.clip.motion.select(slice(0, actor.clip.num_train))
    closed = torch.zeros(len(UNITS))
    closed[COLUMNS] = shut_mouth(motion.units[:, COLUMNS].float(), seen_apart(motion, actor.head.code_map))
    lips = actor.head.code_map.lips if motion.residual.shape[1] else torch.zeros(0, dtype=torch.bool)
    return replace(OwnVoice.silent(usual_prior(), closed), lips=lips, basis_id=motion.basis_id)


def lent(clip: Clip, file: str | Path, *, listener: Listener = ignore) -> Motion:
    """The motion of a file, as the person of ``clip`` makes it.

    A take that says nothing of where a head is moves it from the clip's typical pose. The residual of another face is
    left out: units and gaze say what there is to say.

    Args:
        clip: the person's own.
        file: what ``io.read_motion`` reads.
        listener: is warned of a residual that is left out.

    Raises:
        InputError: no such file, or it holds no motion.
    """
    motion = read_motion(file)
    if motion.is_unplaced:
        return retarget(motion, clip.motion)
    if motion.residual.shape[1] and motion.basis_id != clip.motion.basis_id:
        whose = "of another face" if motion.basis_id else "of a face that it does not name"
        listener(Warned(message=f"{file} holds private numbers {whose}; they are left out, units and gaze are taken."))
        return motion.without_residual()
    return motion


def posed_like(motion: Motion, clip: Clip, leader: Motion, *, seed: int = 0) -> Motion:
    """``motion`` with head and torso moving as another motion does.

    The leader's movement away from its own typical pose is carried over to the typical pose of the clip; its
    face is left out. Where the leader is shorter, it is repeated with cross-fades at places that fit.

    Args:
        motion: whose face and length are kept.
        clip: gives the resting pose.
        leader: any motion, of another person too.
        seed: of the loop.
    """
    leader = resample(leader, motion.fps)
    moved = replace(leader, **moved_like(clip.motion, leader))
    return _with_pose(motion, loop_poses(moved, len(motion), seed))


def posed(motion: Motion, clip: Clip, pose: str | Path, seed: int = 0, *, listener: Listener = ignore) -> Motion:
    """``motion`` with head and torso posed by name.

    Args:
        motion: whose face and length are kept.
        clip: the person's own.
        pose: ``"captured"`` leaves the motion as it is, ``"still"`` holds the clip's typical pose, ``"frontal"`` the
            same with the face straight ahead, a motion file or the folder of another capture leads as in
            ``posed_like``, and anything else, or what a .txt file holds, is words as `parse_acts` reads them.
        seed: of the loop.
        listener: receives Warned.

    Raises:
        InputError: ``pose`` names nothing, and is no movement in words.
    """
    return _posed(motion, clip, pose, _told(pose), seed, listener)


def _posed(motion: Motion, clip: Clip, pose: str | Path, words: str | None, seed: int, listener: Listener) -> Motion:
    """``posed``, whose ``words`` were read."""
    if str(pose) == "captured":
        return motion
    if str(pose) in POSES:
        held = still_pose(clip.motion).select(slice(0, 1))
        if str(pose) == "frontal":
            held = replace(held, head=replace(held.head, quats=torch.tensor([[1.0, 0.0, 0.0, 0.0]])))
        return _with_pose(motion, loop_poses(held, len(motion)))
    if words is not None:
        return worded(motion, words, listener=listener)
    leader = Capture.load(pose).motion if Path(pose).is_dir() else read_motion(pose)
    return posed_like(motion, clip, leader, seed=seed)


def words_of(pose: str | Path) -> str | None:
    """The words of a pose that is told in words, which may stand in a .txt file; None where somebody leads.

    Raises:
        InputError: the file holds more than words, or none.
    """
    if not is_worded(pose):
        return None
    if not is_there(pose):
        return str(pose)
    path = Path(pose)
    if path.stat().st_size > MOST_WORDS:
        raise InputError(f"{path} holds {path.stat().st_size} bytes; head acts in words, {MOST_WORDS} at most.")
    try:
        return " ".join(path.read_text(encoding="utf-8").split())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no text in UTF-8 ({error}); head acts in words were wanted.") from error


def is_worded(pose: str | Path) -> bool:
    """Whether a pose is told in words: by itself, or by a .txt file of them."""
    return not is_there(pose) or (Path(pose).suffix.lower() == ".txt" and not Path(pose).is_dir())


def is_there(place: str | Path) -> bool:
    """Whether a file or folder is called so; words that are too long for a name are none."""
    try:
        return Path(place).exists()
    except (OSError, ValueError):
        return False


def _with_pose(motion: Motion, pose: Motion) -> Motion:
    """``motion`` with the head and torso poses of another motion of the same length."""
    return replace(motion, head=pose.head, torso=pose.torso)


def _told(pose: str | Path) -> str | None:
    """The words of a pose, read once and understood; None where it is named or led; InputError where it is nothing."""
    words = None if str(pose) in POSES else words_of(pose)
    if words is None:
        return None
    try:
        parse_acts(words)
    except InputError as error:
        raise InputError(
            f"pose {str(pose)!r} is unknown; choose {', '.join(POSES)}, a motion file (.json), a capture's folder, or"
            f" say what the head shall do. As words: {error}"
        ) from error
    return words
