"""Opacity that makes up for the low-pass filter: what is smaller than a pixel grows fainter, not larger.

Source: Yu et al., "Mip-Splatting" (2024), as gsplat's ``rasterize_mode="antialiased"`` has it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from .output import RasterOutput
from .reference import locally_affine, sharp_covariances
from .scene import Scene


def compensation(scene: Scene, c: int) -> Tensor:
    """``[N]`` by what camera ``c`` multiplies the opacities: the root of an area before the filter over that after."""
    affine, _, _ = locally_affine(scene.means, scene.viewmats[c], scene.Ks[c], scene.width, scene.height)
    covariances, sharp = sharp_covariances(affine, scene.quats, scene.scales)
    blurred = sharp + scene.eps2d * (covariances.diagonal(dim1=-2, dim2=-1).sum(-1) + scene.eps2d)
    share = sharp / blurred
    return torch.where(share > 0, share, 1).sqrt() * (share > 0)


def rasterize(scene: Scene, draw: Callable[[Scene], RasterOutput]) -> RasterOutput:
    """The scene with compensated opacities, drawn camera by camera: screen gradients reach a probe only."""
    each = [draw(_seen_by(scene, c)) for c in range(len(scene.viewmats))]
    names = ("rgb", "alpha", "depth", "extra", "means2d", "radii")
    return RasterOutput(**{name: torch.cat([getattr(one, name) for one in each]) for name in names})


def _seen_by(scene: Scene, c: int) -> Scene:
    one = slice(c, c + 1)
    return replace(
        scene,
        opacities=scene.opacities * compensation(scene, c),
        colors=scene.colors[one] if scene.colors.ndim == 3 else scene.colors,
        viewmats=scene.viewmats[one],
        Ks=scene.Ks[one],
        backgrounds=None if scene.backgrounds is None else scene.backgrounds[one],
        probe=None if scene.probe is None else scene.probe[one],
    )
