"""gsplat's densification strategies, fed from this rasterizer, on the CPU as well.

from gsplat.strategy import DefaultStrategy, MCMCStrategy

out = rasterize(...)
info = gsplat_info(out)
strategy.step_pre_backward(params, optimizers, state, step, info)
loss.backward()
with gsplat_without_cuda():
    strategy.step_post_backward(params, optimizers, state, step, info)
"""

from __future__ import annotations

import contextlib
import importlib
import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ..checks import InputError
from ..transforms import quat_to_rotmat
from .output import RasterOutput
from .probe import screen_of


def gsplat_info(output: RasterOutput, probe: Tensor | None = None) -> dict[str, Any]:
    """What gsplat's strategies read of a rendering, in gsplat's names and shapes.

    Strategies with ``absgrad=True`` are served by a rendering with ``absgrad=True``, or with a probe of four columns.

    Args:
        output: a rendering with gradients, of C cameras.
        probe: ``[C, N, 2]`` or ``[C, N, 4]`` the probe that was given to the rasterizer; needed inside
            ``torch.compile``. One of four columns is to be told of before the backward pass.

    Returns:
        ``width``, ``height``, ``n_cameras``, ``means2d [C, N, 2]``, ``radii [C, N, 2]`` and ``gaussian_ids``
        (None: nothing is packed).

    Raises:
        InputError: the rendering carries no gradient to the screen positions.
    """
    means2d = output.means2d if probe is None else probe
    if means2d.requires_grad and means2d.shape[-1] == 4:
        means2d = screen_of(means2d, output.means2d)
    if not means2d.requires_grad:
        raise InputError(
            "the output's means2d carries no gradient; render with parameters that require gradients, outside of "
            "torch.no_grad(), and inside torch.compile give a probe."
        )
    cameras, height, width = output.alpha.shape
    return {
        "width": width,
        "height": height,
        "n_cameras": cameras,
        "means2d": means2d,
        "radii": output.radii[..., None].expand(*output.radii.shape, 2),
        "gaussian_ids": None,
    }


@contextlib.contextmanager
def gsplat_without_cuda() -> Iterator[None]:
    """Inside this context gsplat's strategies find torch in place of the two CUDA functions that they call.

    MCMCStrategy needs it on a machine without CUDA; DefaultStrategy does not. One thread at a time.

    Raises:
        InputError: gsplat is not installed.
    """
    try:
        ops = importlib.import_module("gsplat.strategy.ops")
    except ImportError as error:
        raise InputError("the package gsplat is not installed; pip install gsplat==1.5.3.") from error
    replaced = {"compute_relocation": relocated, "quat_scale_to_covar_preci": _covariances}
    before = {name: getattr(ops, name) for name in replaced}
    try:
        for name, function in replaced.items():
            setattr(ops, name, function)
        yield
    finally:
        for name, function in before.items():
            setattr(ops, name, function)


def relocated(opacities: Tensor, scales: Tensor, ratios: Tensor, binoms: Tensor) -> tuple[Tensor, Tensor]:
    """Opacity and scale of n equal Gaussians in one place that look like the one they replace.

    3D Gaussian Splatting as Markov Chain Monte Carlo (Kheradmand et al., 2024), equation 9: opacities
    keep the peak, scales keep the integral along any line through the centre.

    Args:
        opacities: ``[N]``.
        scales: ``[N, 3]``.
        ratios: ``[N]`` n of each; at least 1 and at most the size of ``binoms`` are counted.
        binoms: ``[B, B]``, read for its size only.

    Returns:
        New opacities ``[N]`` and scales ``[N, 3]``.
    """
    limit = binoms.shape[0]
    n = ratios.clamp(1, limit).long()
    opacity = opacities.double()
    new_opacity = 1 - (1 - opacity) ** (1 / n)
    signed = [[(-1) ** (k - 1) * math.comb(row, k) / k**0.5 for k in range(1, limit + 1)] for row in range(limit + 1)]
    weights = torch.tensor(signed, dtype=torch.float64, device=n.device)[n]  # [N, limit], 0 beyond n
    powers = new_opacity[:, None] ** torch.arange(1, limit + 1, device=n.device)
    shrink = opacity / (weights * powers).sum(-1)
    return new_opacity.to(opacities.dtype), scales * shrink.to(scales.dtype)[:, None]


def _covariances(quats: Tensor, scales: Tensor, **_: bool) -> tuple[Tensor, None]:
    """``[N, 3, 3]`` covariances, in the shape of gsplat's answer."""
    spread = quat_to_rotmat(quats) * scales[:, None, :]
    return spread @ spread.transpose(-1, -2), None
