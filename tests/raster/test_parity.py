"""Every kernel against the float64 reference, quantity by quantity."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from raster_scenes import DIFFERENTIABLE, device_of, placed, random_scene
from torch import Tensor

from gaussian_head.raster import RasterOutput, rasterize

IMAGES = {"rgb": 1e-5, "alpha": 1e-5, "depth": 2e-5, "extra": 5e-5}
"""Largest absolute difference allowed per image; float32 against float64."""
RELATIVE_L2 = 5e-5
COSINE = 1 - 1e-7

VARIANTS = {
    "plain": {},
    "two cameras, extra": {"cameras": 2, "extra": 3},
    "one channel": {"channels": 1},
    "many channels": {"extra": 20},
    "opaque": {"max_opacity": 1.0, "seed": 3},
    "one tile": {"size": (16, 16), "num": 40},
    "thin image": {"size": (130, 3)},
}


@pytest.fixture(params=["base", "avx2", "avx512"])
def instruction_set(request: pytest.FixtureRequest, kernel: str) -> Iterator[str]:
    """Run on each compiled instruction set that this machine has."""
    from gaussian_head import _kernels

    if kernel != "cpu":
        if request.param != "base":
            pytest.skip("instruction sets are the CPU's")
        yield request.param
        return
    if request.param not in _kernels.instruction_sets():
        pytest.skip(f"this machine has no {request.param}")
    before = _kernels.instruction_set()
    _kernels.use_instruction_set(request.param)
    yield request.param
    _kernels.use_instruction_set(before)


def render_with_gradients(backend: str, dtype: torch.dtype, variant: dict) -> tuple[RasterOutput, dict[str, Tensor]]:
    scene = placed(random_scene(**variant, dtype=dtype), backend)
    for name in DIFFERENTIABLE:
        scene[name].requires_grad_()
    out = rasterize(**scene, backend=backend)
    rng = torch.Generator().manual_seed(7)
    loss = torch.zeros((), dtype=dtype, device=device_of(backend))
    for image in (out.rgb, out.alpha, out.depth, out.extra):
        loss = loss + (image * torch.randn(image.shape, generator=rng, dtype=torch.float64).to(image)).sum()
    loss.backward()
    return out, {name: scene[name].grad for name in DIFFERENTIABLE} | {"means2d": out.means2d.grad}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS.keys())
def test_images_and_gradients_match_the_reference(kernel: str, instruction_set: str, variant: dict) -> None:
    if kernel == "gsplat" and variant.get("extra", 0) > 8:
        pytest.skip("gsplat compiles channel counts one by one")
    want, want_grads = render_with_gradients("reference", torch.float64, variant)
    have, have_grads = render_with_gradients(kernel, torch.float32, variant)
    for name, tolerance in IMAGES.items():
        torch.testing.assert_close(getattr(have, name).cpu().double(), getattr(want, name), rtol=0, atol=tolerance)
    shown = torch.ones_like(want.radii, dtype=torch.bool)
    if kernel == "gsplat":  # it measures width and height apart, and so draws some that touch no pixel
        shown = (want.radii > 0) & (have.radii.cpu() > 0)
        assert shown.sum() > 0.8 * (want.radii > 0).sum()
    torch.testing.assert_close(have.means2d.cpu().double()[shown], want.means2d[shown], rtol=1e-5, atol=1e-4)
    assert (have.radii.cpu() - want.radii)[shown].abs().max() <= 1
    for name, grad in want_grads.items():
        if grad.numel() == 0:
            continue
        got = have_grads[name].cpu().double()
        relative = (got - grad).norm() / grad.norm()
        cosine = torch.cosine_similarity(got.flatten(), grad.flatten(), dim=0)
        assert relative < RELATIVE_L2, f"{name}: relative L2 {relative:.2e}"
        assert cosine > COSINE, f"{name}: cosine {cosine:.9f}"


def test_spherical_harmonics_match_the_reference(kernel: str) -> None:
    images, grads = [], []
    for backend, dtype in (("reference", torch.float64), (kernel, torch.float32)):
        scene = random_scene(cameras=2, dtype=dtype)
        rng = torch.Generator().manual_seed(1)
        scene["colors"] = (0.3 * torch.randn(300, 16, 3, generator=rng, dtype=torch.float64)).to(dtype)
        scene = placed(scene, backend)
        for name in ("means", "colors"):
            scene[name].requires_grad_()
        out = rasterize(**scene, sh_degree=3, backend=backend)
        out.rgb.square().sum().backward()
        images.append(out.rgb.cpu().double())
        grads.append((scene["means"].grad.cpu().double(), scene["colors"].grad.cpu().double()))
    torch.testing.assert_close(images[1], images[0], rtol=0, atol=1e-5)
    for have, want in zip(grads[1], grads[0], strict=True):
        assert (have - want).norm() / want.norm() < RELATIVE_L2


def test_thresholds_are_the_same_in_python_and_in_the_kernels() -> None:
    from gaussian_head.raster import constants

    kernels = pytest.importorskip("gaussian_head._kernels", reason="compiled kernels are not installed")
    for name in ("ALPHA_MAX", "ALPHA_MIN", "TRANSMITTANCE_MIN", "FRUSTUM_MARGIN", "CHANNEL_LIMIT"):
        assert getattr(kernels, name) == pytest.approx(getattr(constants, name), rel=1e-7), name
