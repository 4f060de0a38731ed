"""Small scenes for the rasterizer's tests."""

from __future__ import annotations

import torch
from torch import Tensor


def random_scene(
    num: int = 300,
    *,
    seed: int = 0,
    cameras: int = 1,
    channels: int = 3,
    extra: int = 0,
    size: tuple[int, int] = (61, 47),
    max_opacity: float = 0.95,
    dtype: torch.dtype = torch.float32,
) -> dict[str, Tensor | int]:
    """Arguments for ``rasterize``: anisotropic Gaussians about one metre in front of slightly turned cameras."""
    rng = torch.Generator().manual_seed(seed)
    width, height = size

    def uniform(*shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        return low + (high - low) * torch.rand(*shape, generator=rng, dtype=torch.float64)

    means = torch.cat([uniform(num, 2, low=-0.35, high=0.35), uniform(num, 1, low=0.8, high=1.6)], dim=1)
    viewmats = torch.eye(4, dtype=torch.float64).repeat(cameras, 1, 1)
    for c in range(cameras):
        angle = torch.tensor(0.15 * c, dtype=torch.float64)
        viewmats[c, 0, 0] = viewmats[c, 2, 2] = angle.cos()
        viewmats[c, 0, 2], viewmats[c, 2, 0] = angle.sin(), -angle.sin()
        viewmats[c, :3, 3] = torch.tensor([-0.15 * c, 0.02 * c, 0.05 * c])
    K = torch.tensor([[1.6 * width, 0, width / 2], [0, 1.5 * width, height / 2], [0, 0, 1]], dtype=torch.float64)
    scene: dict[str, Tensor | int] = {
        "means": means,
        "quats": torch.randn(num, 4, generator=rng, dtype=torch.float64),
        "scales": uniform(num, 3, low=-5.5, high=-3.0).exp(),
        "opacities": uniform(num, low=0.02, high=max_opacity),
        "colors": uniform(num, channels),
        "viewmats": viewmats,
        "Ks": K.repeat(cameras, 1, 1),
        "backgrounds": uniform(cameras, channels),
        "extra": torch.randn(num, extra, generator=rng, dtype=torch.float64),
    }
    scene = {name: value.to(dtype) if isinstance(value, Tensor) else value for name, value in scene.items()}
    return scene | {"width": width, "height": height}


DIFFERENTIABLE = ("means", "quats", "scales", "opacities", "colors", "extra", "viewmats", "backgrounds")
