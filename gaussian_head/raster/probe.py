"""From a probe, which takes screen gradients, to positions that hold them as gsplat's do."""

from __future__ import annotations

from typing import Any

from torch import Tensor


def screen_of(probe: Tensor, means2d: Tensor) -> Tensor:
    """Positions ``[C, N, 2]`` that get ``.grad``, and of four columns ``.absgrad``, as soon as the probe has its own.

    Args:
        probe: ``[C, N, 2]`` or ``[C, N, 4]``, a leaf that requires grad.
        means2d: ``[C, N, 2]`` their values.
    """
    screen: Any = means2d.detach().clone().requires_grad_()

    def arrived(filled: Tensor) -> None:
        assert filled.grad is not None
        screen.grad = filled.grad[..., :2].contiguous()
        if filled.shape[-1] == 4:
            screen.absgrad = filled.grad[..., 2:].contiguous()

    probe.register_post_accumulate_grad_hook(arrived)
    return screen
