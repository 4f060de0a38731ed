"""Small scenes for the rasterizer's tests."""

from __future__ import annotations

import math

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


def device_of(backend: str | None) -> str:
    """Where a backend wants its tensors."""
    return "cuda" if backend in ("cuda", "gsplat") else "cpu"


def placed(scene: dict, backend: str | None) -> dict:
    """The scene where a backend wants it."""
    return {name: v.to(device_of(backend)) if isinstance(v, Tensor) else v for name, v in scene.items()}


DIFFERENTIABLE = ("means", "quats", "scales", "opacities", "colors", "extra", "viewmats", "backgrounds")


def fixed_scene(num: int = 1500, *, dtype: torch.dtype = torch.float32) -> dict[str, Tensor | int]:
    """A head-like ellipsoid over a slab of shoulders, of formulas alone: no generator that a release may change."""
    i = torch.arange(num, dtype=torch.float64)
    u, v, w = ((i * g) % 1.0 for g in (0.6180339887498949, 0.7548776662466927, 0.5698402909980532))
    z, turn = 1 - 2 * (i + 0.5) / num, 2 * math.pi * u
    ring = (1 - z * z).sqrt()
    head = torch.stack([0.075 * ring * turn.cos(), 0.11 * z, 0.095 * ring * turn.sin()], -1)
    slab = torch.stack([0.36 * u - 0.18, 0.12 + 0.1 * v, 0.12 * w - 0.06], -1)
    is_head = (i % 4 != 3)[:, None]
    means = torch.where(is_head, head, slab) + torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    spread = torch.stack([0.6 + v, 0.6 + w, 0.2 + 0.3 * u], -1)
    skin = torch.stack([0.75 + 0.2 * v, 0.55 + 0.2 * w, 0.45 + 0.2 * u], -1)
    cloth = torch.stack([0.1 + 0.2 * u, 0.2 + 0.2 * v, 0.4 + 0.3 * w], -1)
    size = 96
    scene: dict[str, Tensor] = {
        "means": means,
        "quats": torch.stack([u - 0.5, v - 0.5, w - 0.5, z], -1),
        "scales": 0.009 * spread,
        "opacities": 0.05 + 0.94 * w,
        "colors": torch.where(is_head, skin, cloth),
        "extra": torch.stack([v, w], -1),
        "viewmats": torch.eye(4, dtype=torch.float64)[None],
        "Ks": torch.tensor([[[240.0, 0, 48], [0, 240, 48], [0, 0, 1]]], dtype=torch.float64),
        "backgrounds": torch.tensor([[0.2, 0.25, 0.3]], dtype=torch.float64),
    }
    return {name: value.to(dtype) for name, value in scene.items()} | {"width": size, "height": size}
