"""The data that crosses from a head to a renderer, and what comes back."""

from __future__ import annotations

import io
from dataclasses import dataclass

from torch import Tensor

from .described import described


@dataclass(frozen=True, kw_only=True, repr=False)
class Gaussians:
    """N Gaussians in the world, ready to rasterize: activations applied, colours evaluated."""

    means: Tensor
    """``[N, 3]`` centres, metres."""
    quats: Tensor
    """``[N, 4]`` rotations, wxyz; normalised by the rasterizer."""
    scales: Tensor
    """``[N, 3]`` standard deviations along the axes, metres (linear, not log)."""
    opacities: Tensor
    """``[N]`` in [0, 1]."""
    colors: Tensor
    """``[N, 3]`` RGB, or ``[N, B, 3]`` SH coefficients with B = (degree + 1)^2."""

    def __repr__(self) -> str:
        return described(self)

    def __len__(self) -> int:
        return self.means.shape[0]


@dataclass(frozen=True, kw_only=True, repr=False)
class Frame:
    """One rendered picture."""

    rgb: Tensor
    """``[H, W, 3]`` in [0, 1], background included."""
    alpha: Tensor
    """``[H, W]`` accumulated opacity."""
    depth: Tensor
    """``[H, W]`` expected depth, metres, 0 where nothing is hit."""
    extra: Tensor
    """``[H, W, D]`` extra channels, D may be 0."""

    def __repr__(self) -> str:
        return described(self)

    def cpu(self) -> Frame:
        """The same picture in the CPU's memory."""
        return Frame(rgb=self.rgb.cpu(), alpha=self.alpha.cpu(), depth=self.depth.cpu(), extra=self.extra.cpu())

    def _repr_png_(self) -> bytes:
        """The picture itself, where a notebook shows the value of a cell."""
        from PIL import Image

        out = io.BytesIO()
        Image.fromarray((self.rgb.detach().cpu() * 255 + 0.5).clamp(0, 255).byte().numpy()).save(out, "PNG")
        return out.getvalue()
