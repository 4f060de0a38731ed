"""The compiled SH colours against the torch formula in double precision."""

from __future__ import annotations

import pytest
import torch

from gaussian_head import sh
from gaussian_head.kernels import compiled as kernels

pytestmark = pytest.mark.skipif(kernels() is None, reason="this installation has no compiled kernels")


def inputs(num: int, bases: int, cameras: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(num + bases)
    coefficients = torch.randn(num, bases, 3, generator=rng) * 0.5
    dirs = torch.randn(*cameras, num, 3, generator=rng) * 3
    return coefficients, dirs, torch.randn(dirs.shape, generator=rng)


def run(coefficients: torch.Tensor, dirs: torch.Tensor, v_rgb: torch.Tensor, degree: int) -> list[torch.Tensor]:
    leaves = [coefficients.clone().requires_grad_(), dirs.clone().requires_grad_()]
    rgb = sh.sh_to_rgb(leaves[0], leaves[1], degree)
    rgb.backward(v_rgb)
    return [rgb.detach(), *(leaf.grad for leaf in leaves)]  # type: ignore[list-item]


@pytest.mark.parametrize(("degree", "bases"), [(1, 4), (2, 9), (3, 16), (1, 16), (2, 16)])
@pytest.mark.parametrize("cameras", [(), (1,), (3,)])
@pytest.mark.parametrize("num", [1, 37, 2500])
def test_equals_torch(degree, bases, cameras, num):
    values = inputs(num, bases, cameras)
    fused = run(*values, degree)
    truth = run(*(x.double() for x in values), degree)
    for mine, theirs in zip(fused, truth, strict=True):
        assert mine.dtype == torch.float32
        assert mine.shape == theirs.shape
        torch.testing.assert_close(mine.double(), theirs, rtol=2e-5, atol=2e-5)


def test_same_bits_on_any_threads():
    values, before = inputs(5000, 16, (2,)), torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 4):
            torch.set_num_threads(threads)
            results.append(run(*values, 3))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_a_direction_of_length_zero_stays_finite():
    coefficients, _, v_rgb = inputs(8, 16, ())
    assert all(x.isfinite().all() for x in run(coefficients, torch.zeros(8, 3), v_rgb, 3))


def test_no_gaussians():
    assert sh.sh_to_rgb(torch.zeros(0, 4, 3), torch.zeros(0, 3), 1).shape == (0, 3)
