"""A picture behind the Gaussians instead of one colour."""

from __future__ import annotations

import pytest
import torch
from raster_scenes import DIFFERENTIABLE, placed, random_scene

from gaussian_head import InputError
from gaussian_head.raster import rasterize


def scene_with_plate(cameras: int = 2, channels: int = 3, size: tuple[int, int] = (61, 47)) -> dict:
    scene = random_scene(200, cameras=cameras, channels=channels, extra=1, size=size)
    width, height = size
    rng = torch.Generator().manual_seed(5)
    return scene | {"backgrounds": torch.rand(cameras, height, width, channels, generator=rng)}


def gradients(scene: dict, backend: str) -> list[torch.Tensor]:
    scene = placed(scene, backend)
    leaves = {name: scene[name].clone().requires_grad_() for name in DIFFERENTIABLE}
    out = rasterize(**(scene | leaves), backend=backend)
    rng = torch.Generator().manual_seed(9)
    images = (out.rgb, out.alpha, out.depth, out.extra)
    loss = sum((x * torch.randn(x.shape, generator=rng).to(x)).sum() for x in images)
    loss.backward()  # type: ignore[union-attr]
    return [out.rgb.detach().cpu(), *(leaf.grad.cpu() for leaf in leaves.values())]  # type: ignore[list-item]


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_kernel_equals_reference(kernel, channels):
    scene = scene_with_plate(channels=channels)
    for mine, truth in zip(gradients(scene, kernel), gradients(scene, "reference"), strict=True):
        assert mine.shape == truth.shape
        assert (mine - truth).norm() <= 1e-3 * truth.norm() + 1e-5


def test_plate_of_one_colour_equals_the_colour(backend):
    scene = random_scene(100, size=(40, 33))
    flat = scene["backgrounds"]
    plate = flat[:, None, None, :].expand(1, 33, 40, 3)  # type: ignore[index]
    scenes = (placed(scene | {"backgrounds": x}, backend) for x in (flat, plate))
    a, b = (rasterize(**one, backend=backend).rgb for one in scenes)
    torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


def test_empty_scene_shows_the_plate(backend):
    scene = scene_with_plate(cameras=1)
    out = rasterize(**placed(scene | {"opacities": torch.zeros(200)}, backend), backend=backend)
    torch.testing.assert_close(out.rgb.cpu(), scene["backgrounds"], rtol=0, atol=0)


def test_wrong_size_is_named(backend):
    scene = scene_with_plate(cameras=1)
    with pytest.raises(InputError, match="backgrounds has shape"):
        rasterize(**placed(scene | {"backgrounds": torch.zeros(1, 10, 10, 3)}, backend), backend=backend)
