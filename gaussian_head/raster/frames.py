"""Different Gaussians in every image: a clip's frames as one batch, in one launch where the device allows it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..checks import InputError
from . import native
from .constants import CHANNEL_LIMIT, EPS2D
from .output import RasterOutput
from .scene import Scene

_SHAPES = {"means": (3,), "quats": (4,), "scales": (3,), "opacities": ()}


def rasterize_frames(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colors: Tensor,
    viewmats: Tensor,
    Ks: Tensor,
    width: int,
    height: int,
    *,
    near_plane: float = 0.01,
    far_plane: float = 1e10,
    eps2d: float = EPS2D,
    backgrounds: Tensor | None = None,
    extra: Tensor | None = None,
) -> RasterOutput:
    """Render F sets of N Gaussians, each as its own camera sees it. Differentiable, like ``rasterize``.

    On CUDA all frames are one batch; on the CPU they are rendered one after the other, each on all threads.

    Args:
        means: ``[F, N, 3]`` centres in the world, metres.
        quats: ``[F, N, 4]`` rotations, wxyz, normalised here.
        scales: ``[F, N, 3]`` standard deviations, metres.
        opacities: ``[F, N]`` in [0, 1].
        colors: ``[F, N, D]``.
        viewmats: ``[F, 4, 4]`` world to camera, OpenCV axes.
        Ks: ``[F, 3, 3]`` intrinsics in pixels.
        width: pixels.
        height: pixels.
        near_plane: Gaussians nearer than this many metres are not drawn.
        far_plane: nor are those farther than this.
        eps2d: variance in px² added to every splat.
        backgrounds: ``[F, D]``, or pictures ``[F, H, W, D]``; None for black.
        extra: ``[F, N, E]`` channels blended like colour, but without background.

    Raises:
        InputError: an argument has a wrong shape, dtype or device, or the compiled kernels are not installed.
    """
    if native.kernels() is None:
        raise InputError("the compiled kernels are not installed; build them, or render frame by frame.")
    F, N = (means.shape[0], means.shape[1]) if means.ndim == 3 else (0, 0)
    D = colors.shape[-1] if colors.ndim else 0
    extra = means.new_zeros(F, N, 0) if extra is None else extra
    E = extra.shape[-1] if extra.ndim else 0
    tensors = {"means": means, "quats": quats, "scales": scales, "opacities": opacities, "colors": colors}
    tensors |= {"extra": extra, "viewmats": viewmats, "Ks": Ks.detach()}
    shapes = {name: (F, N, *shape) for name, shape in _SHAPES.items()}
    shapes |= {"colors": (F, N, D), "extra": (F, N, E), "viewmats": (F, 4, 4), "Ks": (F, 3, 3)}
    if backgrounds is not None:
        tensors["backgrounds"] = backgrounds
        shapes["backgrounds"] = (F, height, width, D) if backgrounds.ndim == 4 else (F, D)
    for name, tensor in tensors.items():
        if tuple(tensor.shape) != shapes[name]:
            raise InputError(f"{name} has shape {list(tensor.shape)}; {list(shapes[name])} was wanted.")
        if tensor.dtype != torch.float32 or tensor.device != means.device:
            raise InputError(f"{name} is {tensor.dtype} on {tensor.device}; float32 on {means.device} was wanted.")
    if D + E + 1 > CHANNEL_LIMIT:
        raise InputError(f"colors and extra have {D + E} channels; at most {CHANNEL_LIMIT - 1} were wanted.")
    scene = Scene.of(
        [tensor.contiguous() for name, tensor in tensors.items() if name != "backgrounds"],
        None if backgrounds is None else backgrounds.contiguous(),
        (width, height, near_plane, far_plane, eps2d),
    )
    return _in_one_launch(scene) if means.is_cuda else _one_by_one(scene)


def _one_by_one(scene: Scene) -> RasterOutput:
    frames = []
    for f in range(scene.means.shape[0]):
        background = None if scene.backgrounds is None else scene.backgrounds[f : f + 1]
        tensors = [*(t[f] for t in scene.tensors[:6]), *(t[f : f + 1] for t in scene.tensors[6:])]
        frames.append(native.rasterize(Scene.of(tensors, background, scene.settings)))
    names = ("rgb", "alpha", "depth", "extra", "means2d", "radii")
    return RasterOutput(**{name: torch.cat([getattr(frame, name) for frame in frames]) for name in names})


def _in_one_launch(scene: Scene) -> RasterOutput:
    screen = scene.means.new_empty((*scene.means.shape[:2], 2))
    if torch.is_grad_enabled() and scene.needs_grad:
        screen.requires_grad_()
        outputs = _Frames.apply(scene.settings, screen, scene.backgrounds, *scene.tensors)
    else:
        outputs = _draw(scene, screen)[:5]
    rgb, alpha, depth, extra, radii = outputs  # pyright: ignore[reportGeneralTypeIssues]
    return RasterOutput(rgb=rgb, alpha=alpha, depth=depth, extra=extra, means2d=screen, radii=radii)


def _scene_for_kernels(scene: Scene) -> Any:
    view = native._view
    return native._backend(scene.means.device).Scene(
        *map(view, scene.tensors), view(scene.backgrounds), *scene.settings
    )


def _draw(scene: Scene, screen: Tensor) -> tuple[Any, ...]:
    means, view = scene.means, native._view
    size = (means.shape[0], scene.height, scene.width)
    channels = ((scene.colors.shape[-1],), (), (), (scene.extra.shape[-1],))
    images = [means.new_empty((*size, *own)) for own in channels]
    radii = means.new_empty(means.shape[:2], dtype=torch.int32)
    module = native._backend(means.device)
    outputs = module.Outputs(*map(view, images))
    lane = native._lane(means.device)
    plan = module.forward(_scene_for_kernels(scene), outputs, view(screen), view(radii), True, lane)
    return (*images, radii, plan)


class _Frames(torch.autograd.Function):
    """Inputs: settings, screen [F, N, 2], backgrounds, then the scene's tensors."""

    @staticmethod
    def forward(ctx: Any, settings: Any, screen: Tensor, backgrounds: Tensor | None, *tensors: Tensor) -> Any:
        *outputs, ctx.plan = _draw(Scene.of(tensors, backgrounds, settings), screen)
        ctx.settings = settings
        ctx.save_for_backward(backgrounds, *tensors, *outputs[:4])
        ctx.mark_non_differentiable(outputs[4])
        ctx.set_materialize_grads(False)
        return tuple(outputs)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *v_outputs: Tensor | None) -> Any:
        backgrounds, *saved = ctx.saved_tensors
        scene, view = Scene.of(saved[:8], backgrounds, ctx.settings), native._view
        device, wants = scene.means.device, ctx.needs_input_grad
        out = [torch.empty_like(tensor) for tensor in scene.tensors[:6]]
        v_screen = scene.means.new_empty((*scene.means.shape[:2], 2))
        v_viewmats = torch.empty_like(scene.viewmats) if wants[9] else None
        v_backgrounds = torch.empty_like(backgrounds) if wants[2] else None
        module = native._backend(device)
        cotangents = [None if v is None else v.contiguous() for v in v_outputs[:4]]
        module.backward(
            ctx.plan,
            _scene_for_kernels(scene),
            module.Outputs(*map(view, saved[8:])),
            module.Cotangents(*map(view, cotangents)),
            module.Gradients(*map(view, (*out, v_screen, v_viewmats, v_backgrounds))),
            native._lane(device),
        )
        return None, v_screen, v_backgrounds, *out, v_viewmats, None
