"""Gradients one quantity at a time: the reference against finite differences, the kernels against the reference."""

from __future__ import annotations

import functools

import pytest
import torch
from raster_scenes import DIFFERENTIABLE, device_of, fixed_scene, placed, random_scene
from torch import Tensor

from gaussian_head.raster import RasterOutput, rasterize

IMAGES = ("rgb", "alpha", "depth", "extra")
RELATIVE_L2, COSINE = 2e-4, 1 - 1e-6
GAUSSIANS = 3000


def test_several_cameras_and_spherical_harmonics_pass_gradcheck() -> None:
    scene = random_scene(2, cameras=2, extra=1, size=(7, 5), max_opacity=0.6, dtype=torch.float64)
    scene["scales"] = scene["scales"] * 2
    scene["colors"] = 0.3 * torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)

    def render(*tensors: Tensor) -> tuple[Tensor, ...]:
        out = rasterize(**{**scene, **dict(zip(DIFFERENTIABLE, tensors, strict=True))}, sh_degree=1)
        return tuple(getattr(out, name) for name in IMAGES)

    inputs = [scene[name].requires_grad_() for name in DIFFERENTIABLE]
    assert torch.autograd.gradcheck(render, inputs, eps=1e-7, atol=1e-4, rtol=1e-3)


def test_a_picture_behind_passes_gradcheck() -> None:
    scene = random_scene(3, size=(6, 5), max_opacity=0.6, dtype=torch.float64)
    scene["scales"] = scene["scales"] * 2
    plate = torch.rand(1, 5, 6, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)

    def render(plate: Tensor, opacities: Tensor, means: Tensor) -> Tensor:
        return rasterize(**{**scene, "backgrounds": plate, "opacities": opacities, "means": means}).rgb

    inputs = [t.requires_grad_() for t in (plate, scene["opacities"], scene["means"])]
    assert torch.autograd.gradcheck(render, inputs, eps=1e-7, atol=1e-4, rtol=1e-3)


def test_screen_gradients_add_up_to_the_derivative_by_the_principal_point(backend: str) -> None:
    """Moving the principal point moves every screen position alike; measured by central differences in float64."""
    weights = torch.randn(1, 96, 96, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    weights = torch.nn.functional.avg_pool2d(weights.permute(0, 3, 1, 2), 7, 1, 3).permute(0, 2, 3, 1)

    def loss(scene: dict, backend: str) -> tuple[Tensor, RasterOutput]:
        out = rasterize(**scene, backend=backend)
        return (out.rgb * weights.to(out.rgb)).sum(), out

    scene = placed(fixed_scene(300), backend)
    scene["means"].requires_grad_()
    value, out = loss(scene, backend)
    value.backward()
    for axis in (0, 1):
        moved = []
        for step in (-1e-7, 1e-7):
            double = fixed_scene(300, dtype=torch.float64)
            double["Ks"][:, axis, 2] += step
            moved.append(loss(double, "reference")[0])
        slope = float(moved[1] - moved[0]) / 2e-7  # so near that no pixel crosses a cut-off
        assert float(out.means2d.grad[..., axis].sum()) == pytest.approx(slope, rel=1e-3)


def render(backend: str, dtype: torch.dtype) -> tuple[RasterOutput, dict[str, dict[str, Tensor]]]:
    """The head-like scene, and for each image alone the gradient of a random weighting of it."""
    scene = placed(fixed_scene(GAUSSIANS, dtype=dtype), backend)
    leaves = {name: scene[name].requires_grad_() for name in DIFFERENTIABLE}
    probe = torch.zeros(1, GAUSSIANS, 2, dtype=dtype, device=device_of(backend), requires_grad=True)
    out = rasterize(**scene, probe=probe, backend=backend)
    leaves["probe"] = probe
    rng = torch.Generator().manual_seed(7)
    grads = {}
    for name in IMAGES:
        image = getattr(out, name)
        v = torch.randn(image.shape, generator=rng, dtype=torch.float64).to(image)
        found = torch.autograd.grad(image, list(leaves.values()), v, retain_graph=True, allow_unused=True)
        grads[name] = {key: g.cpu().double() for key, g in zip(leaves, found, strict=True) if g is not None}
    return out, grads


reference = functools.cache(lambda: render("reference", torch.float64))


@pytest.fixture(params=["base", "avx2", "avx512"])
def rendered(request: pytest.FixtureRequest, kernel: str) -> tuple[RasterOutput, dict[str, dict[str, Tensor]]]:
    from gaussian_head import _kernels

    if kernel == "gsplat":
        pytest.skip("gsplat takes no gradient to a probe")
    if kernel == "cuda":
        if request.param != "base":
            pytest.skip("instruction sets are the CPU's")
        return render(kernel, torch.float32)
    if request.param not in _kernels.instruction_sets():
        pytest.skip(f"this machine has no {request.param}")
    before = _kernels.instruction_set()
    _kernels.use_instruction_set(request.param)
    try:
        return render(kernel, torch.float32)
    finally:
        _kernels.use_instruction_set(before)


def test_a_head_like_scene_matches_the_reference(rendered: tuple) -> None:
    (have, have_grads), (want, want_grads) = rendered, reference()
    for name in IMAGES:
        error = (getattr(have, name).detach().cpu().double() - getattr(want, name).detach()).abs()
        # Where rounding moves a contribution across a cut-off, one pixel may change by up to 1/255.
        assert error.max() < 5e-3, name
        assert error.mean() < 1e-6, name
        assert (error > 1e-4).double().mean() < 1e-3, name
    for image, grads in want_grads.items():
        for name, grad in grads.items():
            got = have_grads[image].get(name, torch.zeros_like(grad))
            if grad.norm() == 0:
                assert got.norm() == 0, f"{image} to {name}"
                continue
            relative = (got - grad).norm() / grad.norm()
            cosine = torch.cosine_similarity(got.flatten(), grad.flatten(), dim=0)
            assert relative < RELATIVE_L2, f"{image} to {name}: relative L2 {relative:.2e}"
            assert cosine > COSINE, f"{image} to {name}: cosine {cosine:.9f}"
