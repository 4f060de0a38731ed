"""The head: canonical Gaussians in branches, and what turns a moment of Motion into Gaussians in the world."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..camera import Camera
from ..gaussians import Gaussians
from ..motion import Motion, MotionFrame
from .branch import PARTS, Branch, deform
from .coefficients import Params, coefficients
from .fused import can_deform_fused, deform_fused
from .storage import read_fields, write_fields

if TYPE_CHECKING:
    from ..motion.from_audio import AudioToMotion


@dataclass(frozen=True, kw_only=True)
class Head:
    """One person. It never asks where its Motion came from."""

    branches: tuple[Branch, ...]
    """Face, mouth and torso, in the order of PARTS."""
    coefficient_params: Params
    """Parameters of the map from Motion to coefficients (see ``coefficients``)."""
    capture_motion: Motion
    """The captured clip's own motion: poses to loop, truth to compare with."""
    num_train: int
    """Frames of ``capture_motion`` that training saw; the later ones are held out."""
    camera: Camera
    """The recording camera."""
    background: Tensor
    """``[H, W, 3]`` background plate in [0, 1]."""
    channel_ranges: Tensor
    """``[K, 2]`` 1st and 99th percentile of every expression channel in the training frames."""
    audio_model: AudioToMotion | None = None
    """Predicts the lip channels from sound; None for a clip without sound."""
    capture_path: str = ""
    """Where the capture that it was trained on lies; "" where it is not known."""

    @staticmethod
    def load(folder: str | Path) -> Head:
        """Read a head that `save` wrote; InputError where there is none, or a damaged or newer one."""
        return Head(**read_fields(folder))

    def save(self, folder: str | Path) -> None:
        """Write the head to a folder (safetensors + JSON), each part whole or not at all."""
        write_fields(vars(self), folder)

    @property
    def fps(self) -> float:
        """Frames per second of the captured clip."""
        return self.capture_motion.fps

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the expression channels."""
        return self.capture_motion.channels

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

    def gaussians_at(self, frame: MotionFrame) -> Gaussians:
        """All Gaussians ``[N]`` in the world at one moment, SH colours, ready for one depth-sorted rasterization."""
        c = coefficients(self.coefficient_params, frame)
        if can_deform_fused(self.branches, c, frame):
            return deform_fused(self.branches, c, frame)
        posed = [deform(branch, c, frame) for branch in self.branches]
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
