"""Frames of a head straight from its coefficients on a CUDA device: posed, coloured, projected and blended in one
batch, without its deformed Gaussians ever being written. ``rendering.drawing`` draws films with it; training goes
through ``fused``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..checks import InputError
from ..kernels import call, made
from ..raster.constants import EPS2D
from .branch import Branch
from .fused import kernel_branches, learnt


@dataclass(frozen=True, kw_only=True)
class HeadFrames:
    """F rendered frames."""

    rgb: Tensor
    """``[F, H, W, 3]``, blended with the background."""
    alpha: Tensor
    """``[F, H, W]``."""
    depth: Tensor
    """``[F, H, W]`` metres times alpha."""


@dataclass(frozen=True, kw_only=True)
class HeadRenderer:
    """Renders one head again and again into memory that it keeps.

    With ``pair_capacity`` the host never waits for the device, and ``render_into`` may be captured into a CUDA graph
    after one call outside of it (same sizes). Where a frame has more pairs (splat, tile) than that, the surplus is not
    drawn: compare ``needed_pairs`` with the capacity now and then. A graph uses this renderer's memory: keep both.
    """

    branches: tuple[Branch, ...]
    """Canonical Gaussians on one CUDA device, float32, of one SH degree, 0 or 1."""
    pair_capacity: int = 0
    """Pairs (splat, tile) of all frames of a call to make room for; 0 asks the device each time."""
    near_plane: float = 0.01
    """Gaussians nearer than this many metres are not drawn."""
    far_plane: float = 1e10
    """Nor are those farther than this."""
    plans: list[Any] = field(default_factory=list, init=False, repr=False, compare=False)
    """The kernels' memory, made at the first call."""

    def __post_init__(self) -> None:
        degrees = {branch.shN.shape[1] for branch in self.branches}
        if not self.branches or len(degrees) != 1 or degrees > {0, 3}:
            raise InputError(
                f"branches have {sorted(degrees)} higher SH coefficients; branches that all have 0 or all have 3 were "
                "wanted."
            )
        kinds = {(t.dtype, t.device) for branch in self.branches for t in branch.tensors().values()}
        if len(kinds) != 1 or next(iter(kinds))[0] != torch.float32:
            raise InputError(f"branches are {sorted(map(str, kinds))}; float32 on one device was wanted.")
        if self.pair_capacity < 0:
            raise InputError(f"pair_capacity is {self.pair_capacity}; 0 or a number of pairs was wanted.")

    def render(
        self,
        coefficients: Tensor,
        poses: Tensor,
        viewmats: Tensor,
        Ks: Tensor,
        width: int,
        height: int,
        *,
        backgrounds: Tensor | None = None,
    ) -> HeadFrames:
        """F frames, each with its own moment and camera.

        Args:
            coefficients: ``[F, K + E + 15]`` of the whole head.
            poses: ``[F, 14]`` head, then torso: quaternion wxyz and position in metres.
            viewmats: ``[F, 4, 4]`` world to camera.
            Ks: ``[F, 3, 3]`` intrinsics in pixels.
            width: pixels.
            height: pixels.
            backgrounds: ``[F, 3]``, or pictures ``[F, H, W, 3]``; None for black.
        """
        F = poses.shape[0]
        rgb = poses.new_empty(F, height, width, 3)
        frames = HeadFrames(rgb=rgb, alpha=poses.new_empty(rgb.shape[:3]), depth=poses.new_empty(rgb.shape[:3]))
        self.render_into(frames, coefficients, poses, viewmats, Ks, backgrounds=backgrounds)
        return frames

    def render_into(
        self,
        frames: HeadFrames,
        coefficients: Tensor,
        poses: Tensor,
        viewmats: Tensor,
        Ks: Tensor,
        *,
        backgrounds: Tensor | None = None,
    ) -> None:
        """``render`` into frames that are there; arguments as there."""
        F, H, W = frames.alpha.shape
        wanted = {"poses": (poses, (F, 14)), "viewmats": (viewmats, (F, 4, 4)), "Ks": (Ks, (F, 3, 3))}
        wanted |= {"rgb": (frames.rgb, (F, H, W, 3)), "depth": (frames.depth, (F, H, W))}
        for name, (tensor, shape) in wanted.items():
            _check(name, tensor, (shape,), self.branches[0].means)
        if backgrounds is not None:
            _check("backgrounds", backgrounds, ((F, 3), (F, H, W, 3)), self.branches[0].means)
        if coefficients.ndim != 2 or coefficients.shape[0] != F:
            raise InputError(f"coefficients has shape {list(coefficients.shape)}; [{F}, any] was wanted.")
        if not self.plans:
            self.plans.append(made("Plan", poses.device))
        call(
            "render_head",
            poses.device,
            self.plans[0],
            kernel_branches(self.branches, coefficients, learnt(self.branches, coefficients)),
            *(poses, viewmats, Ks, backgrounds, frames.rgb, frames.alpha, frames.depth),
            *(self.near_plane, self.far_plane, EPS2D, self.pair_capacity),
        )

    def needed_pairs(self) -> int:
        """Pairs (splat, tile) that the latest call had; waits for the device."""
        if not self.plans:
            raise InputError("nothing was rendered yet; call render first.")
        return self.plans[0].needed_pairs()


def _check(name: str, tensor: Tensor, shapes: Sequence[tuple[int, ...]], like: Tensor) -> None:
    if tuple(tensor.shape) not in shapes:
        raise InputError(f"{name} has shape {list(tensor.shape)}; {' or '.join(map(str, shapes))} was wanted.")
    if tensor.dtype != like.dtype or tensor.device != like.device or not tensor.is_contiguous():
        raise InputError(
            f"{name} is {tensor.dtype} on {tensor.device}, contiguous: {tensor.is_contiguous()}; "
            f"{like.dtype} on {like.device}, contiguous, was wanted."
        )
