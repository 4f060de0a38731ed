"""An actor's whole performance of a sound: lips, and all that goes with them, as one Motion."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ..checks import InputError
from ..conventions import SAMPLE_RATE
from ..events import Event, Listener, Warned, ignore
from ..motion import Motion
from ..motion.act_words import parse_acts
from ..motion.acts import Act
from ..motion.drive import num_frames_of
from ..motion.learned import learned
from ..motion.listening import listening
from ..motion.recall import Memory
from ..motion.sampled_pose import sampled_pose
from ..speech.prosody import prosody_of
from ._actor import Actor
from ._clip import Clip
from .feeling import in_mood
from .leading import Bounds, leading, lent_by
from .speak import Lips, captured_sound, is_there, posed, posed_like, speak, voice_of, words_of

LEARNED = "learned"
"""The pose that moves as the person does when saying such things."""
SAMPLED = "sampled"
"""The pose that moves as people do, drawn by chance in this person's sizes; head acts may follow after a colon."""
FEWEST_FRAMES = 300
"""Clips with fewer frames teach little movement."""
SILENT = "nothing is said in the sound; the head moves as it does in pauses."


@dataclass(frozen=True, kw_only=True)
class Direction:
    """What an actor is told."""

    pose: str | Path = LEARNED
    """``"learned"``, ``"sampled"``, ``"sampled: nods twice"``, a video whose head leads, or as `speak` takes it."""
    bounds: Bounds = "subject"
    """Whether a leader's turns are brought into what the head shows well."""
    emotion: str | Path = ""
    """Moods, as `in_mood` takes them."""
    blink: bool = True
    """Blink now and then."""
    lips: Lips = "mean"
    """Lips as the voice usually moves them, or ``"sampled"``."""
    style: str | Path = ""
    """Folder of a capture whose person lends their way of speaking."""
    seed: int = 0
    """Of all that chance decides: another one is another take."""
    beside: str | Path = "."
    """Folder in which leaders that were tracked are kept."""


def perform(
    actor: Actor,
    samples: np.ndarray,
    direction: Direction,
    *,
    other: np.ndarray | None = None,
    listener: Listener = ignore,
) -> Motion:
    """Motion of an actor saying ``samples`` (``[S]``, 16 kHz mono), as long as the sound to a frame.

    Args:
        actor: the person.
        samples: what to say.
        direction: how.
        other: what somebody else says meanwhile, ``[S2]`` of the same clock: it is listened to in the actor's pauses.
        listener: receives Progress where the sound is long, and Warned of what cannot be done as told.

    Raises:
        InputError: the direction names something that there is not, or the sound is empty.
    """
    acts = sampled_acts(direction.pose)
    moves = acts is not None or str(direction.pose) == LEARNED
    leader = (
        None if moves else leading(direction.pose, actor.clip, direction.beside, direction.bounds, listener=listener)
    )
    ours = leader is not None or moves
    motion = speak(
        actor,
        samples,
        pose="captured" if ours else direction.pose,
        blink=direction.blink,
        lips=direction.lips,
        style=direction.style,
        seed=direction.seed,
        listener=listener,
    )
    if leader is not None:
        motion = posed_like(motion, actor.clip, leader, seed=direction.seed)
    elif ours:
        motion = moved_to(actor, motion, samples, direction, acts, listener=listener)
    if other is not None:
        own = prosody_of(samples, motion.fps, len(motion))
        motion = listening(motion, prosody_of(other, motion.fps, len(motion)), own.speaking, direction.seed)
    return in_mood(actor, motion, direction.emotion, direction.seed, listener=listener)


def attend(actor: Actor, other: np.ndarray, direction: Direction, *, listener: Listener = ignore) -> Motion:
    """Motion of an actor who listens to what somebody else says, ``[S]`` at 16 kHz: lips shut, breath, blinks, nods.

    Args:
        actor: the person.
        other: what is listened to.
        direction: how; the pose ``"learned"`` moves as the person does in pauses.
        listener: receives Progress and Warned.

    Raises:
        InputError: the direction names something that there is not, or the sound is empty.
    """
    heard = prosody_of(other, actor.clip.motion.fps, num_frames_of(other, actor.clip.motion.fps))
    if heard.is_silent:
        listener(Warned(message="nobody speaks in the sound that is listened to; the head breathes and blinks."))

    def unless_silent(event: Event) -> None:
        if not (isinstance(event, Warned) and event.message == SILENT):
            listener(event)

    unmoved = replace(direction, emotion="")
    motion = listening(
        perform(actor, np.zeros_like(other), unmoved, listener=unless_silent), heard, None, direction.seed
    )
    return in_mood(actor, motion, direction.emotion, direction.seed, listener=listener)


