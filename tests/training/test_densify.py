"""Growing and pruning, case by case."""

import torch

from gaussian_head.training.densify import choose_growth, split_rows


def test_transparent_rows_go_and_strongest_pull_is_copied():
    pull = torch.tensor([0.1, 0.9, 0.5, 2.0])
    opacities = torch.tensor([0.5, 0.5, 0.5, 0.001])
    growth = choose_growth(pull, opacities, share=0.5, room=10, min_opacity=0.02)
    assert growth.keep.tolist() == [0, 1, 2]
    assert growth.copy.tolist() == [1, 2]


def test_budget_holds_even_when_overfull():
    pull, opacities = torch.rand(100), torch.full((100,), 0.5)
    assert len(choose_growth(pull, opacities, share=0.5, room=7, min_opacity=0.02).copy) == 7
    assert len(choose_growth(pull, opacities, share=0.5, room=-5, min_opacity=0.02).copy) == 0


def test_never_seen_rows_are_not_copied():
    assert len(choose_growth(torch.zeros(10), torch.ones(10), share=1.0, room=10, min_opacity=0.0).copy) == 0


def test_children_lie_around_the_parent_and_keep_its_opacity():
    generator = torch.Generator().manual_seed(0)
    means, quats = torch.zeros(500, 3), torch.tensor([[1.0, 0, 0, 0]]).repeat(500, 1)
    scales = torch.log(torch.tensor([0.1, 0.01, 0.001])).repeat(500, 1)
    places, log_scales, logits = split_rows(means, quats, scales, torch.full((500,), 1.5), generator)
    torch.testing.assert_close(places.mean(0), means)
    spread = places[0].std(0)
    assert spread[0] > 5 * spread[1] > 25 * spread[2]
    assert (log_scales < scales).all()
    together = 1 - (1 - torch.sigmoid(logits)) ** 2
    torch.testing.assert_close(together, torch.sigmoid(torch.full((500,), 1.5)), atol=1e-5, rtol=0)
