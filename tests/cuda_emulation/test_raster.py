"""The CUDA rasterizer's own sources, on the emulated device, against the float64 reference."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import cuda_emulation_build
import pytest
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "raster"))
from raster_scenes import DIFFERENTIABLE, random_scene

from gaussian_head.raster import RasterOutput, rasterize

IMAGES = {"rgb": 1e-5, "alpha": 1e-5, "depth": 2e-5, "extra": 5e-5}
"""Largest absolute difference allowed per image; float32 against float64."""
RELATIVE_L2 = 5e-5

VARIANTS = {
    "plain": {},
    "two cameras, extra": {"cameras": 2, "extra": 3},
    "one channel": {"channels": 1},
    "nine channels": {"extra": 5},
    "many channels": {"extra": 20},
    "opaque": {"max_opacity": 1.0, "seed": 3},
    "several batches, finished early": {"size": (16, 16), "num": 700, "max_opacity": 1.0},
    "several batches, faint": {"size": (20, 18), "num": 700, "max_opacity": 0.05},
    "thin image": {"size": (130, 3)},
    "one Gaussian": {"num": 1},
}


def rendered(backend: str, scene: dict) -> tuple[RasterOutput, dict[str, Tensor | None]]:
    """The images and the gradients of a random weighting of them."""
    scene = {name: v.clone() if isinstance(v, Tensor) else v for name, v in scene.items()}
    for name in DIFFERENTIABLE:
        scene[name].requires_grad_()
    out = rasterize(**scene, backend=backend)
    rng = torch.Generator().manual_seed(7)
    images = (out.rgb, out.alpha, out.depth, out.extra)
    weights = [torch.randn(image.shape, generator=rng, dtype=torch.float64) for image in images]
    torch.autograd.backward(images, [w.to(image) for w, image in zip(weights, images, strict=True)])
    return out, {name: scene[name].grad for name in DIFFERENTIABLE} | {"means2d": out.means2d.grad}


def assert_same(scene: dict) -> None:
    """The kernels and the reference agree on a float64 scene."""
    single = {name: v.float() if isinstance(v, Tensor) else v for name, v in scene.items()}
    want, want_grads = rendered("reference", scene)
    have, have_grads = rendered("cpu", single)
    for name, tolerance in IMAGES.items():
        torch.testing.assert_close(getattr(have, name).double(), getattr(want, name), rtol=0, atol=tolerance)
    torch.testing.assert_close(have.means2d.double(), want.means2d, rtol=1e-5, atol=1e-4)
    assert (have.radii - want.radii).abs().max() <= 1
    for name, grad in want_grads.items():
        got = have_grads[name]
        if grad is None or grad.numel() == 0:
            continue
        assert got is not None, name
        assert (got.double() - grad).norm() <= RELATIVE_L2 * grad.norm() + 1e-12, name


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS.keys())
def test_images_and_gradients_match_the_reference(emulated: ModuleType, variant: dict) -> None:
    before = emulated.launches()
    assert_same(random_scene(**variant, dtype=torch.float64))
    assert emulated.launches() > before


def test_most_channels(emulated: ModuleType) -> None:
    assert_same(random_scene(40, channels=3, extra=124, size=(17, 16), dtype=torch.float64))


def test_no_gaussian_and_none_in_sight(emulated: ModuleType) -> None:
    for num in (0, 30):
        scene = random_scene(num)
        scene["means"][:, 2] *= -1
        out, grads = rendered("cpu", scene)
        assert torch.equal(out.rgb, scene["backgrounds"][:, None, None, :].expand_as(out.rgb))
        assert not out.alpha.any()
        assert not out.radii.any()
        for name in ("means", "colors", "viewmats", "means2d"):
            assert not grads[name].any(), name
        assert grads["backgrounds"].abs().min() > 0


def test_broken_gaussians_change_nothing(emulated: ModuleType) -> None:
    scene, bad = random_scene(60, extra=2), float("nan")
    whole, whole_grads = rendered("cpu", scene)
    more = {name: scene[name].clone() for name in ("means", "quats", "scales", "opacities", "colors", "extra")}
    broken = {name: value[:6].clone() for name, value in more.items()}
    broken["means"][0, 1], broken["quats"][1, 0], broken["scales"][2, 2] = bad, float("inf"), bad
    broken["opacities"][3], broken["colors"][4, 1], broken["extra"][5, 0] = bad, float("inf"), bad
    have, grads = rendered("cpu", scene | {name: torch.cat([more[name], broken[name]]) for name in more})
    for name in IMAGES:
        assert torch.equal(getattr(have, name), getattr(whole, name)), name
    for name in more:
        assert torch.equal(grads[name][:60], whole_grads[name]), name
        assert not grads[name][60:].any(), name


def test_colors_of_each_camera(emulated: ModuleType) -> None:
    results = []
    for backend, dtype in (("reference", torch.float64), ("cpu", torch.float32)):
        scene = random_scene(100, cameras=2, dtype=dtype)
        rng = torch.Generator().manual_seed(1)
        coefficients = (0.3 * torch.randn(100, 4, 3, generator=rng, dtype=torch.float64)).to(dtype).requires_grad_()
        scene["colors"] = coefficients
        out = rasterize(**scene, sh_degree=1, backend=backend)
        out.rgb.square().sum().backward()
        results.append((out.rgb.detach().double(), coefficients.grad.double()))
    torch.testing.assert_close(results[1][0], results[0][0], rtol=0, atol=1e-5)
    assert (results[1][1] - results[0][1]).norm() < RELATIVE_L2 * results[0][1].norm()


def test_the_same_bits_in_any_order_of_threads(device: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    from gaussian_head.kernels import _door

    monkeypatch.setattr(_door, "on", lambda _: cuda_emulation_build.StandIn(device))
    runs = []
    for order in (0, 1, 2, 3):
        device.use_order(order)
        out, grads = rendered("cpu", random_scene(200, cameras=2, extra=7, size=(40, 36)))
        runs.append([out.rgb, out.alpha, out.depth, out.extra, *grads.values()])
    device.use_order(0)
    for run in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(runs[0], run, strict=True))


def test_the_next_call_finds_its_memory_warm(emulated: ModuleType) -> None:
    scene = random_scene(200, extra=1)
    rendered("cpu", scene)
    count, held = emulated.allocations(), emulated.allocated()
    for _ in range(3):
        rendered("cpu", scene)
    assert emulated.allocations() == count
    assert emulated.allocated() == held
