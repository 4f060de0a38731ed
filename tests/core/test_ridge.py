"""Ridge regression against its definition, and blocks of time left out."""

import pytest
import torch

from gaussian_head.ridge import explained_in_blocks, left_out, ridge, solve_normal


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_ridge_is_least_squares_with_rows_that_pull_to_zero():
    x, y, penalty = noise(40, 3), noise(40, 2, seed=1), torch.tensor([0.5, 0.0, 2.0], dtype=torch.float64)
    pull = torch.diag((40 * penalty).sqrt())
    expected = torch.linalg.lstsq(torch.cat([x, pull]), torch.cat([y, torch.zeros(3, 2, dtype=x.dtype)])).solution
    assert torch.allclose(ridge(x, y, penalty), expected)
    assert torch.allclose(solve_normal(x.T @ x, x.T @ y, 40 * penalty), expected)
    assert torch.equal(ridge(x, y, 0.5), ridge(x, y, torch.full((3,), 0.5, dtype=x.dtype)))


@pytest.mark.parametrize("gap", [0, 3])
def test_every_row_is_left_out_once_and_nothing_near_it_is_used(gap):
    times = torch.cat([torch.arange(20), torch.arange(24, 51)])
    seen = []
    for block, rest in left_out(times, 4, gap):
        seen += block.tolist()
        assert (times[rest][:, None] - times[block]).abs().min() == gap + 1
    assert seen == list(range(47))


def test_few_rows_are_no_trouble():
    assert list(left_out(torch.arange(1), 5)) == []
    assert list(left_out(torch.arange(0), 5)) == []
    assert len(list(left_out(torch.arange(3), 5))) == 3
    assert explained_in_blocks(noise(1, 2), noise(1, 1, seed=1), 0.1, 5) == 0


def test_what_goes_with_the_inputs_is_explained_and_noise_is_not():
    x = noise(200, 2)
    y = torch.stack([x[:, 0] - 2 * x[:, 1], noise(200, seed=2)], 1)
    explained = explained_in_blocks(x, y, 1e-6, 5)
    assert explained[0] > 0.999
    assert explained[1] < 0.05
