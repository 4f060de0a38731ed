"""Opacity that makes up for the low-pass filter: what is smaller than a pixel grows fainter, not larger.

Source: Yu et al., "Mip-Splatting" (2024), as gsplat's ``rasterize_mode="antialiased"`` has it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from .output import RasterOutput
from .reference import spread_of
from .scene import Scene


def compensation(scene: Scene, c: int) -> Tensor:
    """``[N]`` by what camera ``c`` multiplies the opacities: the root of an area before the filter over that after."""
    spread, _, _ = spread_of(
        scene.means, scene.quats, scene.scales, scene.viewmats[c], scene.Ks[c], scene.width, scene.height
    )
    u, v = spread.unbind(-2)
    # As a sum of squares: xx yy - xy^2 would cancel for long thin Gaussians.
    sharp = torch.linalg.cross(u, v).square().sum(-1)
    blurred = sharp + scene.eps2d * (u.square().sum(-1) + v.square().sum(-1) + scene.eps2d)
    share = sharp / blurred
    return torch.where(share > 0, share, 1).sqrt() * (share > 0)


def rasterize(scene: Scene, draw: Callable[[Scene], RasterOutput]) -> RasterOutput:
    """The scene with compensated opacities, drawn camera by camera."""
    cameras = len(scene.viewmats)
    probe = scene.probe
    if probe is None and torch.is_grad_enabled() and scene.needs_grad:
        probe = scene.means.new_zeros(cameras, scene.means.shape[0], 2).requires_grad_()
    each = [draw(_seen_by(scene, c, probe)) for c in range(cameras)]
    names = ("rgb", "alpha", "depth", "extra", "means2d", "radii")
    out = RasterOutput(**{name: torch.cat([getattr(one, name) for one in each]) for name in names})
    if probe is None or probe is scene.probe:
        return out
    screen = out.means2d.detach().requires_grad_()

    def arrived(filled: Tensor) -> None:
        screen.grad = filled.grad

    probe.register_post_accumulate_grad_hook(arrived)
    return replace(out, means2d=screen)


def _seen_by(scene: Scene, c: int, probe: Tensor | None) -> Scene:
    one = slice(c, c + 1)
    return replace(
        scene,
        opacities=scene.opacities * compensation(scene, c),
        colors=scene.colors[one] if scene.colors.ndim == 3 else scene.colors,
        viewmats=scene.viewmats[one],
        Ks=scene.Ks[one],
        backgrounds=None if scene.backgrounds is None else scene.backgrounds[one],
        probe=None if probe is None else probe[one],
    )
