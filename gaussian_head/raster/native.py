"""The compiled rasterizers, CPU and CUDA, as one differentiable torch function.

The extension loads on first use. It links no torch: arrays cross as views of the same memory.
"""

from __future__ import annotations

import functools
import importlib
from types import ModuleType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .output import RasterOutput


@functools.cache
def kernels() -> ModuleType | None:
    """The compiled module, or None where this installation has none."""
    try:
        return importlib.import_module("gaussian_head._kernels")
    except ImportError:
        return None


class Settings(NamedTuple):
    """What is fixed for one call and carries no gradient."""

    width: int
    height: int
    near_plane: float
    far_plane: float
    eps2d: float


def _backend(device: torch.device) -> Any:
    """The functions and classes for tensors of a device."""
    module = kernels()
    assert module is not None
    return module.cuda if device.type == "cuda" else module


def _lane(device: torch.device) -> int:
    """What the kernels run on: a number of CPU threads, or torch's current CUDA stream."""
    return torch.cuda.current_stream(device).cuda_stream if device.type == "cuda" else torch.get_num_threads()


def _view(tensor: Tensor | None) -> Any:
    """The same memory; CPU tensors as numpy arrays, which cross into the kernels ten times faster."""
    if tensor is None:
        return None
    return tensor.detach() if tensor.is_cuda else tensor.detach().numpy()


class _Images(NamedTuple):
    rgb: Tensor  # [C, H, W, D]
    alpha: Tensor  # [C, H, W]
    depth: Tensor  # [C, H, W]
    extra: Tensor  # [C, H, W, E]


def _scene(inputs: tuple[Tensor, ...], backgrounds: Tensor | None, settings: Settings) -> Any:
    return _backend(inputs[0].device).Scene(*map(_view, inputs), _view(backgrounds), *settings)


def _forward(
    inputs: tuple[Tensor, ...], backgrounds: Tensor | None, settings: Settings, means2d: Tensor, keep: bool
) -> tuple[_Images, Tensor, Any]:
    """Render; returns the images, radii and the plan that a backward pass needs."""
    means, colors, extra, viewmats = inputs[0], inputs[4], inputs[5], inputs[6]
    size = (viewmats.shape[0], settings.height, settings.width)
    images = _Images(
        means.new_empty((*size, colors.shape[-1])),
        means.new_empty(size),
        means.new_empty(size),
        means.new_empty((*size, extra.shape[1])),
    )
    radii = means.new_empty((viewmats.shape[0], means.shape[0]), dtype=torch.int32)
    module = _backend(means.device)
    plan = module.forward(
        _scene(inputs, backgrounds, settings),
        module.Outputs(*map(_view, images)),
        _view(means2d),
        _view(radii),
        keep,
        _lane(means.device),
    )
    return images, radii, plan


class _Rasterize(torch.autograd.Function):
    """Rendering with its gradient; ``screen`` [C, N, 2] is filled with positions and takes their gradient."""

    @staticmethod
    def forward(ctx: Any, settings: Settings, backgrounds: Tensor | None, screen: Tensor, *inputs: Tensor) -> Any:
        images, radii, plan = _forward(inputs, backgrounds, settings, screen, keep=True)
        ctx.settings, ctx.plan, ctx.has_background = settings, plan, backgrounds is not None
        ctx.save_for_backward(*inputs, *images, *([] if backgrounds is None else [backgrounds]))
        ctx.mark_non_differentiable(radii)
        ctx.set_materialize_grads(False)
        return (*images, radii)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *v_outputs: Tensor | None) -> Any:
        saved = ctx.saved_tensors
        inputs, images = saved[:8], saved[8:12]
        backgrounds = saved[12] if ctx.has_background else None
        means, quats, scales, opacities, colors, extra, viewmats, _ = inputs
        module = _backend(means.device)
        v_screen = means.new_empty((viewmats.shape[0], means.shape[0], 2))
        v_colors = torch.zeros_like(colors) if colors.ndim == 3 else torch.empty_like(colors)
        v_inputs = [*(torch.empty_like(x) for x in (means, quats, scales, opacities)), v_colors]
        v_inputs.append(torch.empty_like(extra))
        v_viewmats = torch.zeros_like(viewmats) if ctx.needs_input_grad[9] else None
        v_backgrounds = torch.zeros_like(backgrounds) if ctx.needs_input_grad[1] and backgrounds is not None else None
        cotangents = [None if v is None else _view(v.contiguous()) for v in v_outputs[:4]]
        module.backward(
            ctx.plan,
            _scene(inputs, backgrounds, ctx.settings),
            module.Outputs(*map(_view, images)),
            module.Cotangents(*cotangents),
            module.Gradients(*map(_view, v_inputs), _view(v_screen), _view(v_viewmats), _view(v_backgrounds)),
            _lane(means.device),
        )
        if means.is_cuda and v_backgrounds is not None and v_outputs[0] is not None:
            v_backgrounds = ((1 - images[1][..., None]) * v_outputs[0]).sum(dim=(1, 2))
        return None, v_backgrounds, v_screen, *v_inputs, v_viewmats, None


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
    settings: Settings,
) -> RasterOutput:
    """Render all cameras where the tensors are; arguments contiguous float32, as checked by the public function."""
    inputs = (means, quats, scales, opacities, colors, extra, viewmats, Ks)
    differentiable = (*inputs[:7], *([] if backgrounds is None else [backgrounds]))
    screen = means.new_empty((viewmats.shape[0], means.shape[0], 2))
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in differentiable):
        screen.requires_grad_()
        rgb, alpha, depth, extra_image, radii = _Rasterize.apply(settings, backgrounds, screen, *inputs)  # pyright: ignore
    else:
        (rgb, alpha, depth, extra_image), radii, _ = _forward(inputs, backgrounds, settings, screen, keep=False)
    return RasterOutput(rgb=rgb, alpha=alpha, depth=depth, extra=extra_image, means2d=screen, radii=radii)
