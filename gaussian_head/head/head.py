"""The head: canonical Gaussians in branches, and what turns a moment of Motion into Gaussians in the world."""

from __future__ import annotations

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
from .fused import can_deform_fused, deform_fused
from .storage import read_fields, write_fields


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
        return torch.cat([torch.full((len(b),), PARTS.index(b.name), dtype=torch.uint8) for b in self.branches])

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
        """What scales every Gaussian's offset basis at one moment, ``[K + E + 9]`` (see ``coefficients``)."""
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

    def gaussians(self, motion: Motion, t: int) -> Gaussians:
        """All Gaussians at frame ``t`` of ``motion``."""
        return self.gaussians_at(motion.at(t))
