"""Head acts found in a motion: what a viewer would say that the head does. The judge of ``acts``."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..smoothing import blurred
from ..transforms import quat_conjugate, quat_multiply, quat_to_rotmat, quat_to_rotvec
from ._types import Pose
from .acts import LEAN_PITCH, PIVOT, Act

BLUR_SECONDS = 0.03
"""Standard deviation of the smoothing of all that is looked at."""
SWING = (0.05, 0.06)
"""Radians that the head must nod down, or swing to a side, to be said to nod or to shake."""
LONGEST_SWING = 1.25
"""Seconds of one nod, or of one swing to a side and back."""
LOWERED = 0.25
"""Radians that a head seems to nod per radian that it swings to a side."""
AWAY = {"look": 0.04, "tilt": 0.06}
"""Radians from rest at which a head that stays there is said to look aside, or to be tilted."""
LOOKS, TURNS = 0.05, (math.radians(15.0), math.radians(8.5))
"""Radians that a head whose eyes are not seen to go along turns to be said to look aside; and sideways, and up or down,
from which on it is said to turn."""
EYES_AWAY = 0.08
"""Radians that the eyes turn with a look."""
LEANT, MISJUDGED = 0.014, 0.09
"""Metres of the neck's joint, forward or back; how far its depth may be misjudged per radian that a head turns."""
BENT_SECONDS = 0.1
"""Standard deviation of the smoothing of how far a head is forward, where what it bends with that is no nod."""
ONSET = 0.12
"""Share of its greatest extent at which an act began."""
STAYS = 0.5
"""Seconds that a head stays to be said to have a direction."""
REST_SHARE = 0.3
"""Share of the frames in which a head is about at rest: rest is the pose that has so many frames nearest."""
REST_SECONDS = 0.35
"""Two swings further apart than this are two acts."""


def find_acts(head: Pose, gaze: Tensor, fps: float) -> tuple[Act, ...]:
    """The acts of a motion in the order of their beginnings.

    Args:
        head: T_world_head, T moments.
        gaze: ``[T, 2]`` radians that the eyes turn in the head, to the picture's right and down.
        fps: frames per second.
    """
    angles, shift = _from_rest(head)
    angles, shift, gaze = (blurred(x.double(), BLUR_SECONDS * fps) for x in (angles, shift, gaze))
    pitch, yaw, roll = angles.unbind(1)
    leant = (shift[:, 2].abs() - MISJUDGED * angles.norm(dim=1)).clamp(min=0) * -shift[:, 2].sign()
    lowered = pitch - LOWERED * yaw.abs()
    found = _looks_and_turns(-yaw, torch.where(pitch > 0, lowered.clamp(min=0), pitch), gaze, leant.abs() > LEANT, fps)
    found += _staying("tilt", ("left", "right"), roll, AWAY["tilt"], fps)
    found += _staying("lean", ("forward", "back"), leant, LEANT, fps)
    down = [act for act in found if act.side == "down"]
    found += _shakes(yaw, fps)
    found += [
        nod
        for nod in _nods(lowered - LEAN_PITCH * _bent(leant, fps), fps)
        if not any(_during(nod, act) for act in down)
    ]
    return tuple(sorted(found, key=lambda act: act.begin))


def _from_rest(head: Pose) -> tuple[Tensor, Tensor]:
    """Rotation vector ``[T, 3]`` from the resting pose in its axes, and shift ``[T, 3]`` of the neck's joint."""
    quats = head.quats * (head.quats @ head.quats[0]).sign()[:, None]
    joint = head.positions + quat_to_rotmat(quats) @ torch.tensor(PIVOT, dtype=quats.dtype)
    state = torch.cat([quats, joint], 1)
    apart = torch.cdist(state, state)
    rest = int(apart.quantile(REST_SHARE, dim=1).argmin())
    turn = quat_to_rotvec(quat_multiply(quat_conjugate(quats[rest]).expand_as(quats), quats))
    return turn, (joint - joint[rest]) @ quat_to_rotmat(quats[rest])


def _bent(leant: Tensor, fps: float) -> Tensor:
    """Metres ``[T]`` that a head is forward, and bends with: for as long as that lasts and not from frame to frame."""
    return blurred(leant.clamp(min=0)[:, None], BENT_SECONDS * fps)[:, 0]


def _during(nod: Act, stay: Act) -> bool:
    """Whether a nod is the way to or from a stay."""
    return stay.begin - STAYS <= nod.begin < stay.begin + stay.hold


