"""gsplat's CUDA rasterizer behind our interface, for whoever has it installed.

It needs the package gsplat (1.5.3 is the version this was written against) and a CUDA device.
Differences: Gaussians with NaN or infinite parameters are gsplat's to handle, and gradients of
clamped or finished pixels follow its own kernels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import InputError
from .output import RasterOutput


def rasterize(
    means: Tensor,  # [N, 3]
    quats: Tensor,  # [N, 4]
    scales: Tensor,  # [N, 3]
    opacities: Tensor,  # [N]
    colors: Tensor,  # [N, D] or [C, N, D]
    extra: Tensor,  # [N, E]
    viewmats: Tensor,  # [C, 4, 4]
    Ks: Tensor,  # [C, 3, 3]
    backgrounds: Tensor | None,  # [C, D]
    width: int,
    height: int,
    near_plane: float,
    far_plane: float,
    eps2d: float,
) -> RasterOutput:
    """Render all cameras with gsplat; arguments as checked by :func:`gaussian_head.raster.rasterize`.

    Raises:
        InputError: gsplat is not installed.
    """
    try:
        from gsplat import rasterization
    except ImportError as error:
        raise InputError("backend 'gsplat' wants the package gsplat; install it with pip install gsplat.") from error
    C, D = viewmats.shape[0], colors.shape[-1]
    if extra.shape[1]:
        shared = extra.expand(C, *extra.shape) if colors.ndim == 3 else extra
        colors = torch.cat([colors, shared], dim=-1)
        if backgrounds is not None:
            backgrounds = torch.cat([backgrounds, backgrounds.new_zeros(C, extra.shape[1])], dim=-1)
    image, alpha, meta = rasterization(
        means,
        quats,
        scales,
        opacities,
        colors,
        viewmats,
        Ks,
        width,
        height,
        near_plane=near_plane,
        far_plane=far_plane,
        eps2d=eps2d,
        packed=False,
        backgrounds=backgrounds,
        render_mode="RGB+D",
    )
    means2d, radii = meta["means2d"], meta["radii"]
    if means2d.requires_grad:
        means2d.retain_grad()
    return RasterOutput(
        rgb=image[..., :D],
        alpha=alpha[..., 0],
        depth=image[..., -1],
        extra=image[..., D:-1],
        means2d=means2d,
        radii=torch.where((radii > 0).all(-1), radii.amax(-1), 0).int(),
    )
