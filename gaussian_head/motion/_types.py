"""Motion: everything that moves a head, frame by frame."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

import torch
from torch import Tensor

from ..checks import require_number
from ..transforms import quat_multiply, quat_slerp, rotvec_to_quat

SLOWEST, FASTEST = 0.1, 1000.0
"""Frame rates that a motion may have, Hz."""
SEMANTIC_CHANNELS = (
    "jaw_open",
    "lip_width",
    "lip_pucker",
    "blink_l",
    "blink_r",
    "brow_up",
    "gaze_x",
    "gaze_y",
)
"""Channels every capture has, in this order, before its residual ``lip_<i>`` and ``face_<i>`` channels.

``jaw_open``: inner-lip gap over the distance of the outer eye corners, minus that of the closed mouth.
``lip_width``: mouth width over the neutral width, minus 1. ``lip_pucker``: forward motion of the lip
centre over the eye distance. ``blink_l``, ``blink_r``: 0 open, 1 closed (the subject's own left and right).
``brow_up``: rise of the brows over the eye distance. ``gaze_x``, ``gaze_y``: iris offset from the eye
centre over half the eye width, in head frame axes (+x to the subject's left, seen as right in the picture; +y down).
"""

LIP_CHANNELS = ("jaw_open", "lip_width", "lip_pucker")


def basis_identity(basis: Tensor) -> str:
    """Name of a tracked expression basis ``[K, L, 3]``, by which private channels of it are told from others'."""
    values = basis.detach().cpu().float().contiguous().numpy()
    return hashlib.sha256(repr(values.shape).encode() + values.tobytes()).hexdigest()[:16]


def is_lip_channel(name: str) -> bool:
    """True for the channels that speech drives: the three semantic lip channels and every ``lip_<i>``."""
    return name in LIP_CHANNELS or name.startswith("lip_")


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Where something is in the world and how it is turned: at one moment, or at each of T."""

    quats: Tensor
    """``[4]`` or ``[T, 4]`` rotation of T_world_head or T_world_torso, unit, wxyz."""
    positions: Tensor
    """``[3]`` or ``[T, 3]`` its translation, metres."""

    def __len__(self) -> int:
        return self.quats.shape[0]

    def __getitem__(self, moments: int | slice | Tensor) -> Pose:
        """One moment, or those named by a slice or an index tensor."""
        return Pose(quats=self.quats[moments], positions=self.positions[moments])

    def held(self, num_frames: int) -> Pose:
        """A pose of one moment, ``num_frames`` times."""
        return Pose(quats=self.quats.repeat(num_frames, 1), positions=self.positions.repeat(num_frames, 1))

    def blended(self, other: Pose, weight: Tensor) -> Pose:
        """Share ``weight [T, 1]`` of the way to another pose: rotations on the sphere, positions on a line."""
        return Pose(
            quats=quat_slerp(self.quats, other.quats, weight),
            positions=self.positions.lerp(other.positions, weight),
        )

    def moved(self, correction: Tensor) -> Pose:
        """Turned in the world by a rotation vector in radians, then shifted by metres: ``correction [..., 6]``."""
        return Pose(
            quats=quat_multiply(rotvec_to_quat(correction[..., 0:3]), self.quats),
            positions=self.positions + correction[..., 3:6],
        )


@dataclass(frozen=True, kw_only=True)
class MotionFrame:
    """One moment of a Motion."""

    head: Pose
    """T_world_head."""
    torso: Pose
    """T_world_torso; at rest the torso frame equals the head frame."""
    expression: Tensor
    """``[K]`` expression code."""


@dataclass(frozen=True, kw_only=True)
class Motion:
    """T frames of motion; who made it is not recorded, on purpose."""

    fps: float
    """Frames per second."""
    head: Pose
    """T_world_head, T moments."""
    torso: Pose
    """T_world_torso, T moments; at rest the torso frame equals the head frame."""
    expression: Tensor
    """``[T, K]`` expression code; zero is the neutral face."""
    channels: tuple[str, ...]
    """K channel names: SEMANTIC_CHANNELS first, then ``lip_<i>``, then ``face_<i>``, which are private to one face."""
    basis_id: str = ""
    """``basis_identity`` of the face whose private channels these are; "" where nobody knows (older files)."""

    def __post_init__(self) -> None:
        require_number(self.fps, "Motion.fps", least=SLOWEST, most=FASTEST)
        T = self.expression.shape[0]
        wanted = {
            "head.quats": (T, 4),
            "head.positions": (T, 3),
            "torso.quats": (T, 4),
            "torso.positions": (T, 3),
            "expression": (T, len(self.channels)),
        }
        for name, shape in wanted.items():
            got = tuple(attrgetter(name)(self).shape)
            if got != shape:
                raise ValueError(f"Motion.{name} has shape {got}; {shape} was wanted.")

    @staticmethod
    def from_tensors(
        tensors: Mapping[str, Tensor], *, fps: float, channels: Sequence[str], basis_id: str = ""
    ) -> Motion:
        """A motion of what ``tensors`` names: ``head_quats``, ``head_positions``, the same of torso, ``expression``."""
        head, torso = (
            Pose(quats=tensors[f"{part}_quats"], positions=tensors[f"{part}_positions"]) for part in ("head", "torso")
        )
        return Motion(
            fps=fps,
            head=head,
            torso=torso,
            expression=tensors["expression"],
            channels=tuple(channels),
            basis_id=basis_id,
        )

    def tensors(self) -> dict[str, Tensor]:
        """All numbers under the names that files give them; ``from_tensors`` takes them back."""
        return {
            "head_quats": self.head.quats,
            "head_positions": self.head.positions,
            "torso_quats": self.torso.quats,
            "torso_positions": self.torso.positions,
            "expression": self.expression,
        }

    def __len__(self) -> int:
        return self.expression.shape[0]

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self) / self.fps

    @property
    def private_channels(self) -> tuple[str, ...]:
        """Names of the channels that mean something on one face only."""
        return tuple(name for name in self.channels if name not in SEMANTIC_CHANNELS)

    def is_foreign_to(self, other: Motion) -> bool:
        """True where both say whose private channels they have, and these are of two faces."""
        known = self.basis_id and other.basis_id and self.private_channels
        return bool(known) and self.basis_id != other.basis_id

    def channel(self, name: str) -> Tensor:
        """Values ``[T]`` of one named channel."""
        return self.expression[:, self.channels.index(name)]

    @property
    def lip_mask(self) -> Tensor:
        """``[K]`` bool, True where speech drives the channel."""
        return torch.tensor([is_lip_channel(name) for name in self.channels])

    def at(self, t: int) -> MotionFrame:
        """Frame ``t`` of the motion."""
        return MotionFrame(head=self.head[t], torso=self.torso[t], expression=self.expression[t])

    def select(self, frames: Tensor | slice) -> Motion:
        """The frames named by an index tensor ``[T2]`` or a slice."""
        return replace(self, head=self.head[frames], torso=self.torso[frames], expression=self.expression[frames])

    def blended(self, other: Motion, weight: Tensor) -> Motion:
        """Share ``weight [T, 1]`` of the way to another motion of the same length."""
        return replace(
            self,
            head=self.head.blended(other.head, weight),
            torso=self.torso.blended(other.torso, weight),
            expression=self.expression.lerp(other.expression, weight),
        )
