"""Loops without a jump, blinks with the right statistics, sway and gaze."""

from dataclasses import replace

import pytest
import torch
from motion_fixtures import wandering

from gaussian_head.checks import InputError
from gaussian_head.motion.idle import _state, blinks, gaze, loop_poses, plan_loop, sway


def largest_step(motion) -> float:
    return float(_state(motion).diff(dim=0).norm(dim=1).max())


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_loop_has_no_jump(seed):
    motion = wandering(400, seed=seed)
    looped = loop_poses(motion, 3000, seed)
    assert len(looped) == 3000
    assert largest_step(looped) <= largest_step(motion) * 1.01
    torch.testing.assert_close(looped.head.quats.norm(dim=1), torch.ones(3000), atol=1e-5, rtol=0)
    assert torch.equal(looped.head.positions[:200], motion.head.positions[:200])


def test_loop_plays_forward_and_varies():
    plan = plan_loop(wandering(500), 5000, seed=3)
    solid = plan.weight == 0
    forward = (plan.first.diff() == 1)[solid[:-1] & solid[1:]]
    assert forward.float().mean() > 0.99
    assert not torch.equal(plan.first, plan_loop(wandering(500), 5000, seed=4).first)
    assert torch.equal(plan.first, plan_loop(wandering(500), 5000, seed=3).first)


def test_clip_that_never_returns_plays_forth_and_back():
    motion = wandering(100)
    steady = torch.linspace(0, 1, 100)[:, None].expand(-1, 3)
    motion = replace(motion, head=replace(motion.head, positions=steady.contiguous()))
    looped = loop_poses(motion, 1000)
    assert largest_step(looped) <= largest_step(motion) * 1.01


@pytest.mark.parametrize("T", [1, 2, 7])
def test_very_short_clips_loop(T):
    looped = loop_poses(wandering(T), 50)
    assert len(looped) == 50
    assert looped.head.quats.isfinite().all()
    if T > 1:
        assert largest_step(looped) <= largest_step(wandering(T)) * 1.01


def test_loop_of_nothing_is_refused():
    with pytest.raises(InputError):
        loop_poses(wandering(5), 0)


@pytest.mark.parametrize("fps", [25.0, 30.0, 60.0])
def test_blinks_are_natural(fps):
    curve = blinks(int(3600 * fps), fps, seed=1)
    assert curve.min() == 0
    assert curve.max() == 1
    closed = curve > 0.01
    starts = (closed[1:] & ~closed[:-1]).nonzero().flatten()
    ends = (~closed[1:] & closed[:-1]).nonzero().flatten()
    intervals = starts.diff() / fps
    assert 3.2 < float(intervals.mean()) < 3.8
    assert float(intervals.log().std()) == pytest.approx(0.5, abs=0.08)
    first = min(len(starts), len(ends)) - 1
    pairs = [(s, ends[ends > s][0]) for s in starts[:first]]
    lengths = torch.tensor([float(e - s) for s, e in pairs]) / fps
    assert lengths.max() <= 0.25 + 1 / fps
    assert lengths.min() >= 0.15 - 2 / fps
    peaks = torch.tensor([float(curve[s : e + 1].argmax()) for s, e in pairs]) / fps
    assert (lengths - peaks).mean() > 1.2 * peaks.mean()
    assert all(curve[s : e + 1].max() == 1 for s, e in pairs)


def test_blinks_are_seeded():
    assert torch.equal(blinks(500, 25.0, 7), blinks(500, 25.0, 7))
    assert not torch.equal(blinks(500, 25.0, 7), blinks(500, 25.0, 8))
    assert blinks(0, 25.0).shape == (0,)


def test_sway_is_small_and_smooth_and_gaze_jumps():
    swaying = sway(1000, 25.0, 0, angle=0.02)
    assert swaying.abs().max() <= 0.02
    assert swaying.std(0).min() > 0.001
    assert swaying.diff(dim=0).abs().max() < 0.002
    points = gaze(1000, 25.0, 0)
    still = (points.diff(dim=0) == 0).all(1).float().mean()
    assert 0.95 < still < 1
