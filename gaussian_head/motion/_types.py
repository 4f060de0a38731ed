"""Motion: everything that moves a head, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..checks import require_number

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


def is_lip_channel(name: str) -> bool:
    """True for the channels that speech drives: the three semantic lip channels and every ``lip_<i>``."""
    return name in LIP_CHANNELS or name.startswith("lip_")


@dataclass(frozen=True, kw_only=True)
class MotionFrame:
    """One moment of a Motion."""

    head_quat: Tensor
    """``[4]`` rotation of T_world_head, wxyz."""
    head_position: Tensor
    """``[3]`` translation of T_world_head, metres."""
    torso_quat: Tensor
    """``[4]`` rotation of T_world_torso, wxyz."""
    torso_position: Tensor
    """``[3]`` translation of T_world_torso, metres."""
    expression: Tensor
    """``[K]`` expression code."""


@dataclass(frozen=True, kw_only=True)
class Motion:
    """T frames of motion; who made it is not recorded, on purpose."""

    fps: float
    """Frames per second."""
    head_quats: Tensor
    """``[T, 4]`` rotation of T_world_head, wxyz."""
    head_positions: Tensor
    """``[T, 3]`` translation of T_world_head, metres."""
    torso_quats: Tensor
    """``[T, 4]`` rotation of T_world_torso; at rest the torso frame equals the head frame."""
    torso_positions: Tensor
    """``[T, 3]`` translation of T_world_torso, metres."""
    expression: Tensor
    """``[T, K]`` expression code; zero is the neutral face."""
    channels: tuple[str, ...]
    """K channel names: SEMANTIC_CHANNELS first, then ``lip_<i>``, then ``face_<i>``."""
    audio: Tensor | None = None
    """``[T, A]`` speech features at frame rate, where the maker had sound."""

    def __post_init__(self) -> None:
        require_number(self.fps, "Motion.fps", least=SLOWEST, most=FASTEST)
        T = self.head_quats.shape[0]
        wanted = {
            "head_quats": (T, 4),
            "head_positions": (T, 3),
            "torso_quats": (T, 4),
            "torso_positions": (T, 3),
            "expression": (T, len(self.channels)),
        }
        for name, shape in wanted.items():
            got = tuple(getattr(self, name).shape)
            if got != shape:
                raise ValueError(f"Motion.{name} has shape {got}; {shape} was wanted.")
        if self.audio is not None and self.audio.shape[0] != T:
            raise ValueError(f"Motion.audio has {self.audio.shape[0]} frames; {T} were wanted.")

    def __len__(self) -> int:
        return self.head_quats.shape[0]

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self) / self.fps

    def channel(self, name: str) -> Tensor:
        """Values ``[T]`` of one named channel."""
        return self.expression[:, self.channels.index(name)]

    @property
    def lip_mask(self) -> Tensor:
        """``[K]`` bool, True where speech drives the channel."""
        return torch.tensor([is_lip_channel(name) for name in self.channels])

    def at(self, t: int) -> MotionFrame:
        """Frame ``t`` of the motion."""
        return MotionFrame(
            head_quat=self.head_quats[t],
            head_position=self.head_positions[t],
            torso_quat=self.torso_quats[t],
            torso_position=self.torso_positions[t],
            expression=self.expression[t],
        )

    def select(self, frames: Tensor | slice) -> Motion:
        """The frames named by an index tensor ``[T2]`` or a slice."""
        return replace(
            self,
            head_quats=self.head_quats[frames],
            head_positions=self.head_positions[frames],
            torso_quats=self.torso_quats[frames],
            torso_positions=self.torso_positions[frames],
            expression=self.expression[frames],
            audio=None if self.audio is None else self.audio[frames],
        )
