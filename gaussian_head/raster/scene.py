"""What one call renders, checked: the one argument that every backend takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Scene:
    """N Gaussians, C cameras and the settings of one call; tensors of one dtype on one device, contiguous.

    On CUDA the Gaussians may differ from image to image: means, quats, scales, opacities, colors and extra then have
    a leading C.
    """

    means: Tensor
    """``[N, 3]`` centres in the world, metres."""
    quats: Tensor
    """``[N, 4]`` rotations, wxyz, of any length; or ``[N, 6]`` covariances, xx, xy, xz, yy, yz, zz, metres²."""
    scales: Tensor
    """``[N, 3]`` standard deviations, metres; ``[N, 0]`` beside covariances."""
    opacities: Tensor
    """``[N]``."""
    colors: Tensor
    """``[N, D]``, or ``[C, N, D]`` where they differ between cameras."""
    extra: Tensor
    """``[N, E]`` channels without background; E may be 0."""
    viewmats: Tensor
    """``[C, 4, 4]`` world to camera."""
    Ks: Tensor
    """``[C, 3, 3]`` intrinsics in pixels."""
    backgrounds: Tensor | None
    """``[C, D]`` or pictures ``[C, H, W, D]``; None for black."""
    probe: Tensor | None
    """``[C, N, 2]`` takes the gradient to the screen positions, in two more columns that without sign; its values are
    not read."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    near_plane: float
    """Metres."""
    far_plane: float
    """Metres."""
    eps2d: float
    """Variance in px² added to every splat."""

    @classmethod
    def of(cls, tensors: Sequence[Tensor], backgrounds: Tensor | None, settings: Sequence[Any]) -> Scene:
        """The scene that ``tensors`` and ``settings`` were taken from; without a probe."""
        means, quats, scales, opacities, colors, extra, viewmats, Ks = tensors
        width, height, near_plane, far_plane, eps2d = settings
        return cls(
            means=means,
            quats=quats,
            scales=scales,
            opacities=opacities,
            colors=colors,
            extra=extra,
            viewmats=viewmats,
            Ks=Ks,
            backgrounds=backgrounds,
            probe=None,
            width=width,
            height=height,
            near_plane=near_plane,
            far_plane=far_plane,
            eps2d=eps2d,
        )

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The tensors that are always there, in the order of the fields."""
        return (
            self.means,
            self.quats,
            self.scales,
            self.opacities,
            self.colors,
            self.extra,
            self.viewmats,
            self.Ks,
        )

    @property
    def settings(self) -> tuple[int, int, float, float, float]:
        """The numbers, in the order of the fields."""
        return (self.width, self.height, self.near_plane, self.far_plane, self.eps2d)

    @property
    def needs_grad(self) -> bool:
        """Whether any tensor asks for a gradient."""
        differentiable = (*self.tensors[:7], self.backgrounds, self.probe)
        return any(tensor is not None and tensor.requires_grad for tensor in differentiable)
