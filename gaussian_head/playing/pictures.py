"""One picture for the browser: colour or a measurement, over a backdrop."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..camera import Camera
from ..gaussians import Frame, Gaussians
from ..head import PARTS, Head
from ..motion import Motion
from ..rendering import render_frame, render_gaussians
from ..rendering.drawing import Draw
from ..rendering.frames import keep_parts, known_from
from ..rendering.framing import plate_through
from .shading import Legend, ellipsoids, motion_colored, part_colored, shaded_depth, shaded_normals

MODES = ("rgb", "depth", "normals", "alpha", "parts", "motion", "ellipsoids")
"""What a picture can show."""
PICTURED = ("rgb", "ellipsoids")
"""Those that stand before the backdrop."""
PLAIN = (0.09, 0.10, 0.12)
"""Backdrop where the recorded one is switched off."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a head is shown."""

    mode: str = "rgb"
    """One of MODES."""
    parts: frozenset[str] = frozenset(PARTS)
    """Branches to show."""
    plate: bool = True
    """Show the recorded background."""
    color: tuple[float, float, float] = PLAIN
    """Backdrop in [0, 1] where the recorded one is off."""
    splat_scale: float = 1.0
    """Factor on the size of every Gaussian."""

    @property
    def as_trained(self) -> bool:
        """Whether the colours of all Gaussians are shown as they are."""
        return self.mode == "rgb" and self.parts == frozenset(PARTS) and self.splat_scale == 1.0


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A picture and how to read it."""

    image: np.ndarray
    """``[H, W, 3]`` uint8."""
    legend: Legend | None = None
    """What its colours mean, None for a photograph-like one."""


def picture(
    head: Head, motion: Motion, t: int, camera: Camera, look: Look, background: Tensor | None = None
) -> np.ndarray:
    """Frame ``t`` of ``motion`` as ``[H, W, 3]`` uint8; ``background`` is a ``backdrop`` made before."""
    return shown(head, motion, t, camera, look, background).image


def styled_gaussians(head: Head, motion: Motion, t: int, look: Look) -> Gaussians:
    """The Gaussians of frame ``t`` with the parts and the size of ``look``."""
    gaussians = keep_parts(head.gaussians(motion, t), head, look.parts)
    return replace(gaussians, scales=gaussians.scales * look.splat_scale)


@torch.no_grad()
def shown(
    head: Head,
    motion: Motion,
    t: int,
    camera: Camera,
    look: Look,
    background: Tensor | None = None,
    draw: Draw | None = None,
) -> Shown:
    """``picture`` with its legend; ``draw`` is ``rendering.drawing(head)`` made before, for heads shown as trained."""
    if draw is not None and look.as_trained:
        background = backdrop(head, camera, look) if background is None else background
        return Shown(image=to_bytes(draw(motion.at(t), camera, background).rgb))
    gaussians = styled_gaussians(known_from(head, camera), motion, t, look)
    plain, legend = torch.tensor(PLAIN), None
    if look.mode in PICTURED:
        background = backdrop(head, camera, look) if background is None else background
        drawn = gaussians if look.mode == "rgb" else ellipsoids(gaussians, camera)
        image = render_gaussians(drawn, camera, background=background).rgb
    elif look.mode in ("parts", "motion"):
        colored = part_colored(gaussians, head) if look.mode == "parts" else None
        drawn, legend = colored or motion_colored(gaussians, head, motion.at(t))
        image = render_gaussians(drawn, camera, background=plain).rgb
    else:
        frame = render_gaussians(gaussians, camera)
        image, legend = _measured(frame, gaussians, camera, look.mode)
    return Shown(image=to_bytes(image), legend=legend)


def cutout(head: Head, motion: Motion, t: int, camera: Camera, look: Look) -> np.ndarray:
    """Frame ``t`` without backdrop as ``[H, W, 4]`` uint8, colour not multiplied by opacity."""
    frame = render_frame(head, motion, t, camera, parts=look.parts, scale_modifier=look.splat_scale)
    color = frame.rgb / frame.alpha[..., None].clamp(min=1e-3)
    return to_bytes(torch.cat([color, frame.alpha[..., None]], dim=-1))


def backdrop(head: Head, camera: Camera, look: Look) -> Tensor:
    """What is behind the head: the plain colour ``[3]``, or the plate ``[H, W, 3]`` as ``plate_through`` shows it."""
    return plate_through(head.background, camera, head.camera) if look.plate else torch.tensor(look.color)


def styled(head: Head, look: Look) -> Head:
    """A head that any renderer shows with the parts and the Gaussian size of ``look``."""
    grow = math.log(max(look.splat_scale, 1e-3))
    return head.with_branches(
        tuple(
            replace(
                branch,
                log_scales=branch.log_scales + grow,
                logit_opacities=branch.logit_opacities
                if branch.name in look.parts
                else torch.full_like(branch.logit_opacities, -20.0),
            )
            for branch in head.branches
        )
    )


def to_bytes(image: Tensor) -> np.ndarray:
    """``[H, W, C]`` in [0, 1] as uint8."""
    return (image * 255).add_(0.5).clamp_(0, 255).to(torch.uint8).contiguous().cpu().numpy()


def _measured(frame: Frame, gaussians: Gaussians, camera: Camera, mode: str) -> tuple[Tensor, Legend]:
    if mode == "depth":
        return shaded_depth(frame, gaussians, camera)
    if mode == "normals":
        return shaded_normals(frame, camera)
    ends = ("rgb(0,0,0)", "rgb(255,255,255)")
    return frame.alpha[..., None].expand(-1, -1, 3), Legend(title="Opacity", low="0", high="1", ramp=ends)
