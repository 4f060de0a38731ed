"""The reference itself: its gradients against finite differences, one pixel by hand."""

from __future__ import annotations

import math

import pytest
import torch
from raster_scenes import DIFFERENTIABLE, device_of, random_scene

from gaussian_head.raster import rasterize
from gaussian_head.sh import basis, rgb_to_sh, sh_to_rgb

K = torch.tensor([[[100.0, 0, 8], [0, 100, 8], [0, 0, 1]]])


def test_gradients_pass_gradcheck() -> None:
    scene = random_scene(4, extra=1, channels=2, size=(9, 7), max_opacity=0.6, dtype=torch.float64)
    scene["scales"] = scene["scales"] * 2
    names = [name for name in DIFFERENTIABLE if name != "opacities"]

    def render(opacities: torch.Tensor, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        out = rasterize(
            **{**scene, "opacities": opacities, **dict(zip(names, tensors, strict=True))}, backend="reference"
        )
        return out.rgb, out.alpha, out.depth, out.extra

    inputs = [scene["opacities"], *(scene[name] for name in names)]
    for tensor in inputs:
        tensor.requires_grad_()
    assert torch.autograd.gradcheck(render, inputs, eps=1e-7, atol=1e-4, rtol=1e-3, nondet_tol=0)


def test_one_gaussian_seen_head_on(backend: str) -> None:
    """An isotropic Gaussian at the optical axis: alpha is opacity exp(-r²/2σ²) with σ² = (f s/z)² + 0.3."""
    device = device_of(backend)
    out = rasterize(
        torch.tensor([[0.0, 0, 2]], device=device),
        torch.tensor([[1.0, 0, 0, 0]], device=device),
        torch.full((1, 3), 0.05, device=device),
        torch.tensor([0.8], device=device),
        torch.tensor([[0.2, 0.5, 1.0]], device=device),
        torch.eye(4, device=device)[None],
        K.to(device),
        16,
        16,
        backend=backend,
    )
    variance = (100 * 0.05 / 2) ** 2 + 0.3
    alpha = 0.8 * math.exp(-0.5 * (0.5**2 + 2.5**2) / variance)
    assert out.alpha[0, 7, 10].item() == pytest.approx(alpha, rel=1e-5)
    assert out.depth[0, 7, 10].item() == pytest.approx(2 * alpha, rel=1e-5)
    torch.testing.assert_close(out.rgb[0, 7, 10].cpu(), alpha * torch.tensor([0.2, 0.5, 1.0]), rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(out.means2d[0, 0].cpu(), torch.tensor([8.0, 8.0]))


def test_sh_basis_is_orthonormal() -> None:
    """Mean of products over the sphere: 4π E[Y_i Y_j] = δ_ij, by a Fibonacci lattice."""
    n = 20_000
    i = torch.arange(n, dtype=torch.float64) + 0.5
    z, phi = 1 - 2 * i / n, math.pi * (1 + 5**0.5) * i
    dirs = torch.stack([(1 - z * z).sqrt() * phi.cos(), (1 - z * z).sqrt() * phi.sin(), z], -1)
    values = basis(dirs, 3)
    torch.testing.assert_close(
        4 * math.pi * values.T @ values / n, torch.eye(16, dtype=torch.float64), rtol=0, atol=2e-3
    )


def test_degree_zero_gives_the_colour_back() -> None:
    rgb = torch.rand(5, 3)
    torch.testing.assert_close(sh_to_rgb(rgb_to_sh(rgb)[:, None], torch.randn(5, 3), 0), rgb)


def test_sh_matches_gsplat() -> None:
    torch_impl = pytest.importorskip("gsplat.cuda._torch_impl", reason="gsplat is not installed")
    dirs, coefficients = torch.randn(50, 3), torch.randn(50, 16, 3)
    for degree in range(4):
        want = torch_impl._spherical_harmonics(degree, dirs, coefficients)
        torch.testing.assert_close(
            sh_to_rgb(coefficients, dirs, degree), (want + 0.5).clamp(min=0), rtol=1e-5, atol=1e-5
        )
