"""Edits of motion and retargeting from another capture."""

from dataclasses import replace

import pytest
import torch
from motion_fixtures import wandering

from gaussian_head.checks import InputError
from gaussian_head.motion import retarget
from gaussian_head.motion.edit import (
    amplify,
    concatenate,
    follow,
    offset_controls,
    resample,
    set_controls,
    still_pose,
    typical_frame,
)


def test_units_and_gaze_are_set_and_offset_by_name():
    motion = wandering(20)
    before = motion.controls.clone()
    ramp = torch.linspace(0, 1, 20)
    assert torch.equal(set_controls(motion, {"jawOpen": 0.1}).control("jawOpen"), torch.full((20,), 0.1))
    changed = offset_controls(motion, {"browInnerUp": 0.2, "gaze_right": ramp})
    assert torch.allclose(changed.control("browInnerUp"), motion.control("browInnerUp") + 0.2)
    assert torch.allclose(changed.gaze[:, 0], motion.gaze[:, 0] + ramp)
    assert torch.equal(changed.gaze[:, 1], motion.gaze[:, 1])
    assert torch.equal(changed.residual, motion.residual)
    assert torch.equal(motion.controls, before)
    with pytest.raises(InputError, match="jawOpen"):
        set_controls(motion, {"jaw": 0.1})


def test_amplify_scales_all_that_moves_the_face():
    motion = wandering(10)
    twice = amplify(motion, 2.0)
    for name in ("units", "gaze"):
        assert torch.allclose(getattr(twice, name), 2 * getattr(motion, name))
    assert torch.equal(twice.residual, motion.residual)
    assert torch.allclose(amplify(motion, 0.5).residual, 0.5 * motion.residual)
    assert torch.equal(twice.head.quats, motion.head.quats)


def test_still_pose_holds_a_usual_frame():
    motion = wandering(50)
    still = still_pose(motion)
    assert still.head.quats.diff(dim=0).abs().max() == 0
    assert torch.equal(still.head.positions[3], motion.head.positions[typical_frame(motion)])
    assert torch.equal(still.controls, motion.controls)
    with pytest.raises(InputError):
        still_pose(motion, 50)


def test_resample_keeps_time():
    motion = wandering(100, fps=25.0)
    faster = resample(motion, 50.0)
    assert len(faster) == 200
    assert torch.allclose(faster.controls[::2], motion.controls, atol=1e-6)
    assert torch.allclose(resample(faster, 25.0).head.quats, motion.head.quats, atol=1e-5)
    assert len(resample(motion, 30.0, 7)) == 7


def test_concatenate_keeps_a_residual_of_one_face_only():
    motion = wandering(10)
    assert torch.equal(concatenate(motion, motion).residual[10:], motion.residual)
    assert concatenate(motion, replace(motion, basis_id="b")).residual.shape == (20, 0)
    assert concatenate(motion, motion.without_residual()).residual.shape == (20, 0)
    with pytest.raises(InputError, match="resample"):
        concatenate(motion, resample(motion, 30.0))


def test_follow_moves_as_the_leader_does():
    motion, leader = wandering(40, seed=1), wandering(40, seed=9)
    led = follow(motion, leader)
    wanted = leader.head.positions - leader.head.positions[typical_frame(leader)]
    got = led.head.positions - motion.head.positions[typical_frame(motion)]
    torch.testing.assert_close(got, wanted, atol=1e-6, rtol=0)
    still = follow(motion, leader, amount=0.0)
    assert still.head.quats.diff(dim=0).abs().max() < 1e-6


def test_retarget_copies_units_and_gaze_and_moves_from_the_targets_own_place():
    source, target = replace(wandering(200, seed=5), basis_id="a"), replace(wandering(300, seed=1), basis_id="b")
    result = retarget(source, target)
    assert torch.equal(result.controls, source.controls)
    assert result.residual.shape == (200, 0)
    rest, origin = (motion.head.positions[typical_frame(motion)] for motion in (target, source))
    torch.testing.assert_close(result.head.positions - rest, source.head.positions - origin, atol=1e-6, rtol=0)
    assert retarget(source, target, pose=False).head.positions.diff(dim=0).abs().max() < 1e-6


def test_retarget_to_oneself_changes_nothing():
    motion = replace(wandering(200), basis_id="a")
    again = retarget(motion, motion)
    assert torch.equal(again.residual, motion.residual)
    torch.testing.assert_close(again.head.positions, motion.head.positions, atol=1e-5, rtol=0)
