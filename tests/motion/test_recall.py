"""Movement by memory: it repeats captured stretches without a jump, by how the sound goes, any length, by seed."""

from dataclasses import replace

import pytest
import torch
from motion_fixtures import wandering

from gaussian_head.checks import InputError
from gaussian_head.face import UNITS, is_mouth_unit
from gaussian_head.metrics.motion import pose_jitter
from gaussian_head.metrics.movement import movement_of
from gaussian_head.motion.learned import blinks_of, learned, own_blinks
from gaussian_head.motion.recall import Memory, plan_recall, recall
from gaussian_head.motion.recall_state import pose_track
from gaussian_head.speech.prosody import Prosody

FPS = 25.0


def sound(seed: int, T: int) -> Prosody:
    """Phrases of a second or two between pauses, stress at random."""
    g = torch.Generator().manual_seed(seed)
    speaking, t = torch.zeros(T, dtype=torch.bool), 0
    while t < T:
        length = int(torch.randint(25, 60, (), generator=g))
        speaking[t : t + length] = True
        t += length + int(torch.randint(10, 25, (), generator=g))
    stress = torch.zeros(T)
    stress[torch.randint(0, T, (T // 20,), generator=g)] = 1.0
    return Prosody(
        fps=FPS,
        energy=torch.where(speaking, torch.randn(T, generator=g) * 0.3, torch.tensor(-4.0)),
        pitch=torch.randn(T, generator=g),
        speaking=speaking,
        stress=stress * speaking,
    )


def memory(T: int = 600, seed: int = 0) -> Memory:
    return Memory(motion=wandering(T, FPS, seed), heard=sound(seed, T))


def test_any_length_and_the_same_for_the_same_seed():
    known = memory()
    for T in (1, 7, 400, 2000):
        plan = plan_recall(known, sound(5, T), 3)
        assert len(plan.first) == len(plan.second) == len(plan.weight) == T
        assert int(plan.second.max()) < len(known.motion)
        assert torch.equal(plan.second, plan_recall(known, sound(5, T), 3).second)
    assert not torch.equal(plan.second, plan_recall(known, sound(5, 2000), 4).second)


def test_a_sound_heard_before_brings_back_its_own_movement():
    known = memory()
    plan = plan_recall(known, known.heard, 0)
    assert float((plan.second - torch.arange(600)).abs().le(12).float().mean()) > 0.6
    other = plan_recall(known, sound(9, 600), 0)
    assert float((other.second - torch.arange(600)).abs().le(12).float().mean()) < 0.2


def test_joins_step_no_further_than_the_clip_and_sizes_are_the_persons():
    known = memory()
    moved = recall(known, sound(7, 1500), 1)
    ours, theirs = (pose_track(motion.head) for motion in (moved, known.motion))
    assert float(ours.diff(dim=0).norm(dim=1).max()) < 1.3 * float(theirs.diff(dim=0).norm(dim=1).max())
    jitter = [pose_jitter(m.head.quats, m.head.positions).degrees for m in (moved, known.motion)]
    assert jitter[0] < 1.1 * jitter[1]
    made, captured = movement_of(ours, FPS), movement_of(theirs, FPS)
    assert bool(((made.spread / captured.spread) - 1).abs().lt(0.35).all())
    assert bool(((made.speed / captured.speed) - 1).abs().lt(0.25).all())


def test_a_clip_of_a_second_is_looped_and_foreign_sounds_are_refused():
    short = memory(25)
    assert len(recall(short, sound(1, 200))) == 200
    with pytest.raises(InputError, match="the same moments"):
        Memory(motion=wandering(100), heard=sound(0, 90))


def blinking(T: int, every: int) -> Memory:
    known = memory(T)
    units = known.motion.units.clone()
    for name in ("eyeBlinkLeft", "eyeBlinkRight"):
        k = UNITS.index(name)
        units[:, k] = 0.05
        units[20::every, k] = 0.8
    return replace(known, motion=replace(known.motion, units=units))


def test_blinks_come_as_often_as_in_the_clip_and_most_after_speech():
    for every in (50, 200):
        known = blinking(1500, every)
        assert len(blinks_of(known.motion)) == len(range(20, 1500, every))
        said = sound(3, 15000)
        shut = torch.cat([(own_blinks(known, said, seed) > 0.99).nonzero()[:, 0] for seed in range(4, 10)])
        rate = (1500 / every + 2) / (60 + 7)  # two blinks in seven seconds are what people do usually
        assert len(shut) / 3600 == pytest.approx(rate, rel=0.15)
    ends = (said.speaking[:-1] & ~said.speaking[1:]).nonzero()[:, 0]
    near = (shut[:, None] - ends[None]).abs().min(1).values <= 10
    anywhere = (torch.arange(15000)[:, None] - ends[None]).abs().min(1).values <= 10
    assert float(near.float().mean()) > 1.15 * float(anywhere.float().mean())


def test_the_mouth_is_kept_and_all_else_is_remembered():
    known = blinking(600, 75)
    spoken = wandering(500, FPS, 40, private=0)
    moved = learned(spoken, known, sound(4, 500), torch.tensor([True, False, False]), seed=2)
    mouth = [k for k, name in enumerate(UNITS) if is_mouth_unit(name)]
    assert torch.equal(moved.units[:, mouth], spoken.units[:, mouth])
    assert not moved.residual[:, 0].any()
    assert moved.residual[:, 1:].any()
    assert bool((moved.units >= 0).all())
    assert bool((moved.units <= 1.2).all())
    assert float(moved.units[:, UNITS.index("eyeBlinkLeft")].max()) > 0.6
    still = learned(spoken, known, sound(4, 500), torch.tensor([True, False, False]), blink=False, seed=2)
    assert float(still.units[:, UNITS.index("eyeBlinkLeft")].max()) < 0.1
    assert torch.equal(still.head.quats, moved.head.quats)
