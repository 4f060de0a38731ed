"""Checks that all ways into the rasterizer share: each names the argument, what came and what was wanted."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..checks import InputError
from .constants import CHANNEL_LIMIT
from .scene import Scene

_OWN = {"means": (3,), "quats": (4,), "scales": (3,), "opacities": ()}
_UPPER = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


def check(name: str, tensor: Tensor | None, shape: tuple[int | None, ...], like: Tensor) -> Tensor:
    """Check one argument against a shape (None: any size) and the means' dtype and device; make it contiguous."""
    if not isinstance(tensor, Tensor):
        raise InputError(f"{name} is a {type(tensor).__name__}; a torch tensor was wanted.")
    fits = tensor.ndim == len(shape) and all(
        want is None or want == have for want, have in zip(shape, tensor.shape, strict=False)
    )
    if not fits:
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise InputError(f"{name} has shape {list(tensor.shape)}; [{wanted}] was wanted.")
    if tensor.dtype != like.dtype:
        raise InputError(f"{name} is {tensor.dtype} but means is {like.dtype}; convert it with .to({like.dtype}).")
    if tensor.device != like.device:
        raise InputError(f"{name} is on {tensor.device} but means is on {like.device}; move it with .to().")
    return tensor.contiguous()


def check_scene(
    gaussians: dict[str, Tensor | None],
    colors: Tensor,
    extra: Tensor | None,
    viewmats: Tensor,
    Ks: Tensor,
    backgrounds: Tensor | None,
    settings: tuple[int, int, float, float, float],
    *,
    per_image: bool,
) -> Scene:
    """The scene of a call, every argument checked; colors ``[…, N, D]``, or with one set of Gaussians ``[C, N, D]``.

    Args:
        gaussians: means, quats, scales, covars and opacities, ``[N, …]`` or with ``per_image`` ``[C, N, …]``; where
            covars ``[…, N, 3, 3]`` are not None, quats and scales are not looked at.
        colors: as above.
        extra: ``[…, N, E]``.
        viewmats: ``[C, 4, 4]``.
        Ks: ``[C, 3, 3]``.
        backgrounds: ``[C, D]`` or ``[C, H, W, D]``.
        settings: width, height, near_plane, far_plane, eps2d.
        per_image: different Gaussians in every image.
    """
    means = check_floats(gaussians["means"])
    covars = gaussians["covars"]
    for name, matrix in (("viewmats", viewmats), ("Ks", Ks)):
        if getattr(matrix, "ndim", 0) == 2:
            raise InputError(f"{name} has shape {list(matrix.shape)}; one a camera was wanted: {name}[None].")
    C = viewmats.shape[0] if isinstance(viewmats, Tensor) and viewmats.ndim else 0
    N = means.shape[-2] if means.ndim > 1 else 0
    lead = (C, N) if per_image else (N,)
    given = ("means", "opacities") if covars is not None else tuple(_OWN)
    checked = {name: check(name, gaussians[name], (*lead, *_OWN[name]), means) for name in given}
    if covars is not None:
        checked["quats"] = _packed(check("covars", covars, (*lead, 3, 3), means))
        checked["scales"] = means.new_zeros(*lead, 0)
    viewmats = check("viewmats", viewmats, (C, 4, 4), means)
    if C == 0:
        raise InputError("viewmats has no camera; at least one was wanted.")
    Ks = check_intrinsics(check("Ks", Ks, (C, 3, 3), means).detach())
    check_scalars(*settings)
    by_camera = not per_image and getattr(colors, "ndim", 0) == 3
    colors = check("colors", colors, (C, N, None) if by_camera else (*lead, None), means)
    extra = means.new_zeros(*lead, 0) if extra is None else check("extra", extra, (*lead, None), means)
    D, E = colors.shape[-1], extra.shape[-1]
    if backgrounds is not None:
        size = (settings[1], settings[0]) if getattr(backgrounds, "ndim", 0) == 4 else ()
        backgrounds = check("backgrounds", backgrounds, (C, *size, D), means)
    if D + E + 1 > CHANNEL_LIMIT:
        raise InputError(
            f"colors and extra have {D + E} channels; at most {CHANNEL_LIMIT - 1} were wanted: "
            "render them in several passes."
        )
    tensors = (*(checked[name] for name in _OWN), colors, extra, viewmats, Ks)
    return Scene.of(tensors, backgrounds, settings)


def _packed(covars: Tensor) -> Tensor:
    """The six different numbers ``[…, 6]`` of symmetric matrices ``[…, 3, 3]``, and of others their symmetric part."""
    return torch.stack([0.5 * (covars[..., i, j] + covars[..., j, i]) for i, j in _UPPER], -1)


def check_probe(probe: Tensor, lead: tuple[int, int], means: Tensor, *, absgrad: bool) -> Tensor:
    """The probe ``[C, N, 2]``, or ``[C, N, 4]`` where it may take absolute gradients, which ``absgrad`` demands."""
    columns = probe.shape[-1] if isinstance(probe, Tensor) and probe.ndim else 0
    return check("probe", probe, (*lead, 4 if absgrad or columns == 4 else 2), means)


def check_floats(means: Tensor | None) -> Tensor:
    """The means, if they are of a dtype that can be rendered."""
    if not isinstance(means, Tensor) or means.dtype not in (torch.float32, torch.float64):
        raise InputError(f"means is {getattr(means, 'dtype', type(means).__name__)}; a float32 tensor was wanted.")
    return means


def check_intrinsics(Ks: Tensor) -> Tensor:
    """The intrinsics ``[C, 3, 3]``, if they are those of pinhole cameras without skew; a tracer's are not looked at.

    Nor are those on a device, where looking would make the host wait: its kernels draw nothing through such a camera.
    """
    if torch.compiler.is_compiling() or type(Ks) is not Tensor or Ks.device.type != "cpu":
        return Ks
    for c, K in enumerate(Ks.tolist()):
        if any((K[0][1], K[1][0], K[2][0], K[2][1])) or K[2][2] != 1:
            raise InputError(
                f"Ks[{c}] is {K}; [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] was wanted: there is no skew, pixels are "
                "rectangles. Undo the skew in the pictures."
            )
    return Ks


def check_scalars(width: int, height: int, near_plane: float, far_plane: float, eps2d: float) -> None:
    """InputError unless the numbers of a call can be rendered with."""
    if width < 1 or height < 1 or width > 16384 or height > 16384:
        raise InputError(f"width, height are {width}, {height}; sizes of 1 to 16384 pixels were wanted.")
    if not 0 <= near_plane < far_plane:
        raise InputError(
            f"near_plane, far_plane are {near_plane}, {far_plane}; 0 <= near_plane < far_plane was wanted."
        )
    if not (eps2d >= 0 and math.isfinite(eps2d)):
        raise InputError(f"eps2d is {eps2d}; a finite number >= 0 was wanted.")
