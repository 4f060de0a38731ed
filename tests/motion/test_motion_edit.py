"""Edits of motion and retargeting from another capture."""

import pytest
import torch
from motion_fixtures import CHANNELS, wandering

from gaussian_head.checks import InputError
from gaussian_head.motion import retarget
from gaussian_head.motion.edit import (
    amplify,
    concatenate,
    follow,
    offset_channels,
    resample,
    scale_channels,
    set_channels,
    still_pose,
    typical_frame,
)


def test_named_channels_are_set_offset_and_scaled():
    motion = wandering(20)
    before = motion.expression.clone()
    assert torch.equal(set_channels(motion, {"jaw_open": 0.1}).channel("jaw_open"), torch.full((20,), 0.1))
    assert torch.allclose(offset_channels(motion, {"brow_up": 0.2}).channel("brow_up"), motion.channel("brow_up") + 0.2)
    ramp = torch.linspace(0, 1, 20)
    scaled = scale_channels(motion, {"gaze_x": ramp})
    assert torch.allclose(scaled.channel("gaze_x"), motion.channel("gaze_x") * ramp)
    assert torch.equal(scaled.channel("gaze_y"), motion.channel("gaze_y"))
    assert torch.equal(motion.expression, before)
    with pytest.raises(InputError, match="jaw_open"):
        set_channels(motion, {"jaw": 0.1})


def test_amplify_scales_all_or_lips():
    motion = wandering(10)
    assert torch.allclose(amplify(motion, 2.0).expression, 2 * motion.expression)
    lips = amplify(motion, 0.0, lips_only=True)
    assert lips.expression[:, motion.lip_mask].abs().max() == 0
    assert torch.equal(lips.expression[:, ~motion.lip_mask], motion.expression[:, ~motion.lip_mask])


def test_still_pose_holds_a_usual_frame():
    motion = wandering(50)
    still = still_pose(motion)
    assert still.head.quats.diff(dim=0).abs().max() == 0
    assert torch.equal(still.head.positions[3], motion.head.positions[typical_frame(motion)])
    assert torch.equal(still.expression, motion.expression)
    with pytest.raises(InputError):
        still_pose(motion, 50)


def test_resample_keeps_time():
    motion = wandering(100, fps=25.0)
    faster = resample(motion, 50.0)
    assert len(faster) == 200
    assert torch.allclose(faster.expression[::2], motion.expression, atol=1e-6)
    assert torch.allclose(resample(faster, 25.0).head.quats, motion.head.quats, atol=1e-5)
    assert len(resample(motion, 30.0, 7)) == 7


def test_concatenate_joins_only_alike():
    motion = wandering(10)
    assert len(concatenate(motion, motion)) == 20
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


def test_retarget_maps_ranges_and_fills_residuals():
    target = wandering(300, seed=1)
    target.expression[:, 8] = 3 * target.channel("jaw_open")
    source = wandering(200, seed=5, channels=CHANNELS[:9])
    source.expression[:, 0] *= 0.5
    result = retarget(source, target)
    assert len(result) == 200
    assert result.channels == target.channels
    span = torch.tensor([0.03, 0.97])
    torch.testing.assert_close(
        result.channel("jaw_open").quantile(span), target.channel("jaw_open").quantile(span), atol=5e-3, rtol=0
    )
    jaw = result.channel("jaw_open")
    assert torch.corrcoef(torch.stack([jaw, result.channel("lip_0")]))[0, 1] > 0.98
    assert torch.corrcoef(torch.stack([jaw, source.channel("jaw_open")]))[0, 1] > 0.999
    assert retarget(source, target, pose=False).head.positions.diff(dim=0).abs().max() < 1e-6
    with pytest.raises(InputError, match="share no channel"):
        retarget(wandering(9, channels=("lip_0",)), target)


def test_retarget_to_oneself_changes_little():
    motion = wandering(200)
    again = retarget(motion, motion)
    torch.testing.assert_close(again.expression[:, :8], motion.expression[:, :8], atol=1e-5, rtol=0)
    torch.testing.assert_close(again.head.positions, motion.head.positions, atol=1e-5, rtol=0)
