"""Paths through footage: the cheapest there is, without jumps where none are needed."""

import itertools

import numpy as np
import pytest
from support_head import make_motion

from gaussian_head.dubbing.coherent import best_path, retimed, runs, ways


def cost_of(path, unary, through) -> float:
    total = unary(0)[path[0]]
    for t, (a, b) in enumerate(itertools.pairwise(path), start=1):
        steps = through.costs[b][through.sources[b] == a]
        total += (steps.min() if len(steps) else np.inf) + unary(t)[b]
    return total


def test_the_path_is_the_cheapest_of_all():
    rng = np.random.default_rng(0)
    features, table = rng.random((5, 3)) * 3, rng.random((4, 5)) * 2
    through = ways(features, hold=0.3, jump=0.2)
    path = best_path(lambda t: table[t], 4, through)
    best = min(cost_of(p, lambda t: table[t], through) for p in itertools.product(range(5), repeat=4))
    assert cost_of(path, lambda t: table[t], through) == pytest.approx(best)


def test_footage_of_its_own_length_is_shown_as_it_is():
    motion = make_motion(60)
    assert np.array_equal(retimed(motion, np.zeros((60, 1)), 60), np.arange(60))


@pytest.mark.parametrize("length", [45, 90, 150])
def test_longer_and_shorter_words_are_shown_in_few_runs(length):
    motion = make_motion(60)
    path = retimed(motion, np.zeros((60, 1)), length)
    assert len(path) == length
    assert path[0] == 0
    assert path.min() >= 0
    assert path.max() < 60
    assert path.max() > 40
    steps = np.diff(path)
    assert (steps == 1).mean() > 0.6
    head = motion.head.quats.numpy()
    jumped = np.abs(head[path[1:]] - head[path[:-1]]).max()
    usual = np.abs(np.diff(head, axis=0)).max()
    assert jumped < 3 * usual, "a head leaps"


def test_runs():
    assert runs(np.array([0, 1, 2, 2, 7, 8])) == [(0, 3), (2, 1), (7, 2)]