def replay(
    actor: Actor, direction: Direction, given: str | Path | None = None, *, listener: Listener = ignore
) -> Motion:
    """What an actor does without a sound to speak: a file's or another video's motion, or their own clip again.

    Args:
        actor: the person.
        direction: how; the pose ``"learned"`` moves the clip's head by its own sound.
        given: whose motion; None for the clip's.
        listener: receives Progress and Warned.

    Raises:
        InputError: the direction or ``given`` names something that there is not.
    """
    clip, beside = actor.clip, direction.beside
    motion = clip.motion if given is None else lent_by(given, clip, beside, direction.bounds, listener=listener)
    acts = sampled_acts(direction.pose)
    if acts is not None or str(direction.pose) == LEARNED:
        if given is not None:
            raise InputError(
                f"the pose {str(direction.pose)!r} needs a sound that is spoken, and --motion was given; leave one out."
            )
        motion = moved_to(actor, motion, own_sound(clip), direction, acts, listener=listener)
        return in_mood(actor, motion, direction.emotion, direction.seed, listener=listener)
    leader = leading(direction.pose, clip, beside, direction.bounds, listener=listener)
    if leader is not None:
        motion = posed_like(motion, clip, leader, seed=direction.seed)
    else:
        motion = posed(motion, clip, direction.pose, direction.seed, listener=listener)
    return in_mood(actor, motion, direction.emotion, direction.seed, listener=listener)


def sampled_acts(pose: str | Path) -> tuple[Act, ...] | None:
    """The head acts of a pose that is drawn by chance, often none; None for any other pose.

    Raises:
        InputError: what follows after "sampled:" is no movement in words, nor a .txt file of them.
    """
    name, colon, words = str(pose).partition(":")
    if name.strip() != SAMPLED or is_there(pose):
        return None
    if not colon:
        return ()
    told = words_of(words.strip())
    if told is None:
        raise InputError(f"{words.strip()} leads a head; after '{SAMPLED}:' head acts in words were wanted.")
    return parse_acts(told)


def moved_to(
    actor: Actor,
    motion: Motion,
    samples: np.ndarray,
    direction: Direction,
    acts: tuple[Act, ...] | None = None,
    *,
    listener: Listener = ignore,
) -> Motion:
    """``motion``, whose mouth says ``samples``, with all else as the person moves to such a sound.

    Args:
        actor: the person.
        motion: T frames.
        samples: ``[S]`` at 16 kHz.
        direction: how.
        acts: of a pose that is drawn by chance, see `motion.sampled_pose`; None remembers the clip, `motion.learned`.
        listener: receives Warned.
    """
    memory = memory_of(actor.clip)
    if memory is None:
        listener(Warned(message=_deaf(actor.clip)))
        return motion
    if acts is None and len(memory.motion) < FEWEST_FRAMES:
        listener(
            Warned(
                message=f"the clip has {len(memory.motion)} frames; {FEWEST_FRAMES} or more teach how a head moves, so "
                "its few movements come again and again."
            )
        )
    said = prosody_of(samples, motion.fps, len(motion))
    if said.is_silent:
        listener(Warned(message=SILENT))
    if acts is not None:
        return sampled_pose(motion, memory, said, acts, blink=direction.blink, seed=direction.seed)
    lips = voice_of(actor).lips
    if not len(lips):
        lips = torch.zeros(memory.motion.residual.shape[1], dtype=torch.bool)
    return learned(motion, memory, said, lips, blink=direction.blink, seed=direction.seed)


def memory_of(clip: Clip) -> Memory | None:
    """What a clip teaches of movement to sound; None where its sound is not there, or nothing is said in it."""
    samples = captured_sound(clip)
    if samples is None or len(samples) < SAMPLE_RATE:
        return None
    heard = prosody_of(samples, clip.motion.fps, len(clip.motion))
    return None if heard.is_silent else Memory(motion=clip.motion, heard=heard)


def own_sound(clip: Clip) -> np.ndarray:
    """What is said in the clip; InputError where that is not known."""
    samples = captured_sound(clip)
    if samples is None:
        raise InputError(f"{_deaf(clip)} Give a sound with --audio.")
    return samples


def _deaf(clip: Clip) -> str:
    where = clip.capture_path or "the capture beside the head"
    return f"the sound that the person moved to is not known (none in {where}); the head moves on as in its clip."
