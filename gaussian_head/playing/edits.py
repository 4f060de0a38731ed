"""Sliders on top of any Motion: a turn of the head, units pushed by name, everything exaggerated."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from ..actor import Clip
from ..motion import CONTROLS, Motion, Pose
from ..motion.drive import LIDS, lid
from ..motion.edit import amplify, offset_controls, set_controls
from ..transforms import quat_multiply, quat_normalize, quat_slerp, rotvec_to_quat

Blink = Literal["natural", "off", "generated"]
CLOSING, OPENING = 0.07, 0.13
"""Seconds that a blink of the moment takes to close and to open again."""


@dataclass(frozen=True, kw_only=True)
class Edits:
    """What the sliders ask for; the default changes nothing."""

    turn_deg: float = 0.0
    """Head yaw, positive turns the face to the picture's right."""
    nod_deg: float = 0.0
    """Head pitch, positive looks up."""
    tilt_deg: float = 0.0
    """Head roll, positive tilts clockwise in the picture."""
    push: dict[str, float] = field(default_factory=dict)
    """By name of a unit, or an angle of gaze: what is added to it."""
    amplify: float = 1.0
    """Factor on the face and on the head's departure from its mean pose; 0 holds still."""
    blink: Blink = "natural"
    """Blinks as the performance has them, none, or generated ones in their place."""
    still: bool = False
    """Hold the head and the torso at the mean pose of the captured clip."""


@dataclass(frozen=True, kw_only=True)
class MeanPose:
    """Where a head is on average over its captured clip."""

    head: Pose
    """Of the head, one moment."""
    torso: Pose
    """Of the torso."""

    @staticmethod
    def of(motion: Motion) -> MeanPose:
        """Mean pose of ``motion``; quaternions are averaged on the side of the first."""
        return MeanPose(
            head=_mean_pose(motion.head),
            torso=_mean_pose(motion.torso),
        )


def blink_pulse(seconds: float) -> float:
    """How far the eyes are closed, in [0, 1], ``seconds`` after a single blink began."""
    if not 0 <= seconds < CLOSING + OPENING:
        return 0.0
    phase = (CLOSING - seconds) / CLOSING if seconds < CLOSING else (seconds - CLOSING) / OPENING
    return 0.5 + 0.5 * math.cos(math.pi * phase)


def edited(
    motion: Motion,
    edits: Edits,
    clip: Clip,
    mean: MeanPose,
    *,
    closing: Tensor | None = None,
    pulse: float = 0.0,
) -> Motion:
    """``motion`` (any number of frames) as the sliders want it; the head itself bounds how far it goes.

    Args:
        motion: T frames.
        edits: the sliders.
        clip: tells how far the actor's eyes close.
        mean: mean pose of the actor's captured clip.
        closing: ``[T]`` generated blinks, 0 open, 1 closed, for ``blink`` "generated".
        pulse: how far a blink of the moment has closed the eyes, on top of everything.
    """
    factor = 0.0 if edits.still else edits.amplify
    posed = _amplified(mean.head, motion.head, factor)
    local = rotvec_to_quat(torch.deg2rad(torch.tensor([-edits.nod_deg, -edits.turn_deg, edits.tilt_deg])))
    face = amplify(_blinking(motion, edits, clip, closing), edits.amplify)
    face = offset_controls(face, {name: amount for name, amount in edits.push.items() if name in CONTROLS})
    return replace(
        _shut(face, clip, pulse),
        head=replace(posed, quats=quat_multiply(posed.quats, local.expand_as(posed.quats))),
        torso=_amplified(mean.torso, motion.torso, factor),
    )


def _blinking(motion: Motion, edits: Edits, clip: Clip, closing: Tensor | None) -> Motion:
    """The lids replaced by the switch's choice."""
    if edits.blink == "natural":
        return motion
    closing = torch.zeros(len(motion)) if edits.blink == "off" or closing is None else closing
    return set_controls(motion, {name: lid(clip.motion.control(name), closing) for name in LIDS})


def _shut(motion: Motion, clip: Clip, pulse: float) -> Motion:
    """``motion`` with the eyes closed at least as far as ``pulse`` says."""
    if pulse <= 0:
        return motion
    shut = {name: lid(clip.motion.control(name), torch.tensor(pulse)) for name in LIDS}
    return set_controls(motion, {name: torch.maximum(motion.control(name), least) for name, least in shut.items()})


def _amplified(mean: Pose, poses: Pose, factor: float) -> Pose:
    positions = torch.lerp(mean.positions, poses.positions, factor)
    if factor == 1.0:
        return Pose(quats=poses.quats, positions=positions)
    return Pose(quats=quat_slerp(mean.quats.expand_as(poses.quats), poses.quats, factor), positions=positions)


def _mean_pose(poses: Pose) -> Pose:
    side = torch.where((poses.quats * poses.quats[:1]).sum(1, keepdim=True) < 0, -1.0, 1.0)
    return Pose(quats=quat_normalize((poses.quats * side).mean(0)), positions=poses.positions.mean(0))