def _runs(flags: Tensor) -> list[tuple[int, int]]:
    """Begin and end of every stretch of True in ``[T]``."""
    edges = torch.diff(flags.int(), prepend=torch.zeros(1, dtype=torch.int32), append=torch.zeros(1, dtype=torch.int32))
    return list(zip((edges == 1).nonzero()[:, 0].tolist(), (edges == -1).nonzero()[:, 0].tolist(), strict=True))


def _staying(kind: str, sides: tuple[str, str], value: Tensor, least: float, fps: float) -> list[Act]:
    """Acts of ``kind`` where ``value`` [T] stays beyond ``least`` to one side."""
    acts = []
    for side, sign in zip(sides, (1.0, -1.0), strict=True):
        for begin, end in _runs(sign * value > least):
            if end - begin >= STAYS * fps:
                acts.append(Act(kind=kind, side=side, hold=(end - begin) / fps, begin=_onset(value, begin, end) / fps))
    return acts


def _looks_and_turns(left: Tensor, down: Tensor, gaze: Tensor, leant: Tensor, fps: float) -> list[Act]:
    """A head that stays turned; where it is turned little, or the eyes go along, it looks.

    Up and down are not told of a head that leans ``[T]``, since it bends with that.
    """
    acts = []
    ways = ((("left", "right"), left, gaze[:, 0], TURNS[0]), (("down", "up"), down, gaze[:, 1], TURNS[1]))
    for sides, value, eyes, far in ways:
        for side, sign in zip(sides, (1.0, -1.0), strict=True):
            for begin, end in _runs(sign * value > AWAY["look"]):
                stays = (end - begin) / fps
                turned = float((sign * value[begin:end]).quantile(0.8))
                looked = float((sign * eyes[begin:end]).median()) > EYES_AWAY
                bends = sides[0] == "down" and float(leant[begin:end].float().mean()) > 0.5
                away = (looked or turned > LOOKS) and not bends
                if stays >= STAYS and away and not _swings(value, begin, end, fps):
                    kind = "look" if looked or turned < far else "turn"
                    acts.append(Act(kind=kind, side=side, hold=stays, begin=_onset(value, begin, end) / fps))
    return acts


def _onset(value: Tensor, begin: int, end: int) -> int:
    """The frame in which ``value [T]``, away from rest from ``begin`` to ``end``, left rest."""
    level = ONSET * float(value[begin:end].abs().max())
    near = (value[:begin].abs() < level).nonzero()
    return int(near[-1]) if len(near) else 0


def _swings(value: Tensor, begin: int, end: int, fps: float) -> bool:
    """True where a stretch is one swing and not a stay: it never rests near its greatest extent."""
    part = value[begin:end].abs()
    return (part > 0.75 * part.max()).sum().item() < STAYS * fps


def _shakes(yaw: Tensor, fps: float) -> list[Act]:
    """Stretches where the head swings to both sides."""
    swings = sorted(
        (begin, end, sign)
        for sign in (1.0, -1.0)
        for begin, end in _runs(sign * yaw > SWING[1])
        if end - begin < LONGEST_SWING * fps and _swings(yaw, begin, end, fps)
    )
    return [
        Act(kind="shake", count=max(len(group) // 2, 1), begin=_onset(yaw, *group[0][:2]) / fps)
        for group in _grouped(swings, fps)
        if len({sign for *_, sign in group}) == 2
    ]


def _nods(pitch: Tensor, fps: float) -> list[Act]:
    """Stretches where the head goes down and comes back at once."""
    dips = [
        (begin, end, 1.0)
        for begin, end in _runs(pitch > SWING[0])
        if end - begin < LONGEST_SWING * fps and _swings(pitch, begin, end, fps)
    ]
    return [
        Act(kind="nod", count=len(group), begin=_onset(pitch, *group[0][:2]) / fps) for group in _grouped(dips, fps)
    ]


def _grouped(swings: list[tuple[int, int, float]], fps: float) -> list[list[tuple[int, int, float]]]:
    """Swings that follow each other without a rest."""
    groups: list[list[tuple[int, int, float]]] = []
    for swing in swings:
        if groups and swing[0] - groups[-1][-1][1] < REST_SECONDS * fps + (swing[1] - swing[0]):
            groups[-1].append(swing)
        else:
            groups.append([swing])
    return groups
