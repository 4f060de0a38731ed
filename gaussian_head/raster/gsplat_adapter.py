"""gsplat's CUDA rasterizer behind our interface, for whoever has it installed.

It needs the package gsplat (1.5.3 is the version this was written against) and a CUDA device.
Gradients of clamped or finished pixels follow gsplat's own kernels.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..checks import InputError
from . import reference
from .output import RasterOutput
from .scene import Scene


def rasterize(scene: Scene) -> RasterOutput:
    """Render all cameras with gsplat.

    Raises:
        InputError: gsplat is not installed.
    """
    try:
        from gsplat import rasterization
    except ImportError as error:
        raise InputError("backend 'gsplat' wants the package gsplat; install it with pip install gsplat.") from error
    if not len(scene.means):  # its kernels want one at least
        return reference.rasterize(scene)
    D = scene.colors.shape[-1]
    means, quats, scales, opacities, channels = _drawable(scene)
    covars = None
    if quats.shape[-1] == 6:  # it does not look at quats and scales then
        covars = quats[:, [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(-1, 3, 3)
    image, alpha, meta = rasterization(
        means,
        quats,
        scales,
        opacities,
        channels,
        scene.viewmats,
        scene.Ks,
        scene.width,
        scene.height,
        near_plane=scene.near_plane,
        far_plane=scene.far_plane,
        eps2d=scene.eps2d,
        packed=False,
        covars=covars,
        absgrad=scene.probe is not None and scene.probe.shape[-1] == 4,
        backgrounds=_backgrounds(scene),
        render_mode="RGB+D",
    )
    means2d, radii = _screen(meta, scene.probe)
    return RasterOutput(
        rgb=image[..., :D],
        alpha=alpha[..., 0],
        depth=image[..., -1],
        extra=image[..., D:-1],
        means2d=means2d,
        radii=radii,
    )


def _drawable(scene: Scene) -> list[Tensor]:
    """Means, quats, scales, opacities, and channels of all cameras; broken Gaussians become transparent."""
    C = scene.viewmats.shape[0]
    channels, extra = scene.colors, scene.extra
    if extra.shape[1]:
        channels = torch.cat([channels, extra.expand(C, *extra.shape) if channels.ndim == 3 else extra], dim=-1)
    parameters = (scene.means, scene.quats, scene.scales, scene.opacities)
    finite = torch.stack([p.isfinite().reshape(p.shape[0], -1).all(-1) for p in parameters]).all(0)
    finite &= channels.isfinite().all(-1).reshape(-1, finite.shape[0]).all(0)
    safe = [p.where(finite.reshape(-1, *[1] * (p.ndim - 1)), torch.zeros_like(p)) for p in parameters]
    return [*safe, channels.where(finite[:, None], torch.zeros_like(channels))]


def _backgrounds(scene: Scene) -> Tensor | None:
    """``[C, D + E]``: nothing stands behind the extra channels."""
    if scene.backgrounds is None or scene.extra.shape[1] == 0:
        return scene.backgrounds
    return torch.nn.functional.pad(scene.backgrounds, (0, scene.extra.shape[1]))


def _screen(meta: dict[str, Any], probe: Tensor | None) -> tuple[Tensor, Tensor]:
    """Positions and radii in our terms; gsplat leaves the positions of culled Gaussians unwritten."""
    means2d, reach = meta["means2d"], meta["radii"]  # [C, N, 2] both
    visible = (reach > 0).all(-1)
    means2d.data.masked_fill_(~visible[..., None], 0)  # .data: its kernels never read these entries
    if means2d.requires_grad:
        means2d.retain_grad()
        if probe is not None and probe.requires_grad:
            means2d.register_hook(lambda v: _add_grad(probe, v, means2d))
    return means2d, torch.where(visible, reach.amax(-1), 0).int()


def _add_grad(probe: Tensor, v: Tensor, means2d: Any) -> None:
    if probe.shape[-1] == 4:  # its backward pass leaves the absolute gradient before it hands on the other
        v = torch.cat([v, means2d.absgrad], -1)
    torch.autograd.backward(probe, v.clone())  # on to the leaf that it may be a part of, and to who waits for that
