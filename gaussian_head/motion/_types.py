"""Motion: everything that moves a head, frame by frame."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import overload

import torch
from torch import Tensor

from ..checks import InputError, require_number, require_shapes
from ..described import described
from ..face import UNITS
from ..transforms import quat_multiply, quat_slerp, rotvec_to_quat

SLOWEST, FASTEST = 0.1, 1000.0
"""Frame rates that a motion may have, Hz."""
CONTROLS = (*UNITS, "gaze_right", "gaze_down")
"""Names of all that anybody may steer in a face: the units, and the two angles of gaze in radians."""


def basis_identity(basis: Tensor) -> str:
    """Name of a tracked expression basis ``[K, L, 3]``, by which residuals in it are told from others'."""
    values = basis.detach().cpu().float().contiguous().numpy()
    return hashlib.sha256(repr(values.shape).encode() + values.tobytes()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True, repr=False)
class Pose:
    """Where something is in the world and how it is turned: at one moment, or at each of T."""

    quats: Tensor
    """``[4]`` or ``[T, 4]`` rotation of T_world_head or T_world_torso, unit, wxyz."""
    positions: Tensor
    """``[3]`` or ``[T, 3]`` its translation, metres."""

    def __repr__(self) -> str:
        return described(self)

    def __len__(self) -> int:
        return self.quats.shape[0]

    def __getitem__(self, moments: int | slice | Tensor) -> Pose:
        """One moment, or those named by a slice or an index tensor."""
        return Pose(quats=self.quats[moments], positions=self.positions[moments])

    def to(self, device: torch.device) -> Pose:
        """The same pose in a device's memory."""
        return Pose(quats=self.quats.to(device), positions=self.positions.to(device))

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


@dataclass(frozen=True, kw_only=True, repr=False)
class MotionFrame:
    """One moment of a Motion."""

    head: Pose
    """T_world_head."""
    torso: Pose
    """T_world_torso; at rest the torso frame equals the head frame."""
    units: Tensor
    """``[52]`` as in Motion."""
    gaze: Tensor
    """``[2]`` radians."""
    residual: Tensor
    """``[R]``, R may be 0."""
    basis_id: str = ""
    """Whose residual that is."""

    def __repr__(self) -> str:
        return described(self)

    @staticmethod
    def neutral(head: Pose, torso: Pose) -> MotionFrame:
        """The neutral face, looking straight ahead, in given poses of one moment."""
        return MotionFrame(
            head=head, torso=torso, units=torch.zeros(len(UNITS)), gaze=torch.zeros(2), residual=torch.zeros(0)
        )

    def to(self, device: torch.device) -> MotionFrame:
        """The same moment in a device's memory."""
        moved = {name: getattr(self, name).to(device) for name in ("head", "torso", "units", "gaze", "residual")}
        return replace(self, **moved)

    @property
    def relaxed(self) -> MotionFrame:
        """The neutral face in the same poses."""
        return MotionFrame.neutral(self.head, self.torso)


