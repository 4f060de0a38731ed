"""How far a head may turn: another's movement, brought into the range that a head shows well."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..transforms import quat_multiply, quat_normalize, rotvec_to_quat
from ._types import Motion, Pose
from .edit import typical_frame
from .recall_state import turned_from

BEYOND = math.radians(15.0)
"""A head still looks like its person this far beyond what its clip showed."""
KNEE = 0.8
"""Share of the range in which nothing changes; what goes further is bent into the rest."""
OUTER = 0.005
"""Share of the frames at either end that a range leaves out."""
AXES = (("up", "down"), ("to the subject's left", "to the subject's right"), ("tilted right", "tilted left"))
"""What negative and positive turns about each axis are called."""


@dataclass(frozen=True, kw_only=True)
class PoseRange:
    """Turns from the typical pose, radians."""

    least: Tensor
    """``[3]`` about the axes of the typical pose."""
    most: Tensor
    """``[3]``."""

    @staticmethod
    def of(motion: Motion) -> PoseRange:
        """What a motion's head does."""
        turn = turned_from(motion.head, typical_frame(motion))
        return PoseRange(least=turn.quantile(OUTER, dim=0), most=turn.quantile(1 - OUTER, dim=0))

    def widened(self, angle: float = BEYOND) -> PoseRange:
        """A range that goes further on all sides."""
        return PoseRange(least=self.least - angle, most=self.most + angle)


def brought_into(leader: Motion, room: PoseRange) -> Motion:
    """``leader`` with its head's turns within a range: as they are in most of it, bent where they would leave it."""
    frame = typical_frame(leader)
    turn = turned_from(leader.head, frame)
    bent = torch.where(turn < 0, -_bent(-turn, -room.least), _bent(turn, room.most))
    quats = quat_normalize(quat_multiply(leader.head.quats[frame].expand_as(leader.head.quats), rotvec_to_quat(bent)))
    inside = (bent == turn).all(1, keepdim=True)
    return replace(
        leader, head=Pose(quats=torch.where(inside, leader.head.quats, quats), positions=leader.head.positions)
    )


def farthest(leader: Motion, room: PoseRange) -> str:
    """In words, the turn of ``leader`` that leaves ``room`` the most; "" where none does."""
    asked = PoseRange.of(leader)
    over = torch.stack([room.least - asked.least, asked.most - room.most], 1)
    if float(over.max()) <= 0:
        return ""
    axis, side = divmod(int(over.argmax()), 2)
    reached, limit = (asked.most, room.most) if side else (asked.least, room.least)
    return (
        f"the leader's head goes {abs(math.degrees(float(reached[axis]))):.0f}° {AXES[axis][side]}; this head shows"
        f" {abs(math.degrees(float(limit[axis]))):.0f}° well"
    )


def _bent(turn: Tensor, limit: Tensor) -> Tensor:
    """``turn`` (positive) unchanged up to KNEE of ``limit``, then ever more slowly towards it."""
    knee = KNEE * limit.clamp(min=1e-6)
    room = limit.clamp(min=1e-6) - knee
    return torch.where(turn > knee, knee + room * torch.tanh((turn - knee) / room), turn)
