"""The compiled rasterizer as an operator of torch's own, for ``torch.compile``, ``torch.export`` and fake tensors.

Eager code calls the autograd function of ``native.py``, which costs less per call. Here the plan of
a forward pass travels to its backward pass inside a tensor that owns it: it lives exactly as long
as that tensor's memory. Where only a copy of that tensor arrives, the forward pass is run again.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .native import Images, draw, gradients
from .output import RasterOutput
from .scene import Scene

_TENSORS = "Tensor means, Tensor quats, Tensor scales, Tensor opacities, Tensor colors, Tensor extra, Tensor viewmats, "
_TENSORS += "Tensor Ks, Tensor? backgrounds"
_SETTINGS = "SymInt width, SymInt height, float near_plane, float far_plane, float eps2d"


class _Owner(np.ndarray):
    """One byte of memory that owns a plan."""

    plan: Any


_owners: weakref.WeakValueDictionary[int, _Owner] = weakref.WeakValueDictionary()


def _tensor_of(plan: Any) -> Tensor:
    owner = np.zeros(1, np.uint8).view(_Owner)
    owner.plan = plan
    _owners[owner.ctypes.data] = owner
    return torch.from_numpy(owner)


def _plan_of(tensor: Tensor) -> Any:
    owner = _owners.get(tensor.data_ptr())
    return None if owner is None else owner.plan


@torch.library.custom_op(
    "gaussian_head::rasterize",
    mutates_args=(),
    schema=f"({_TENSORS}, Tensor? probe, {_SETTINGS}, bool keep) -> "
    "(Tensor rgb, Tensor alpha, Tensor depth, Tensor extra_image, Tensor means2d, Tensor radii, Tensor plan)",
)
def _forward(*args: Any) -> tuple[Tensor, ...]:
    *tensors, backgrounds, _, width, height, near_plane, far_plane, eps2d, keep = args
    scene = _scene(tensors, backgrounds, (width, height, near_plane, far_plane, eps2d))
    means2d = scene.means.new_empty((scene.viewmats.shape[0], scene.means.shape[0], 2))
    images, radii, plan = draw(scene, means2d, keep=keep)
    return (*images, means2d, radii, _tensor_of(plan) if keep else torch.empty(0, dtype=torch.uint8))


def _scene(tensors: Any, backgrounds: Tensor | None, settings: Any) -> Scene:
    background = None if backgrounds is None else backgrounds.contiguous()
    return Scene.of([tensor.contiguous() for tensor in tensors], background, settings)


@_forward.register_fake
def _(*args: Any) -> tuple[Tensor, ...]:
    means, colors, extra, viewmats, width, height, keep = (args[i] for i in (0, 4, 5, 6, 10, 11, 15))
    cameras, size = viewmats.shape[0], (viewmats.shape[0], height, width)
    return (
        means.new_empty((*size, colors.shape[-1])),
        means.new_empty(size),
        means.new_empty(size),
        means.new_empty((*size, extra.shape[1])),
        means.new_empty((cameras, means.shape[0], 2)),
        means.new_empty((cameras, means.shape[0]), dtype=torch.int32),
        torch.empty(int(keep), dtype=torch.uint8, device="cpu"),
    )


@torch.library.custom_op(
    "gaussian_head::rasterize_vjp",
    mutates_args=(),
    schema=f"(Tensor plan, {_TENSORS}, {_SETTINGS}, Tensor rgb, Tensor alpha, Tensor depth, Tensor extra_image, "
    "Tensor? v_rgb, Tensor? v_alpha, Tensor? v_depth, Tensor? v_extra_image, bool want_viewmats, "
    "bool want_backgrounds, bool want_absgrad) -> (Tensor v_means, Tensor v_quats, Tensor v_scales, "
    "Tensor v_opacities, Tensor v_colors, Tensor v_extra, Tensor v_means2d, Tensor v_viewmats, Tensor v_backgrounds, "
    "Tensor v_absgrad)",
)
def _backward(plan: Tensor, *args: Any) -> tuple[Tensor, ...]:
    scene = _scene(args[:8], args[8], args[9:14])
    images = Images(*(image.contiguous() for image in args[14:18]))
    kept = _plan_of(plan)
    if kept is None:
        means2d = scene.means.new_empty((scene.viewmats.shape[0], scene.means.shape[0], 2))
        images, _, kept = draw(scene, means2d, keep=True)
    wants = dict(zip(("want_viewmats", "want_backgrounds", "want_absgrad"), args[22:], strict=True))
    v = gradients(scene, kept, images, args[18:22], **wants)
    last = (scene.means.new_empty(0) if t is None else t for t in (v.viewmats, v.backgrounds, v.absgrad))
    return (*v[:6], v.means2d, *last)


@_backward.register_fake
def _(plan: Tensor, *args: Any) -> tuple[Tensor, ...]:
    means, viewmats, backgrounds = args[0], args[6], args[8]
    v_viewmats = viewmats.new_empty(viewmats.shape if args[22] else 0)
    v_backgrounds = backgrounds.new_empty(backgrounds.shape) if args[23] else means.new_empty(0)
    scene = [tensor.new_empty(tensor.shape) for tensor in args[:6]]
    screen = (viewmats.shape[0], means.shape[0], 2)
    return (*scene, means.new_empty(screen), v_viewmats, v_backgrounds, means.new_empty(screen if args[24] else 0))


def _setup_context(ctx: Any, inputs: tuple, output: tuple) -> None:
    *tensors, backgrounds, probe = inputs[:10]
    *images, means2d, radii, plan = output
    ctx.settings, ctx.probe_columns = inputs[10:15], 0 if probe is None else probe.shape[-1]
    ctx.save_for_backward(plan, *tensors, backgrounds, *images)
    ctx.mark_non_differentiable(means2d, radii, plan)
    ctx.set_materialize_grads(False)


def _vjp(ctx: Any, *v_outputs: Tensor | None) -> tuple[Any, ...]:
    plan, *saved = ctx.saved_tensors
    wants = ctx.needs_input_grad
    want_backgrounds = wants[8] and saved[8] is not None
    want_absgrad = ctx.probe_columns == 4
    v = _backward(plan, *saved[:9], *ctx.settings, *saved[9:], *v_outputs[:4], wants[6], want_backgrounds, want_absgrad)
    v_viewmats, v_backgrounds = v[7] if wants[6] else None, v[8] if want_backgrounds else None
    v_probe = torch.cat([v[6], v[9]], -1) if want_absgrad else v[6] if ctx.probe_columns else None
    return *v[:6], v_viewmats, None, v_backgrounds, v_probe, *[None] * 6


_forward.register_autograd(_vjp, setup_context=_setup_context)


def rasterize(scene: Scene) -> RasterOutput:
    """Render all cameras; as :func:`native.rasterize`, but nothing arrives in ``means2d.grad``: give a probe."""
    keep = torch.is_grad_enabled() and scene.needs_grad
    rgb, alpha, depth, extra, means2d, radii, _ = _forward(
        *scene.tensors, scene.backgrounds, scene.probe, *scene.settings, keep
    )
    return RasterOutput(rgb=rgb, alpha=alpha, depth=depth, extra=extra, means2d=means2d, radii=radii)