@dataclass(frozen=True, kw_only=True, repr=False)
class Motion:
    """T frames of motion in a language that is the same for everybody; who made it is not recorded, on purpose."""

    fps: float
    """Frames per second."""
    head: Pose
    """T_world_head, T moments."""
    torso: Pose
    """T_world_torso, T moments; at rest the torso frame equals the head frame."""
    units: Tensor
    """``[T, 52]`` ARKit units in the order of `face.UNITS`: 0 the neutral face, 1 a unit's full excursion, a little
    less or more where somebody exaggerates. The eyeLook columns are not read: files fill them in from ``gaze``."""
    gaze: Tensor
    """``[T, 2]`` radians that both eyes turn: to the picture's right, and down."""
    residual: Tensor
    """``[T, R]`` what units and gaze leave of one face's inner code (see CodeMap). Only the tracker writes it and only
    that face's head reads it; R is 0 for all other makers of motion."""
    basis_id: str = ""
    """``basis_identity`` of the face that ``residual`` belongs to; "" where there is none, or nobody knows."""

    def __post_init__(self) -> None:
        require_number(self.fps, "Motion.fps", least=SLOWEST, most=FASTEST)
        T = self.units.shape[0]
        wanted: dict[str, tuple[int | None, ...]] = {
            "head.quats": (T, 4),
            "head.positions": (T, 3),
            "torso.quats": (T, 4),
            "torso.positions": (T, 3),
            "units": (T, len(UNITS)),
            "gaze": (T, 2),
            "residual": (T, None),
        }
        require_shapes({name: attrgetter(name)(self) for name in wanted}, wanted, "the motion")

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor], *, fps: float, basis_id: str = "") -> Motion:
        """A motion of what ``tensors`` names, which may hold more.

        Args:
            tensors: ``head_quats``, ``head_positions``, the same of torso, ``units``, ``gaze`` and, where there is
                one, ``residual``.
            fps: frames per second.
            basis_id: whose residual it is.
        """
        head, torso = (
            Pose(quats=tensors[f"{part}_quats"], positions=tensors[f"{part}_positions"]) for part in ("head", "torso")
        )
        units = tensors["units"]
        residual = tensors.get("residual", units.new_zeros(len(units), 0))
        return Motion(
            fps=fps, head=head, torso=torso, units=units, gaze=tensors["gaze"], residual=residual, basis_id=basis_id
        )

    def tensors(self) -> dict[str, Tensor]:
        """All numbers under the names that files give them; ``from_tensors`` takes them back."""
        return {
            "head_quats": self.head.quats,
            "head_positions": self.head.positions,
            "torso_quats": self.torso.quats,
            "torso_positions": self.torso.positions,
            "units": self.units,
            "gaze": self.gaze,
            "residual": self.residual,
        }

    def __repr__(self) -> str:
        return described(self)

    def __len__(self) -> int:
        return self.units.shape[0]

    @overload
    def __getitem__(self, moments: int) -> MotionFrame: ...
    @overload
    def __getitem__(self, moments: slice) -> Motion: ...
    def __getitem__(self, moments: int | slice) -> MotionFrame | Motion:
        """One moment, or a stretch as a Motion; as in a list, negative numbers count from the end."""
        if isinstance(moments, slice):
            return self.select(moments)
        if not -len(self) <= moments < len(self):
            raise IndexError(f"frame {moments} was asked of a motion of {len(self)} frames.")
        return self.at(moments % len(self))

    def joined(self, *others: Motion) -> Motion:
        """This motion and others after it, as they are: ``idle.loop_poses`` is for joins that must not be seen.

        Residuals stay where all have them and none is known to be another face's; elsewhere they are left out.

        Raises:
            InputError: one has another frame rate.
        """
        for other in others:
            if other.fps != self.fps:
                raise InputError(
                    f"a motion at {other.fps:g} fps came to be joined to one at {self.fps:g} fps; give it that rate "
                    "first with motion.edit.resample."
                )
        parts: Sequence[Motion] = (self, *others)
        alike = len({part.residual.shape[1] for part in parts}) == 1
        if not alike or any(self.is_foreign_to(other) for other in others):
            parts = [part.without_residual() for part in parts]
        whole = {name: torch.cat([part.tensors()[name] for part in parts]) for name in self.tensors()}
        return Motion.from_tensors(whole, fps=self.fps, basis_id=parts[0].basis_id)

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self) / self.fps

    @property
    def is_unplaced(self) -> bool:
        """True where nobody said where the head is, so that it sits in the camera; ``retarget`` gives it a place."""
        return not bool(self.head.positions.any())

    def is_foreign_to(self, other: Motion) -> bool:
        """True where both have a residual and say whose, and these are of two faces."""
        known = self.basis_id and other.basis_id and self.residual.shape[1] and other.residual.shape[1]
        return bool(known) and self.basis_id != other.basis_id

    @property
    def controls(self) -> Tensor:
        """``[T, 54]`` units and gaze side by side, in the order of CONTROLS."""
        return torch.cat([self.units, self.gaze], 1)

    def with_controls(self, controls: Tensor) -> Motion:
        """The same poses and residual with other units and gaze ``[T, 54]``."""
        return replace(self, units=controls[:, : len(UNITS)], gaze=controls[:, len(UNITS) :])

    def control(self, name: str) -> Tensor:
        """Values ``[T]`` of one unit or angle of gaze.

        Raises:
            InputError: there is none of that name.
        """
        if name not in CONTROLS:
            near = difflib.get_close_matches(name, CONTROLS, n=1, cutoff=0.4)
            raise InputError(
                f"{name!r} is none of the 52 ARKit units, gaze_right or gaze_down"
                f"{f'; did you mean {near[0]!r}?' if near else '; motion.CONTROLS names them.'}"
            )
        return self.controls[:, CONTROLS.index(name)]

    def without_residual(self) -> Motion:
        """What everybody understands of it."""
        return replace(self, residual=self.residual[:, :0], basis_id="")

    def at(self, t: int) -> MotionFrame:
        """Frame ``t`` of the motion.

        Raises:
            InputError: there is no such frame.
        """
        if not 0 <= t < len(self):
            raise InputError(f"frame {t} was asked of a motion of {len(self)} frames; they are 0 to {len(self) - 1}.")
        return MotionFrame(
            head=self.head[t],
            torso=self.torso[t],
            units=self.units[t],
            gaze=self.gaze[t],
            residual=self.residual[t],
            basis_id=self.basis_id,
        )

    def to(self, device: torch.device) -> Motion:
        """The same motion in a device's memory."""
        moved = {name: value.to(device) for name, value in self.tensors().items()}
        return Motion.from_tensors(moved, fps=self.fps, basis_id=self.basis_id)

    def select(self, frames: Tensor | slice) -> Motion:
        """The frames named by an index tensor ``[T2]`` or a slice."""
        chosen = {name: value[frames] for name, value in self.tensors().items()}
        return Motion.from_tensors(chosen, fps=self.fps, basis_id=self.basis_id)

    def blended(self, other: Motion, weight: Tensor) -> Motion:
        """Share ``weight [T, 1]`` of the way to another motion of the same length and, where it has one, residual."""
        return replace(
            self,
            head=self.head.blended(other.head, weight),
            torso=self.torso.blended(other.torso, weight),
            units=self.units.lerp(other.units, weight),
            gaze=self.gaze.lerp(other.gaze, weight),
            residual=self.residual.lerp(other.residual, weight),
        )
