"""Head acts: nod, shake, tilt, turn, look, lean, as smooth curves of rotation about the neck, of shift and of gaze.

Every act starts and ends at rest. Left and right are the subject's own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..smoothing import smoothstep
from ..transforms import quat_multiply, quat_to_rotmat, rotvec_to_quat
from ._types import Pose

PIVOT = (0.0, 0.11, 0.03)
"""Metres from the head frame's origin, between the ears, to the joint of skull and neck that turns the head."""
HOLD = 1.0
"""Seconds that an act with a direction stays there, where none are given."""
LEAN_PITCH = 0.9
"""Radians that the head turns down per metre it leans forward."""
TORSO_SHARE = 0.6
"""Of a lean, in the torso."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What one verb does at its usual size and speed."""

    seconds: float
    """Of one repetition, or of the way there."""
    sides: tuple[str, ...] = ()
    """Directions that it can have, the usual one first; none for one that swings about rest."""
    turn: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Rotation vector towards the first of ``sides`` or of the first swing, radians, head axes (+x the subject's left,
    +y down, +z into the skull)."""
    lifted: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """The same towards "down", where up and down are among its sides."""
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Metres."""
    gaze: tuple[float, float] = (0.0, 0.0)
    """Radians that the eyes turn in the head: to the picture's right, and down, towards left and down."""


KINDS = {
    "nod": Kind(seconds=0.62, turn=(0.16, 0.0, 0.0)),
    "shake": Kind(seconds=0.66, turn=(0.0, 0.19, 0.0)),
    "tilt": Kind(seconds=0.55, sides=("left", "right"), turn=(0.0, 0.0, 0.19)),
    "turn": Kind(seconds=0.6, sides=("left", "right", "up", "down"), turn=(0.0, -0.32, 0.0), lifted=(0.2, 0.0, 0.0)),
    "look": Kind(
        seconds=0.4,
        sides=("left", "right", "up", "down"),
        turn=(0.0, -0.14, 0.0),
        lifted=(0.09, 0.0, 0.0),
        gaze=(0.3, 0.22),
    ),
    "lean": Kind(seconds=0.8, sides=("forward", "back"), turn=(LEAN_PITCH * 0.05, 0.0, 0.0), shift=(0.0, 0.0, -0.05)),
    "hold": Kind(seconds=0.0),
}
"""Verbs of the grammar; "hold" (also "wait") does nothing for a while."""


@dataclass(frozen=True, kw_only=True)
class Act:
    """One thing that a head does."""

    kind: str
    """A key of ``KINDS``."""
    side: str = ""
    """Where to; "" for kinds without sides."""
    count: int = 1
    """Repetitions."""
    size: float = 1.0
    """Times the usual amplitude."""
    pace: float = 1.0
    """Times the usual duration."""
    hold: float = HOLD
    """Seconds that it stays where it got to."""
    begin: float = 0.0
    """Seconds from the start of the performance."""

    @property
    def seconds(self) -> float:
        """How long it takes."""
        kind = KINDS[self.kind]
        if self.kind == "hold":
            return self.hold
        return self.pace * kind.seconds * (2 if kind.sides else self.count) + (self.hold if kind.sides else 0.0)


@dataclass(frozen=True, kw_only=True)
class Acted:
    """What acts add to a motion of T frames, in axes of the resting head."""

    turn: Tensor
    """``[T, 3]`` rotation vector about the neck, radians."""
    shift: Tensor
    """``[T, 3]`` metres."""
    gaze: Tensor
    """``[T, 2]`` radians: to the picture's right, and down."""


_SIZES = {"turn": 3, "shift": 3, "gaze": 2}


def perform(acts: tuple[Act, ...], num_frames: int, fps: float) -> Acted:
    """The curves of acts over ``num_frames`` frames; what begins later or lasts longer is cut."""
    times = torch.arange(num_frames, dtype=torch.float64) / fps
    sums = {name: torch.zeros(num_frames, size, dtype=torch.float64) for name, size in _SIZES.items()}
    for act in acts:
        curve = _curve(act, times)[:, None]
        for name, value in extent(act).items():
            sums[name] += curve * value
    return Acted(**{name: value.float() for name, value in sums.items()})


def extent(act: Act) -> dict[str, Tensor]:
    """How far an act goes, f64: ``turn`` and ``shift [3]``, ``gaze [2]`` as in Acted."""
    kind, upright = KINDS[act.kind], act.side in ("up", "down")
    sign = act.size * (-1.0 if act.side in ("right", "up", "back") else 1.0)
    gaze = (0.0, kind.gaze[1]) if upright else (kind.gaze[0], 0.0)
    far = {"turn": kind.lifted if upright else kind.turn, "shift": kind.shift, "gaze": gaze}
    return {name: sign * torch.tensor(value, dtype=torch.float64) for name, value in far.items()}


def acted_poses(head: Pose, torso: Pose, acted: Acted) -> dict[str, Pose]:
    """``head`` and ``torso`` (T moments each) with what was acted on top."""
    pivot = torch.tensor(PIVOT)
    turn = rotvec_to_quat(acted.turn)
    rotation = quat_to_rotmat(head.quats)
    around = pivot - quat_to_rotmat(turn) @ pivot
    moved = Pose(
        quats=quat_multiply(head.quats, turn),
        positions=head.positions + (rotation @ (around + acted.shift)[..., None])[..., 0],
    )
    leant = (quat_to_rotmat(torso.quats) @ (TORSO_SHARE * acted.shift)[..., None])[..., 0]
    return {"head": moved, "torso": replace(torso, positions=torso.positions + leant)}


def _curve(act: Act, times: Tensor) -> Tensor:
    """How far an act is at each of ``times [T]``: 0 at rest, 1 at its usual extent."""
    kind = KINDS[act.kind]
    since = times - act.begin
    if act.kind == "hold":
        return torch.zeros_like(times)
    if kind.sides:
        there = act.pace * kind.seconds
        rise = smoothstep((since / there).clamp(0, 1))
        return rise - smoothstep(((since - there - act.hold) / there).clamp(0, 1))
    period = act.pace * kind.seconds
    phase = (since / period).clamp(0, act.count)
    if act.kind == "nod":
        return 0.5 - 0.5 * torch.cos(2 * math.pi * phase)
    ends = smoothstep((phase * 4).clamp(0, 1)) * smoothstep(((act.count - phase) * 4).clamp(0, 1))
    return torch.sin(2 * math.pi * phase) * ends
