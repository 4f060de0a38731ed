"""Opacities that make up for the low-pass filter, on every backend."""

from __future__ import annotations

import pytest
import torch
from raster_scenes import DIFFERENTIABLE, device_of, placed, random_scene

from gaussian_head import InputError
from gaussian_head.raster import rasterize


def drawn(scene: dict, backend: str, mode: str = "antialiased") -> tuple:
    scene = placed(scene, backend)
    leaves = {name: scene[name].clone().requires_grad_() for name in DIFFERENTIABLE}
    out = rasterize(**(scene | leaves), backend=backend, rasterize_mode=mode)
    rng = torch.Generator().manual_seed(9)
    images = (out.rgb, out.alpha, out.depth, out.extra)
    sum((x * torch.randn(x.shape, generator=rng).to(x)).sum() for x in images).backward()  # type: ignore[union-attr]
    return out, {name: leaf.grad for name, leaf in leaves.items()} | {"means2d": out.means2d.grad}


@pytest.mark.parametrize("cameras", [1, 2])
def test_kernel_equals_reference(kernel: str, cameras: int) -> None:
    scene = random_scene(200, cameras=cameras, extra=1, size=(61, 47))
    scene["scales"] = scene["scales"] * 0.3
    have, have_grads = drawn(scene, kernel)
    want, want_grads = drawn(scene, "reference")
    for name in ("rgb", "alpha", "depth", "extra"):
        a, b = getattr(have, name).cpu(), getattr(want, name)
        assert (a - b).norm() <= 1e-4 * b.norm() + 1e-6, name
    for name, grad in want_grads.items():
        assert (have_grads[name].cpu() - grad).norm() <= 2e-3 * grad.norm() + 1e-6, name


def test_the_gradient_is_that_of_finite_differences() -> None:
    scene = random_scene(5, size=(9, 8))
    scene = {name: value.double() if isinstance(value, torch.Tensor) else value for name, value in scene.items()}
    scene["scales"] = scene["scales"] * 0.3

    def image(scales: torch.Tensor, means: torch.Tensor) -> torch.Tensor:
        changed = scene | {"scales": scales, "means": means}
        return rasterize(**changed, backend="reference", rasterize_mode="antialiased").alpha

    leaves = [scene[name].clone().requires_grad_() for name in ("scales", "means")]
    assert torch.autograd.gradcheck(image, leaves, eps=1e-7, atol=1e-4, rtol=1e-3)


def test_what_is_smaller_than_a_pixel_keeps_its_light(backend: str) -> None:
    """From four times as far a speck covers a sixteenth: its light falls as much; the filter alone lets it shine."""
    light, device = {}, device_of(backend)
    for mode in ("classic", "antialiased"):
        for scale in (1.0, 0.25):
            out = rasterize(
                torch.tensor([[0.0, 0.0, 1.0]], device=device),
                torch.tensor([[1.0, 0, 0, 0]], device=device),
                torch.full((1, 3), 0.004, device=device),
                torch.tensor([0.9], device=device),
                torch.ones(1, 3, device=device),
                torch.eye(4, device=device)[None],
                torch.tensor([[[100.0 * scale, 0, 16.5], [0, 100.0 * scale, 16.5], [0, 0, 1]]], device=device),
                33,
                33,
                backend=backend,
                rasterize_mode=mode,
            )
            light[mode, scale] = float(out.rgb.sum())
    faded = light["antialiased", 0.25] / light["antialiased", 1.0]
    assert 0.03 < faded < 0.1  # a sixteenth, but for what the cut-off takes away
    assert light["classic", 0.25] / light["classic", 1.0] > 0.5


def test_large_splats_look_as_they_did(backend: str) -> None:
    scene = placed(random_scene(60, size=(40, 33)), backend)
    scene["scales"] = scene["scales"] * 20
    a, b = (rasterize(**scene, backend=backend, rasterize_mode=mode).rgb for mode in ("classic", "antialiased"))
    assert (a - b).abs().max() < 0.02


def test_a_mode_that_is_none_is_named(backend: str) -> None:
    with pytest.raises(InputError, match="rasterize_mode is 'smooth'"):
        rasterize(**placed(random_scene(3), backend), backend=backend, rasterize_mode="smooth")
