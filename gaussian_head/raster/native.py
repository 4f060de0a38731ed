"""The compiled rasterizers, CPU and CUDA, as one differentiable torch function."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..kernels import call, made
from .output import RasterOutput
from .room import Room
from .scene import Scene


class Images(NamedTuple):
    """What the kernels draw."""

    rgb: Tensor  # [C, H, W, D]
    alpha: Tensor  # [C, H, W]
    depth: Tensor  # [C, H, W]
    extra: Tensor  # [C, H, W, E]


class Gradients(NamedTuple):
    """What the kernels give back for a scene."""

    means: Tensor
    quats: Tensor
    scales: Tensor
    opacities: Tensor
    colors: Tensor
    extra: Tensor
    means2d: Tensor  # [C, N, 2]
    viewmats: Tensor | None
    backgrounds: Tensor | None
    absgrad: Tensor | None  # [C, N, 2]

    def probe(self) -> Tensor:
        """What a probe takes ``[C, N, 2]``, or ``[C, N, 4]``."""
        return self.means2d.clone() if self.absgrad is None else torch.cat([self.means2d, self.absgrad], -1)


def kernel_scene(scene: Scene) -> Any:
    """The scene as the kernels take it: the same memory."""
    return made("Scene", scene.means.device, *scene.tensors, scene.backgrounds, *scene.settings)


def draw(scene: Scene, means2d: Tensor, *, keep: bool, room: Room | None = None) -> tuple[Images, Tensor, Any]:
    """Render; fills ``means2d [C, N, 2]``, returns the images, radii and the plan that ``gradients`` needs if kept.

    On CUDA the Gaussians may differ from image to image, ``[C, N, …]`` throughout, and a room may hold the plan.
    """
    means, cameras = scene.means, scene.viewmats.shape[0]
    size = (cameras, scene.height, scene.width)
    images = Images(
        means.new_empty((*size, scene.colors.shape[-1])),
        means.new_empty(size),
        means.new_empty(size),
        means.new_empty((*size, scene.extra.shape[-1])),
    )
    radii = means.new_empty((cameras, means.shape[-2]), dtype=torch.int32)
    outputs = made("Outputs", means.device, *images)
    drawn = (kernel_scene(scene), outputs, means2d, radii)
    plan = call("forward", means.device, *drawn, keep) if room is None else room.draw(means.device, *drawn)
    return images, radii, plan


def gradients(
    scene: Scene,
    plan: Any,
    images: Images,
    cotangents: tuple[Tensor | None, ...],
    *,
    want_viewmats: bool,
    want_backgrounds: bool,
    want_absgrad: bool,
) -> Gradients:
    """The VJP of ``draw``; ``cotangents`` stand in the order of the images, None for zero."""
    means, colors, backgrounds = scene.means, scene.colors, scene.backgrounds
    screen = (scene.viewmats.shape[0], means.shape[-2], 2)
    out = Gradients(
        means=torch.empty_like(means),
        quats=torch.empty_like(scene.quats),
        scales=torch.empty_like(scene.scales),
        opacities=torch.empty_like(scene.opacities),
        colors=torch.zeros_like(colors) if colors.ndim == 3 else torch.empty_like(colors),
        extra=torch.empty_like(scene.extra),
        means2d=means.new_empty(screen),
        absgrad=means.new_empty(screen) if want_absgrad else None,
        viewmats=torch.zeros_like(scene.viewmats) if want_viewmats else None,
        backgrounds=torch.zeros_like(backgrounds) if want_backgrounds and backgrounds is not None else None,
    )
    device, held = means.device, [None if v is None else v.contiguous() for v in cotangents]
    parts = (("Outputs", images), ("Cotangents", held), ("Gradients", out))
    call("backward", device, plan, kernel_scene(scene), *(made(n, device, *v) for n, v in parts))
    return out


class _Rasterize(torch.autograd.Function):
    """Rendering with its gradient; ``screen`` [C, N, 2] is filled with positions and takes their gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        settings: Any,
        screen: Tensor,
        probe: Tensor | None,
        backgrounds: Tensor | None,
        room: Room | None,
        *tensors: Tensor,
    ) -> Any:
        scene = Scene.of(tensors, backgrounds, settings)
        images, radii, ctx.plan = draw(scene, screen, keep=True, room=room)
        ctx.room, ctx.turn = room, 0 if room is None else room.turn
        ctx.settings, ctx.probe_columns = settings, 0 if probe is None else probe.shape[-1]
        ctx.save_for_backward(backgrounds, *tensors, *images)
        ctx.mark_non_differentiable(radii)
        ctx.set_materialize_grads(False)
        return (*images, radii)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *v_outputs: Tensor | None) -> Any:
        if ctx.room is not None and ctx.room.turn != ctx.turn:
            raise RuntimeError("the room was drawn into again before the backward pass of this rendering.")
        backgrounds, *saved = ctx.saved_tensors
        scene = Scene.of(saved[:8], backgrounds, ctx.settings)
        wants = ctx.needs_input_grad
        v = gradients(
            scene,
            ctx.plan,
            Images(*saved[8:]),
            v_outputs[:4],
            want_viewmats=wants[11],
            want_backgrounds=wants[3],
            want_absgrad=ctx.probe_columns == 4 and wants[2],
        )
        v_probe = v.probe() if wants[2] else None
        return None, v.means2d, v_probe, v.backgrounds, None, *v[:6], v.viewmats, None


def rasterize(scene: Scene, room: Room | None = None) -> RasterOutput:
    """Render all cameras where the tensors are; float32. A room is for CUDA only."""
    screen = scene.means.new_empty((scene.viewmats.shape[0], scene.means.shape[-2], 2))
    if torch.is_grad_enabled() and scene.needs_grad:
        screen.requires_grad_()
        rgb, alpha, depth, extra, radii = _Rasterize.apply(  # pyright: ignore
            scene.settings, screen, scene.probe, scene.backgrounds, room, *scene.tensors
        )
    else:
        (rgb, alpha, depth, extra), radii, _ = draw(scene, screen, keep=False, room=room)
    return RasterOutput(rgb=rgb, alpha=alpha, depth=depth, extra=extra, means2d=screen, radii=radii)
