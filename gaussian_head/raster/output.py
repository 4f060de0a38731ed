"""What a rasterization returns."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ..described import described


@dataclass(frozen=True, kw_only=True, repr=False)
class RasterOutput:
    """Images of C cameras and what densification needs to know."""

    rgb: Tensor
    """``[C, H, W, D]`` blended colors, background included."""
    alpha: Tensor
    """``[C, H, W]`` accumulated opacity."""
    depth: Tensor
    """``[C, H, W]`` alpha-weighted sum of depths in metres, not normalised."""
    extra: Tensor
    """``[C, H, W, E]`` blended extra channels, without background."""
    means2d: Tensor
    """``[C, N, 2]`` screen positions in pixels, 0 where invisible. After a backward pass its ``.grad``
    holds the gradient to them, and ``.absgrad`` that without the pixels' signs where it was asked for; it is meant for
    reading, no gradient flows back through it."""
    radii: Tensor
    """``[C, N]`` int32 radius in pixels of the visible footprint, 0 where a Gaussian is not drawn."""

    def __repr__(self) -> str:
        return described(self)
