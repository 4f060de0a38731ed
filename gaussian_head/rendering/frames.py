"""One moment of a head seen by a camera: all branches in one depth-sorted pass."""

from __future__ import annotations

import math
import weakref
from collections.abc import Collection
from dataclasses import replace

import torch
from torch import Tensor

from ..camera import Camera
from ..gaussians import Frame, Gaussians
from ..head import ASIDE_DEG, PARTS, Head
from ..kernels import drawing_device
from ..motion import Motion, MotionFrame
from ..raster import rasterize_view
from ..sh import rgb_to_sh, sh_to_rgb
from ..smoothing import smoothstep
from .backdrop import Background, as_background

MOST_RESIDENT = 3
"""Heads that a device keeps for single pictures."""


def render_gaussians(
    gaussians: Gaussians,
    camera: Camera,
    *,
    background: Tensor | None = None,
    extra: Tensor | None = None,
    backend: str | None = None,
) -> Frame:
    """Rasterize Gaussians over a background.

    Args:
        gaussians: N Gaussians; colors RGB or SH.
        camera: the view.
        background: ``[3]`` colour or ``[H, W, 3]`` plate; None for black.
        extra: ``[N, D]`` channels blended like colour.
        backend: rasterizer backend, None for the best one present.

    Returns:
        Frame at the camera's size; its depth is alpha-normalised.
    """
    out = rasterize_view(gaussians, camera, background=background, extra=extra, backend=backend)
    alpha = out.alpha[0]
    return Frame(rgb=out.rgb[0], alpha=alpha, depth=normalised_depth(out.depth[0], alpha), extra=out.extra[0])


def normalised_depth(depth: Tensor, alpha: Tensor) -> Tensor:
    """Metres ``[H, W]`` of metres times alpha; 0 where nothing is hit."""
    return torch.where(alpha > 1e-3, depth / alpha.clamp(min=1e-3), 0)


def known_share(head: Head, camera: Camera) -> float:
    """How much of what changes with the view is known at a camera: 1 about that which filmed, 0 far aside."""
    if not head.one_view:
        return 1.0
    ways = (one.position.cpu().double() - head.centre.cpu().double() for one in (camera, head.camera))
    here, filmed = (torch.nn.functional.normalize(way, dim=0) for way in ways)
    angle = math.degrees(math.acos(min(max(float(here @ filmed), -1.0), 1.0)))
    return 1 - smoothstep(min(max((angle - ASIDE_DEG[0]) / (ASIDE_DEG[1] - ASIDE_DEG[0]), 0.0), 1.0))


def known_from(head: Head, camera: Camera) -> Head:
    """A head whose colours change with the view, and opacities with its turns, by as much as is known at a camera."""
    share = known_share(head, camera)
    if share == 1:
        return head
    return head.with_branches(
        tuple(replace(b, shN=share * b.shN, opacity_basis=share * b.opacity_basis) for b in head.branches)
    )


def for_every_side(gaussians: Gaussians, head: Head) -> Gaussians:
    """SH colours ``[N, B, 3]`` for files whose viewers know nothing of where a head was filmed from.

    Where one camera filmed, every Gaussian keeps the colour that this camera sees and shows it to all sides.
    """
    if not head.one_view or gaussians.colors.shape[1] == 1:
        return gaussians
    seen = sh_to_rgb(gaussians.colors, gaussians.means - head.camera.position, 1)
    return replace(gaussians, colors=rgb_to_sh(seen)[:, None])


def keep_parts(gaussians: Gaussians, head: Head, parts: Collection[str]) -> Gaussians:
    """Hide every branch not named in ``parts`` by setting its opacity to zero."""
    unknown = set(parts) - set(PARTS)
    if unknown:
        raise ValueError(f"parts names {sorted(unknown)}; choose among {PARTS}.")
    shown = torch.tensor([name in parts for name in PARTS], device=head.parts.device)[head.parts.long()]
    return replace(gaussians, opacities=gaussians.opacities * shown)


def render_frame(
    head: Head,
    motion: Motion,
    t: int,
    camera: Camera | None = None,
    *,
    background: Background = None,
    parts: Collection[str] | None = None,
    scale_modifier: float = 1.0,
    backend: str | None = None,
) -> Frame:
    """Render frame ``t`` of ``motion``.

    Args:
        head: the person.
        motion: what moves it.
        t: frame index into ``motion``.
        camera: the view, by default the recording camera.
        background: ``[3]`` colour or ``[H, W, 3]`` plate at the camera's size; a colour as three numbers in [0, 1], by
            its name or as ``"#rrggbb"``; ``"captured"`` for the recorded plate; a picture file; None for nothing,
            which looks black.
        parts: branches to show, by default all.
        scale_modifier: factor on every Gaussian's size, 1 as trained.
        backend: rasterizer backend, None for the best one present.

    Raises:
        InputError: the motion has no such frame, or the background is none of these.
    """
    camera = camera or head.camera
    return render_moment(
        head,
        motion.at(t),
        camera,
        background=as_background(head, background, camera),
        parts=parts,
        scale_modifier=scale_modifier,
        backend=backend,
    )


@torch.no_grad()
def render_moment(
    head: Head,
    moment: MotionFrame,
    camera: Camera,
    *,
    background: Tensor | None = None,
    parts: Collection[str] | None = None,
    scale_modifier: float = 1.0,
    backend: str | None = None,
) -> Frame:
    """``render_frame`` of one moment; drawn where ``kernels.drawing_device`` says, a Frame on the CPU."""
    device = drawing_device()
    if device.type != "cpu":
        head, moment, camera = _resident(head, device), moment.to(device), camera.to(device)
        background = None if background is None else background.to(device)
    gaussians = known_from(head, camera).gaussians_at(moment)
    if parts is not None:
        gaussians = keep_parts(gaussians, head, parts)
    if scale_modifier != 1.0:
        gaussians = replace(gaussians, scales=gaussians.scales * scale_modifier)
    return render_gaussians(gaussians, camera, background=background, backend=backend).cpu()


_residents: list[tuple[weakref.ref[Head], torch.device, Head]] = []
"""Heads that a device keeps, with those they are copies of: the few drawn last."""


def _resident(head: Head, device: torch.device) -> Head:
    """The head in a device's memory, copied at the first of many drawings."""
    _residents[:] = [kept for kept in _residents if kept[0]() is not None][-MOST_RESIDENT:]
    for original, where, copy in _residents:
        if original() is head and where == device:
            return copy
    copy = head.to(device)
    _residents.append((weakref.ref(head), device, copy))
    return copy
