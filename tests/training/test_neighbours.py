"""What training adds to the motion is shared with neighbours, but not across lips that part."""

import torch

from gaussian_head.training.neighbours import drawn_to_neighbours, neighbours_of


def sheet(count: int = 400, seed: int = 0) -> torch.Tensor:
    points = torch.rand(count, 3, generator=torch.Generator().manual_seed(seed)) * 0.1
    points[:, 2] *= 0.01
    return points


def test_noise_between_neighbours_goes_and_what_they_share_stays():
    points = sheet()
    rows, weights = neighbours_of(points, torch.zeros(400, 3, 2))
    assert torch.allclose(weights.sum(1), torch.ones(400))
    assert not (rows == torch.arange(400)[:, None]).any()
    shared = 1e-3 * (points[:, :1] / 0.1).sin()
    noise = 1e-3 * torch.randn(400, 1, generator=torch.Generator().manual_seed(1))
    held = shared + noise
    for _ in range(10):
        held = drawn_to_neighbours(held, rows, weights, 0.2)
    assert (held - shared).std() < 0.5 * noise.std()
    kept = shared
    for _ in range(10):
        kept = drawn_to_neighbours(kept, rows, weights, 0.2)
    assert (kept - shared).abs().mean() < 0.1 * shared.std()
    assert torch.equal(drawn_to_neighbours(held, rows, weights, 0.0), held)


def test_lips_that_part_share_nothing():
    points, lower = sheet(), torch.arange(400) % 2 == 0
    anchor = torch.zeros(400, 3, 1)
    anchor[lower, 1, 0] = 0.01
    rows, weights = neighbours_of(points, anchor)
    other = lower[rows] != lower[:, None]
    assert other.float().mean() > 0.3
    mixed = (weights * other).sum(1)[~other.all(1)]
    assert mixed.max() < 0.01


def test_a_single_gaussian_is_its_own_neighbour():
    rows, weights = neighbours_of(torch.zeros(1, 3), torch.zeros(1, 3, 2))
    delta = torch.ones(1, 6)
    assert torch.equal(drawn_to_neighbours(delta, rows, weights, 0.5), delta)
