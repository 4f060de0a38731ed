"""The head: canonical Gaussians in branches, and what turns a moment of Motion into Gaussians in the world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ..camera import Camera
from ..gaussians import Gaussians
from ..motion import CodeMap, Motion, MotionFrame
from .anchors import Anchors
from .branch import PARTS, Branch, deform
from .coefficients import Params, coefficients
from .fused import Moments, can_deform_fused, deform_fused, deform_moments, poses_of
from .storage import read_fields, write_fields

ASIDE_DEG = 5.0, 20.0
"""From this far beside the one camera that filmed, colours change less and less with where they are seen from, and
opacities with turns, and from that far on no more: what they would say there is no more than continued."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """What is seen of one person. It never asks where its Motion comes from, and carries no maker of it."""

    branches: tuple[Branch, ...]
    """Face, mouth and torso, in the order of PARTS."""
    coefficient_params: Params
    """Parameters of the map from Motion to coefficients (see ``coefficients``)."""
    camera: Camera
    """The recording camera."""
    background: Tensor
    """``[H, W, 3]`` background plate in [0, 1]."""
    code_map: CodeMap
    """From units and gaze to the inner code that its bases are linear in."""
    anchors: Anchors | None = None
    """What units do beyond what the inner code can say; None where nothing is known of it."""
    one_view: bool = False
    """Filmed by one camera: how colours change with where they are seen from, and opacities with turns, is known about
    it only."""

    def __repr__(self) -> str:
        parts = ", ".join(f"{len(branch)} {branch.name}" for branch in self.branches)
        return f"Head({len(self)} Gaussians: {parts}; filmed at {self.camera.width} x {self.camera.height})"

    @staticmethod
    def load(folder: str | Path) -> Head:
        """Read the head alone in a folder that `train` wrote; InputError where there is none, a damaged or newer one.

        ``Actor.load`` reads the clip and the voice beside it too.
        """
        return Head(**read_fields(folder))

    def save(self, folder: str | Path) -> None:
        """Write the head to a folder (safetensors + JSON), whole or not at all, and nothing else of the person."""
        write_fields(vars(self), folder)

    @property
    def parts(self) -> Tensor:
        """``[N]`` uint8, index into PARTS of every Gaussian."""
        index = {branch.name: PARTS.index(branch.name) for branch in self.branches}
        return torch.cat([b.means.new_full((len(b),), index[b.name], dtype=torch.uint8) for b in self.branches])

    @property
    def centre(self) -> Tensor:
        """``[3]`` world position of the resting head, metres; what cameras orbit around."""
        return self.coefficient_params["rest_position"]

    def __len__(self) -> int:
        return sum(len(branch) for branch in self.branches)

    def branch(self, name: str) -> Branch:
        """The branch called ``name``."""
        return next(b for b in self.branches if b.name == name)

    def with_branches(self, branches: tuple[Branch, ...]) -> Head:
        """The same head with other Gaussians."""
        return replace(self, branches=branches)

    def coefficients_at(self, frame: MotionFrame) -> Tensor:
        """What scales every Gaussian's offset basis at one moment, ``[K + E + 15]`` (see ``coefficients``)."""
        asked = frame if self.anchors is None else replace(frame, units=self.anchors.within(frame.units))
        return coefficients(self.coefficient_params, self.code_map.code(asked), frame)

    def branches_at(self, frame: MotionFrame) -> tuple[Branch, ...]:
        """The branches, with what the units of one moment ask for beyond the inner code."""
        return self.branches if self.anchors is None else self.anchors.moved(self.branches, frame.units)

    def gaussians_at(self, frame: MotionFrame) -> Gaussians:
        """All Gaussians ``[N]`` in the world at one moment, SH colours, ready for one depth-sorted rasterization."""
        c, branches = self.coefficients_at(frame), self.branches_at(frame)
        if can_deform_fused(branches, c, frame):
            return deform_fused(branches, c, frame)
        posed = [deform(branch, c, frame) for branch in branches]
        return Gaussians(
            means=torch.cat([g.means for g in posed]),
            quats=torch.cat([g.quats for g in posed]),
            scales=torch.cat([g.scales for g in posed]),
            opacities=torch.cat([g.opacities for g in posed]),
            colors=torch.cat([g.colors for g in posed]),
        )

    def gaussians_at_each(self, frames: Sequence[MotionFrame]) -> Moments:
        """All Gaussians ``[F, N, …]`` at F moments, as ``gaussians_at`` has them at one; in one pass where possible."""
        codes = [self.coefficients_at(frame) for frame in frames]
        alike = all(self.branches_at(frame) is self.branches for frame in frames)
        if alike and can_deform_fused(self.branches, codes[0], frames[0]):
            poses = torch.stack([torch.cat(poses_of(frame)) for frame in frames])
            return deform_moments(self.branches, torch.stack(codes), poses)
        each = [self.gaussians_at(frame) for frame in frames]
        return Moments(*(torch.stack([getattr(one, name) for one in each]) for name in Moments._fields))

    def to(self, device: torch.device) -> Head:
        """The same head in a device's memory; its own tensors where they are there already."""
        return replace(
            self,
            branches=tuple(branch.to(device) for branch in self.branches),
            coefficient_params={name: value.to(device) for name, value in self.coefficient_params.items()},
            camera=self.camera.to(device),
            background=self.background.to(device),
            code_map=self.code_map.to(device),
            anchors=None if self.anchors is None else self.anchors.to(device),
        )

    def gaussians(self, motion: Motion, t: int) -> Gaussians:
        """All Gaussians at frame ``t`` of ``motion``."""
        return self.gaussians_at(motion.at(t))
