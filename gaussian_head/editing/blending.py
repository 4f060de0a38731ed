"""Blending as a linear map from the Gaussians' colours to pixels, its transpose, and least squares through it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..camera import Camera
from ..gaussians import Gaussians
from ..raster import rasterize_view

STEPS = 40
"""Of conjugate gradients, at most."""
CONVERGED = 1e-4
"""Share of the first residual at which they end."""


@dataclass(frozen=True, kw_only=True)
class Blend:
    """How N Gaussians make the pixels of one view: each pixel is the sum of colours times blend weights, and what is
    behind."""

    values: Tensor
    """``[N, 3]`` zeros that stand for colours, and carry the graph."""
    pixels: Tensor
    """``[H, W, 3]`` of these."""
    positions: Tensor
    """``[N, 2]`` screen positions in pixels."""
    visible: Tensor
    """``[N]`` bool, drawn at all."""

    @staticmethod
    def of(gaussians: Gaussians, camera: Camera) -> Blend:
        """The blend of a view."""
        values = torch.zeros(len(gaussians), 3, requires_grad=True)
        with torch.enable_grad():
            out = rasterize_view(gaussians, camera, extra=values)
            pixels = out.extra[0]
        return Blend(
            values=values,
            pixels=pixels,
            positions=out.means2d[0].detach(),
            visible=out.radii[0] > 0,
        )

    def gathered(self, pixels: Tensor) -> Tensor:
        """Transpose: for every Gaussian the sum over pixels ``[H, W, 3]`` of its weight times their value."""
        return torch.autograd.grad(self.pixels, self.values, pixels, retain_graph=True)[0]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What one view should gain."""

    gaussians: Gaussians
    """N of them, placed."""
    camera: Camera
    """The view."""
    blend: Blend
    """Of them in it."""
    change: Tensor
    """``[H, W, 3]`` colour to be added to its pixels."""
    weight: Tensor
    """``[H, W, 1]`` how much each pixel counts."""

    def normal(self, colours: Tensor) -> Tensor:
        """Transpose times weights times blend, of colours ``[N, 3]``."""
        shown = rasterize_view(self.gaussians, self.camera, extra=colours).extra[0]
        return self.blend.gathered(self.weight * shown)


@torch.no_grad()
def solve(wishes: Sequence[Wish], start: Tensor, rows: Tensor, hold: float) -> Tensor:
    """Colour changes ``[N, 3]`` that give the wishes in the least squares sense, held to ``start``.

    Minimises the weighted squares over all pixels plus ``hold`` times the squared distance from ``start``, by
    conjugate gradients; Gaussians outside ``rows`` stay unchanged.

    Args:
        wishes: views of the same N Gaussians.
        start: ``[N, 3]`` first guess.
        rows: ``[N]`` bool, those that may change.
        hold: weight of the guess, in pixels.
    """
    free = rows[:, None].to(start.dtype)

    def normal(colours: Tensor) -> Tensor:
        return free * (sum((wish.normal(colours) for wish in wishes), torch.zeros_like(colours)) + hold * colours)

    begin = free * start
    wanted = [wish.blend.gathered(wish.weight * wish.change) for wish in wishes]
    residual = free * (sum(wanted, hold * begin)) - normal(begin)
    found, direction, size = begin, residual, residual.square().sum()
    end = CONVERGED**2 * size
    for _ in range(STEPS):
        if size <= end or size == 0:
            break
        image = normal(direction)
        step = size / (direction * image).sum()
        found = found + step * direction
        residual = residual - step * image
        size, before = residual.square().sum(), size
        direction = residual + size / before * direction
    return found
