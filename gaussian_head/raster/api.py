"""The public rasterizer: checks its arguments, then hands them to a backend."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Literal

import torch
from torch import Tensor

from ..checks import InputError
from ..kernels import compiled, why_no_cuda
from ..sh import num_bases, sh_to_rgb
from . import antialiased, native
from .arguments import check, check_floats, check_probe, check_scene
from .constants import EPS2D
from .output import RasterOutput
from .probe import screen_of
from .scene import Scene

BACKENDS = ("reference", "cpu", "cuda", "gsplat")


@torch.compiler.assume_constant_result
def available_backends() -> tuple[str, ...]:
    """Backends that can run in this process, without starting any."""
    module = compiled()
    found = ["reference"]
    if module is not None:
        found.append("cpu")
    if torch.cuda.is_available():
        if why_no_cuda() is None:
            found.append("cuda")
        if _has_gsplat():
            found.append("gsplat")
    return tuple(found)


@cache
def _has_gsplat() -> bool:
    return importlib.util.find_spec("gsplat") is not None


def choose_backend(device: torch.device, dtype: torch.dtype) -> str:
    """The fastest backend for tensors of a device and dtype."""
    wanted = {"cpu": ("cpu",), "cuda": ("cuda", "gsplat")}.get(device.type, ())
    if dtype == torch.float32:
        for backend in wanted:
            if backend in available_backends():
                return backend
    return "reference"


def _check_backend(backend: str | None, means: Tensor) -> str:
    if backend is None:
        return choose_backend(means.device, means.dtype)
    if backend not in BACKENDS:
        raise InputError(f"backend {backend!r} is unknown; choose among {BACKENDS}.")
    if backend not in available_backends():
        reason = why_no_cuda() if backend == "cuda" else None
        because = f": {reason}" if reason else "."
        raise InputError(f"backend {backend!r} cannot run here; these can: {available_backends()}{because}")
    device = {"cpu": "cpu", "cuda": "cuda", "gsplat": "cuda"}.get(backend, means.device.type)
    if means.device.type != device:
        raise InputError(f"means is on {means.device}; backend {backend!r} wants tensors on {device}.")
    if backend != "reference" and means.dtype != torch.float32:
        raise InputError(f"means is {means.dtype}; backend {backend!r} wants float32 (only 'reference' takes float64).")
    return backend


def _evaluate_sh(colors: Tensor, means: Tensor, viewmats: Tensor, sh_degree: int) -> Tensor:
    """Colours ``[N, 3]``, or ``[C, N, 3]`` where several cameras or directions make them differ."""
    rotation, translation = viewmats[:, :3, :3], viewmats[:, :3, 3:]
    positions = -(rotation.transpose(-1, -2) @ translation).squeeze(-1)  # [C, 3]
    if sh_degree == 0:
        return sh_to_rgb(colors, means, 0)
    rgb = sh_to_rgb(colors, means - positions[:, None, :], sh_degree)
    return rgb[0] if rgb.shape[0] == 1 else rgb


def rasterize(
    means: Tensor,
    quats: Tensor | None,
    scales: Tensor | None,
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
    sh_degree: int | None = None,
    backgrounds: Tensor | None = None,
    extra: Tensor | None = None,
    probe: Tensor | None = None,
    covars: Tensor | None = None,
    absgrad: bool = False,
    rasterize_mode: Literal["classic", "antialiased"] = "classic",
    backend: str | None = None,
) -> RasterOutput:
    """Render N Gaussians as C cameras see them: colour, alpha, depth and extra channels in one pass.

    Differentiable in means, quats, scales, covars, opacities, colors, extra, viewmats and backgrounds. A
    Gaussian with a NaN or infinite parameter is not drawn. Results are the same bits on any number
    of CPU threads, which follow ``torch.get_num_threads()``. Inside ``torch.compile`` it is one
    operator of the graph; ``means2d.grad`` stays None there, so densification gives a ``probe``.

    Args:
        means: ``[N, 3]`` centres in the world, metres.
        quats: ``[N, 4]`` rotations, wxyz, normalised here; None where covars are given.
        scales: ``[N, 3]`` standard deviations along the axes, metres; None where covars are given.
        opacities: ``[N]`` in [0, 1].
        colors: ``[N, D]`` colours, or with ``sh_degree`` SH coefficients ``[N, B, 3]``, B >= (sh_degree + 1)².
        viewmats: ``[C, 4, 4]`` world to camera, OpenCV axes.
        Ks: ``[C, 3, 3]`` intrinsics in pixels; pixel centres at half integers.
        width: image width in pixels.
        height: image height in pixels.
        near_plane: Gaussians nearer than this many metres are not drawn.
        far_plane: nor are those farther than this.
        eps2d: variance in px² added to every splat as a low-pass filter.
        sh_degree: 0 to 3 if ``colors`` are SH coefficients, else None.
        backgrounds: ``[C, D]`` colour behind each image, or ``[C, H, W, D]`` a picture; None for black.
        extra: ``[N, E]`` channels blended like colour, but without background.
        probe: ``[C, N, 2]`` of any values, best zeros; its ``.grad`` receives the gradient to the screen
            positions, in px. None where ``means2d.grad`` of the result is enough. With ``[C, N, 4]`` the last two
            columns receive the sum of the pixels' own gradients, each without its sign: two pixels that pull a
            Gaussian apart cancel out in the first two (AbsGS; Ye et al., 2024).
        covars: ``[N, 3, 3]`` covariances in metres², positive semi-definite, in place of quats and scales; of one that
            is not symmetric the symmetric part counts. Thin Gaussians lose digits this way.
        absgrad: after a backward pass ``means2d.absgrad`` of the result holds ``[C, N, 2]`` what a probe's last two
            columns receive. On CUDA colors and extra may have 7 channels then.
        rasterize_mode: "classic", or "antialiased": what is smaller than the low-pass filter grows fainter instead of
            larger, so that a scene keeps its look from afar and at other sizes (Mip-Splatting). The factor is worked
            out by torch, camera by camera.
        backend: "reference", "cpu", "cuda" or "gsplat"; None picks the fastest that fits the tensors.

    Returns:
        RasterOutput.

    Raises:
        InputError: an argument has a wrong type, shape, dtype, device or value; the message names it.
    """
    N = check_floats(means).shape[0] if means.ndim else 0
    if sh_degree is not None:
        check("means", means, (N, 3), means)
        colors = check("colors", colors, (N, None, 3), means)
        if not 0 <= sh_degree <= 3 or colors.shape[1] < num_bases(sh_degree):
            raise InputError(
                f"colors has {colors.shape[1]} SH coefficients and sh_degree is {sh_degree}; "
                "a degree of 0 to 3 with at least (degree + 1)² coefficients was wanted."
            )
        colors = _evaluate_sh(colors, means, check("viewmats", viewmats, (None, 4, 4), means), sh_degree).contiguous()
    else:
        check("colors", colors, (N, None), means)
    gaussians = {"means": means, "quats": quats, "scales": scales, "covars": covars, "opacities": opacities}
    settings = (width, height, near_plane, far_plane, eps2d)
    scene = check_scene(gaussians, colors, extra, viewmats, Ks, backgrounds, settings, per_image=False)
    backend = _check_backend(backend, means)
    if rasterize_mode not in ("classic", "antialiased"):
        raise InputError(f"rasterize_mode is {rasterize_mode!r}; 'classic' or 'antialiased' was wanted.")
    lead, smooth = (len(scene.viewmats), N), rasterize_mode == "antialiased"
    own = (absgrad or smooth) and probe is None and torch.is_grad_enabled() and scene.needs_grad
    if own:
        probe = means.new_zeros(*lead, 4 if absgrad else 2).requires_grad_()
    if probe is not None:
        scene = replace(scene, probe=check_probe(probe, lead, means, absgrad=absgrad))
    draw = partial(draw_scene, backend=backend)
    out = antialiased.rasterize(scene, draw) if smooth else draw(scene)
    return replace(out, means2d=screen_of(probe, out.means2d)) if own and probe is not None else out


def draw_scene(scene: Scene, backend: str) -> RasterOutput:
    """Render a checked scene with a backend that can run; pictures behind it by torch where that has none."""
    plates = None
    if scene.backgrounds is not None and scene.backgrounds.ndim == 4 and backend not in ("cpu", "cuda"):
        plates, scene = scene.backgrounds, replace(scene, backgrounds=None)
    out = _backend(backend, scene.means)(scene)
    return out if plates is None else replace(out, rgb=out.rgb + (1 - out.alpha[..., None]) * plates)


def _backend(name: str, means: Tensor) -> Callable[[Scene], RasterOutput]:
    """The function that renders a scene; what a tracer must not look into goes through torch's own operator."""
    if name in ("cpu", "cuda"):
        if torch.compiler.is_compiling() or type(means) not in (Tensor, torch.nn.Parameter):
            from . import traced

            return traced.rasterize
        return native.rasterize
    if name == "gsplat":
        from . import gsplat_adapter

        return gsplat_adapter.rasterize
    from . import reference

    return reference.rasterize
