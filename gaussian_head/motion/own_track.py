"""Movement in numbers that people have in common: how far head, torso, eyes and brows are from a person's usual place,
in spreads of the person's own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..face import UNITS
from ..transforms import quat_conjugate, quat_multiply, quat_normalize, quat_rotate, quat_to_rotvec, rotvec_to_quat
from ._types import Motion, MotionFrame, Pose
from .edit import typical_frame

POSES = tuple(f"{part}_{axis}" for part in ("head", "torso") for axis in ("pitch", "yaw", "roll", "x", "y", "z"))
BROWS = (("browInnerUp", "browOuterUpLeft", "browOuterUpRight"), ("browDownLeft", "browDownRight"))
"""Units that are moved together, up and down."""
CHANNELS = (*POSES, "gaze_right", "gaze_down", "brows_up", "brows_down")
MIRRORED = torch.tensor([-1.0 if name.endswith(("yaw", "roll", "_x", "right")) else 1.0 for name in CHANNELS])
"""``[C]`` what a mirrored person's channels are multiplied by."""
TRUST = 4.0
"""Seconds of a clip at which its own spreads are half believed."""


@dataclass(frozen=True, kw_only=True)
class OwnTrack:
    """Where somebody usually is, and how far they usually move."""

    rest: MotionFrame
    """Their typical moment."""
    mean: Tensor
    """``[C]`` of CHANNELS about the rest: radians, metres in axes of the rest, units."""
    spread: Tensor
    """``[C]``."""

    @staticmethod
    def of(clip: Motion, usual: Tensor) -> OwnTrack:
        """That of a clip's person; ``usual [C]`` spreads of people are mixed in where the clip is short."""
        rest = clip.at(typical_frame(clip))
        raw = _raw(clip, rest)
        own, seconds = raw.var(0, unbiased=False), clip.duration
        spread = ((seconds * own + TRUST * usual.square()) / (seconds + TRUST)).sqrt()
        return OwnTrack(rest=rest, mean=raw.mean(0), spread=spread)

    def told(self, motion: Motion) -> Tensor:
        """``motion`` in numbers, ``[T, C]``."""
        return (_raw(motion, self.rest) - self.mean) / self.spread

    def made(self, track: Tensor, motion: Motion) -> Motion:
        """``motion`` (T frames) with head, torso, eyes and brows as ``track [T, C]`` tells; the rest is kept."""
        away = self.spread * track
        raw = self.mean + away
        units = motion.units.clone()
        for names, change in zip(BROWS, away[:, -2:].T, strict=True):
            for name in names:
                column = UNITS.index(name)
                units[:, column] = (self.rest.units[column] + change).clamp(0, 1)
        head, torso = _placed(self.rest.head, raw[:, :6]), _placed(self.rest.torso, raw[:, 6:12])
        return replace(motion, head=head, torso=torso, gaze=raw[:, 12:14], units=units)


def _raw(motion: Motion, rest: MotionFrame) -> Tensor:
    """``[T, C]`` about the rest."""
    parts = [_away(pose, still) for pose, still in ((motion.head, rest.head), (motion.torso, rest.torso))]
    brows = [torch.stack([motion.control(name) for name in names]).mean(0) for names in BROWS]
    return torch.cat([*parts, motion.gaze, torch.stack(brows, 1)], 1).float()


def _away(pose: Pose, still: Pose) -> Tensor:
    """``[T, 6]`` turn and shift of T poses in axes of another one."""
    back = quat_conjugate(still.quats).expand_as(pose.quats)
    return torch.cat(
        [quat_to_rotvec(quat_multiply(back, pose.quats)), quat_rotate(back, pose.positions - still.positions)], 1
    )


def _placed(still: Pose, away: Tensor) -> Pose:
    """The poses that are ``away [T, 6]`` from one; what ``_away`` undoes."""
    quats = still.quats.expand(len(away), 4)
    return Pose(
        quats=quat_normalize(quat_multiply(quats, rotvec_to_quat(away[:, :3]))),
        positions=still.positions + quat_rotate(quats, away[:, 3:]),
    )
