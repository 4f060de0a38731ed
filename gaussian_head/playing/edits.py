"""Sliders on top of any Motion: a turn of the head, channels pushed by name, everything exaggerated."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from ..actor import Actor, Clip
from ..motion import Motion, Pose
from ..motion.drive import DEEPEST_BLINK, SHALLOWEST_BLINK
from ..motion.edit import amplify, offset_channels, set_channels
from ..transforms import quat_multiply, quat_normalize, quat_slerp, rotvec_to_quat

Blink = Literal["natural", "off", "generated"]
LIDS = ("blink_l", "blink_r")
"""Channels that close the eyes."""
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
    """By channel name: shift in units of the channel's range in the captured clip."""
    amplify: float = 1.0
    """Factor on expression and on the head's departure from its mean pose; 0 holds still."""
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
    actor: Actor,
    mean: MeanPose,
    *,
    closing: Tensor | None = None,
    pulse: float = 0.0,
) -> Motion:
    """``motion`` (any number of frames) as the sliders want it; the code stays near what the head has shown.

    Args:
        motion: T frames with the channels of the actor's head.
        edits: the sliders.
        actor: gives the range of every channel, and how far its eyes close.
        mean: mean pose of the actor's captured clip.
        closing: ``[T]`` generated blinks, 0 open, 1 closed, for ``blink`` "generated".
        pulse: how far a blink of the moment has closed the eyes, on top of everything.
    """
    factor = 0.0 if edits.still else edits.amplify
    posed = _amplified(mean.head, motion.head, factor)
    motion = _blinking(motion, edits, actor.clip, closing)
    local = rotvec_to_quat(torch.deg2rad(torch.tensor([-edits.nod_deg, -edits.turn_deg, edits.tilt_deg])))
    return replace(
        motion,
        head=replace(posed, quats=quat_multiply(posed.quats, local.expand_as(posed.quats))),
        torso=_amplified(mean.torso, motion.torso, factor),
        expression=_shut(motion, _pushed(motion, edits, actor.head.channel_ranges), actor.clip, pulse),
    )


def _blinking(motion: Motion, edits: Edits, clip: Clip, closing: Tensor | None) -> Motion:
    """The blink channels replaced by the switch's choice."""
    if edits.blink == "natural":
        return motion
    closing = torch.zeros(len(motion)) if edits.blink == "off" or closing is None else closing
    lids = {name: _lid(clip, name) for name in LIDS if name in motion.channels}
    return set_channels(motion, {name: rest + (shut - rest) * closing for name, (rest, shut) in lids.items()})


def _shut(motion: Motion, expression: Tensor, clip: Clip, pulse: float) -> Tensor:
    """``expression`` with the eyes closed at least as far as ``pulse`` says."""
    if pulse <= 0:
        return expression
    expression = expression.clone()
    for name in LIDS:
        if name in motion.channels:
            rest, shut = _lid(clip, name)
            column = expression[:, motion.channels.index(name)]
            column.copy_(torch.maximum(column, torch.as_tensor(rest + (shut - rest) * pulse)))
    return expression


def _lid(clip: Clip, name: str) -> tuple[float, float]:
    """A blink channel's usual value, and that of an eye as closed as the subject closes it."""
    values = clip.motion.channel(name)
    rest = float(values.median())
    return rest, max(float(values.quantile(0.995).clamp(SHALLOWEST_BLINK, DEEPEST_BLINK)), rest)


def _pushed(motion: Motion, edits: Edits, ranges: Tensor) -> Tensor:
    low, high = ranges.unbind(1)
    span = (high - low).clamp(min=1e-6)
    known = {name: amount for name, amount in edits.push.items() if name in motion.channels}
    shifts = {name: amount * span[motion.channels.index(name)] for name, amount in known.items()}
    moved = offset_channels(amplify(motion, edits.amplify), shifts)
    return torch.clamp(moved.expression, low - span, high + span)


def _amplified(mean: Pose, poses: Pose, factor: float) -> Pose:
    positions = torch.lerp(mean.positions, poses.positions, factor)
    if factor == 1.0:
        return Pose(quats=poses.quats, positions=positions)
    return Pose(quats=quat_slerp(mean.quats.expand_as(poses.quats), poses.quats, factor), positions=positions)


def _mean_pose(poses: Pose) -> Pose:
    side = torch.where((poses.quats * poses.quats[:1]).sum(1, keepdim=True) < 0, -1.0, 1.0)
    return Pose(quats=quat_normalize((poses.quats * side).mean(0)), positions=poses.positions.mean(0))
