"""``ssim_map`` as one compiled pass forward and one backward; the same mathematics as the torch version."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..kernels import call, compiled, covers


def can_map_fused(a: Tensor, b: Tensor) -> bool:
    """True where the compiled kernels are there and cover these pictures: float32 on one device, not tiny."""
    module = compiled()
    return module is not None and covers(a, b) and a.shape[0] > 0 and a.shape[1] * a.shape[2] >= module.SSIM_MIN_WIDTH


def ssim_map_fused(a: Tensor, b: Tensor, window: Tensor, c1: float, c2: float) -> Tensor:
    """Structural similarity at every pixel, zeros beyond the border; the same for any number of threads.

    Only for pictures that ``can_map_fused`` accepts.

    Args:
        a: ``[H, W, C]`` in [0, 1].
        b: ``[H, W, C]`` in [0, 1].
        window: ``[11]`` float32, weights of the window along one axis.
        c1: constant that steadies the luminance term.
        c2: constant that steadies the contrast term.
    """
    wanted = [torch.is_grad_enabled() and x.requires_grad for x in (a, b)]
    first, second = (b, a) if wanted[1] and not wanted[0] else (a, b)  # similarity is symmetric
    first, second = first.contiguous(), second.contiguous()
    if any(wanted):
        return _SsimMap.apply(first, second, window, (c1, c2))  # pyright: ignore[reportReturnType]
    return _forward(first, second, window, (c1, c2), [None] * 4)


def _forward(
    a: Tensor, b: Tensor, window: Tensor, constants: tuple[float, float], partials: list[Tensor | None]
) -> Tensor:
    similarity = torch.empty_like(a)
    call("ssim_map", a.device, a, b, window, *constants, similarity, *partials)
    return similarity


class _SsimMap(torch.autograd.Function):
    """Keeps the derivatives by the window means; blurring them, times the cotangent, gives the gradient."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, window: Tensor, constants: tuple[float, float]) -> Tensor:
        partials: list[Tensor | None] = [torch.empty_like(a) for _ in range(3)]
        partials.append(torch.empty_like(a) if b.requires_grad else None)
        similarity = _forward(a, b, window, constants, partials)
        ctx.save_for_backward(a, b, window, *partials)
        return similarity

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, v_similarity: Tensor) -> tuple[Tensor, Tensor | None, None, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        a, b, window, *partials = ctx.saved_tensors
        v_a = torch.empty_like(a)
        v_b = None if partials[3] is None else torch.empty_like(b)
        call("ssim_map_vjp", a.device, a, b, window, *partials, v_similarity.contiguous(), v_a, v_b)
        return v_a, v_b, None, None
