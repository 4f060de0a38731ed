"""One picture for the browser: colour, depth, opacity or parts, over a backdrop."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from gaussian_head.camera import Camera
from gaussian_head.gaussians import Frame
from gaussian_head.head import PARTS, Head
from gaussian_head.motion import Motion
from gaussian_head.rendering import render_frame, render_gaussians
from gaussian_head.rendering.frames import keep_parts

MODES = ("rgb", "depth", "alpha", "parts")
"""What a picture can show."""
PART_COLORS = torch.tensor([[0.95, 0.62, 0.45], [0.86, 0.22, 0.36], [0.30, 0.52, 0.86]])
"""Colour of every part, in the order of PARTS."""
DEPTH_RAMP = torch.tensor(
    [[0.99, 0.91, 0.60], [0.98, 0.55, 0.35], [0.72, 0.22, 0.47], [0.32, 0.07, 0.48], [0.05, 0.03, 0.15]]
)
"""Colours from near to far."""
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


def picture(
    head: Head, motion: Motion, t: int, camera: Camera, look: Look, background: Tensor | None = None
) -> np.ndarray:
    """Frame ``t`` of ``motion`` as ``[H, W, 3]`` uint8; ``background`` is a ``backdrop`` made before."""
    if look.mode == "rgb":
        background = backdrop(head, camera, look) if background is None else background
        shown = _render(head, motion, t, camera, look, background=background).rgb
    elif look.mode == "parts":
        shown = _render_parts(head, motion, t, camera, look)
    else:
        frame = _render(head, motion, t, camera, look)
        shown = _depth_colors(frame) if look.mode == "depth" else frame.alpha[..., None].expand(-1, -1, 3)
    return to_bytes(shown)


def cutout(head: Head, motion: Motion, t: int, camera: Camera, look: Look) -> np.ndarray:
    """Frame ``t`` without backdrop as ``[H, W, 4]`` uint8, colour not multiplied by opacity."""
    frame = _render(head, motion, t, camera, look)
    color = frame.rgb / frame.alpha[..., None].clamp(min=1e-3)
    return to_bytes(torch.cat([color, frame.alpha[..., None]], dim=-1))


def backdrop(head: Head, camera: Camera, look: Look) -> Tensor:
    """What is behind the head, ``[3]`` or ``[H, W, 3]``.

    The recorded plate stands still on the screen like a studio backdrop, scaled with the field of view
    so that it fits the recording camera exactly; beyond its edges it is mirrored and darkened.
    """
    if not look.plate:
        return torch.tensor(look.color)
    K, K0 = camera.K, head.camera.K
    x = (torch.arange(camera.width) + 0.5 - K[0, 2]) / K[0, 0] * K0[0, 0] + K0[0, 2]
    y = (torch.arange(camera.height) + 0.5 - K[1, 2]) / K[1, 1] * K0[1, 1] + K0[1, 2]
    x, y = x / head.camera.width * 2 - 1, y / head.camera.height * 2 - 1
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)
    plate = head.background.permute(2, 0, 1)[None]
    filled = torch.nn.functional.grid_sample(plate, grid[None], padding_mode="reflection", align_corners=False)
    beyond = (grid.abs() - 1).clamp(min=0).amax(-1, keepdim=True)
    return filled[0].permute(1, 2, 0) * torch.exp(-2.5 * beyond)


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
    return (image.clamp(0, 1) * 255 + 0.5).to(torch.uint8).contiguous().cpu().numpy()


def _render(head: Head, motion: Motion, t: int, camera: Camera, look: Look, background: Tensor | None = None) -> Frame:
    return render_frame(
        head, motion, t, camera, background=background, parts=look.parts, scale_modifier=look.splat_scale
    )


@torch.no_grad()
def _render_parts(head: Head, motion: Motion, t: int, camera: Camera, look: Look) -> Tensor:
    gaussians = keep_parts(head.gaussians(motion, t), head, look.parts)
    gaussians = replace(
        gaussians, scales=gaussians.scales * look.splat_scale, colors=PART_COLORS[head.parts.long()].contiguous()
    )
    return render_gaussians(gaussians, camera, background=torch.tensor(PLAIN)).rgb


def _depth_colors(frame: Frame) -> Tensor:
    """Near bright, far dark, over the range of depths in the picture; nothing hit is black."""
    hit = frame.alpha > 0.5
    if not bool(hit.any()):
        return torch.zeros_like(frame.rgb)
    depths = frame.depth[hit]
    near, far = torch.quantile(depths[:: max(len(depths) // 4096, 1)], torch.tensor([0.01, 0.99]))
    place = ((frame.depth - near) / (far - near).clamp(min=1e-4)).clamp(0, 1) * (len(DEPTH_RAMP) - 1)
    index = place.long().clamp(max=len(DEPTH_RAMP) - 2)
    ramp = torch.lerp(DEPTH_RAMP[index], DEPTH_RAMP[index + 1], (place - index)[..., None])
    return ramp * frame.alpha[..., None]
