"""Real spherical harmonics as colours, degree 0 to 3, in the order of the standard 3DGS PLY."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .checks import InputError
from .kernels import call, covers

C0 = 0.28209479177387814
C1 = 0.4886025119029199
C2 = (1.0925484305920792, -1.0925484305920792, 0.31539156525252005, -1.0925484305920792, 0.5462742152960396)
C3 = (
    -0.5900435899266435,
    2.890611442640554,
    -0.4570457994644658,
    0.3731763325901154,
    -0.4570457994644658,
    1.445305721320277,
    -0.5900435899266435,
)


def num_bases(degree: int) -> int:
    """Coefficients per channel of a degree: (degree + 1)²."""
    return (degree + 1) ** 2


def degree_of(count: int) -> int:
    """The degree of ``count`` coefficients per channel; InputError where none has so many."""
    if count not in (1, 4, 9, 16):
        raise InputError(f"colours have {count} SH coefficients; 1, 4, 9 or 16 were wanted.")
    return math.isqrt(count) - 1


def basis(dirs: Tensor, degree: int) -> Tensor:
    """SH basis ``[..., (degree + 1)²]`` at unit directions ``[..., 3]``.

    Source: Sloan, "Efficient spherical harmonic evaluation" (2013), with the signs of 3DGS.
    """
    if not 0 <= degree <= 3:
        raise ValueError(f"SH degree {degree} came; 0 to 3 was wanted.")
    x, y, z = dirs.unbind(-1)
    xx, yy, zz = x * x, y * y, z * z
    terms = [torch.full_like(x, C0)]
    if degree > 0:
        terms += [-C1 * y, C1 * z, -C1 * x]
    if degree > 1:
        terms += [C2[0] * x * y, C2[1] * y * z, C2[2] * (2 * zz - xx - yy), C2[3] * x * z, C2[4] * (xx - yy)]
    if degree > 2:
        terms += [
            C3[0] * y * (3 * xx - yy),
            C3[1] * x * y * z,
            C3[2] * y * (4 * zz - xx - yy),
            C3[3] * z * (2 * zz - 3 * xx - 3 * yy),
            C3[4] * x * (4 * zz - xx - yy),
            C3[5] * z * (xx - yy),
            C3[6] * x * (xx - 3 * yy),
        ]
    return torch.stack(terms, dim=-1)


def sh_to_rgb(coefficients: Tensor, dirs: Tensor, degree: int) -> Tensor:
    """Colours seen along directions: ``max(SH(dir) + 0.5, 0)``.

    Args:
        coefficients: ``[N, B, 3]`` with B >= (degree + 1)²; higher ones are not used.
        dirs: ``[..., N, 3]`` from the camera to each Gaussian, of any length.
        degree: 0 to 3.

    Returns:
        ``[..., N, 3]``.
    """
    if degree > 0 and _can_fuse(coefficients, dirs):
        return _fused(coefficients, dirs, degree)
    used = coefficients[:, : num_bases(degree)]
    if degree == 0:
        rgb = (C0 * used[:, 0]).expand(dirs.shape)
    else:
        unit = torch.nn.functional.normalize(dirs, dim=-1)
        rgb = torch.einsum("...nb,nbk->...nk", basis(unit, degree), used)
    return (rgb + 0.5).clamp(min=0)


def seen_colors(coefficients: Tensor, means: Tensor, position: Tensor) -> Tensor:
    """Colours ``[F, N, 3]`` of Gaussians that differ from frame to frame, seen from ``position`` (``[3]``, ``[F, 3]``).

    Args:
        coefficients: ``[F, N, B, 3]`` of all degrees.
        means: ``[F, N, 3]`` metres.
        position: of the camera, metres.
    """
    F, N, B, _ = coefficients.shape
    dirs = (means - position.view(-1, 1, 3)).reshape(F * N, 3)
    return sh_to_rgb(coefficients.reshape(F * N, B, 3), dirs, degree_of(B)).view(F, N, 3)


def rgb_to_sh(rgb: Tensor) -> Tensor:
    """Degree-0 coefficient that shows ``rgb`` from every side."""
    return (rgb - 0.5) / C0


def _can_fuse(coefficients: Tensor, dirs: Tensor) -> bool:
    """True where the compiled kernel is there and covers these tensors: float32 on the CPU, nothing being traced."""
    return covers(coefficients, dirs, cuda=False)


def _fused(coefficients: Tensor, dirs: Tensor, degree: int) -> Tensor:
    flat = dirs.reshape(math.prod(dirs.shape[:-2]), *dirs.shape[-2:]).contiguous()
    rgb = _ShColors.apply(coefficients.contiguous(), flat, degree)
    return rgb.view(dirs.shape)  # pyright: ignore[reportAttributeAccessIssue]


class _ShColors(torch.autograd.Function):
    """``sh_to_rgb`` of coefficients ``[N, B, 3]`` along dirs ``[C, N, 3]`` in one compiled pass each way."""

    @staticmethod
    def forward(ctx: Any, coefficients: Tensor, dirs: Tensor, degree: int) -> Tensor:
        rgb = torch.empty_like(dirs)
        call("sh_colors", dirs.device, coefficients, dirs, degree, rgb)
        ctx.save_for_backward(coefficients, dirs)
        ctx.degree = degree
        return rgb

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, v_rgb: Tensor) -> tuple[Tensor, Tensor | None, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        coefficients, dirs = ctx.saved_tensors
        v_coefficients = torch.empty_like(coefficients)
        v_dirs = torch.empty_like(dirs) if ctx.needs_input_grad[1] else None
        arrays = (coefficients, dirs, ctx.degree, v_rgb.contiguous(), v_coefficients, v_dirs)
        call("sh_colors_vjp", dirs.device, *arrays)
        return v_coefficients, v_dirs, None
