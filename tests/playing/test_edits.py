"""Sliders on motion: identity at rest, named channels only, bounded, and the head turns the way it says."""

import pytest
import torch
from support_head import CHANNELS, make_head

from gaussian_head.playing.edits import Edits, MeanPose, edited
from gaussian_head.transforms import quat_to_rotmat


@pytest.fixture(scope="module")
def head():
    return make_head(num_gaussians=200, size=32)


@pytest.fixture(scope="module")
def mean(head):
    return MeanPose.of(head.capture_motion)


def test_default_edits_change_nothing_that_the_head_has_shown(head, mean):
    motion = head.capture_motion
    result = edited(motion, Edits(), head, mean)
    torch.testing.assert_close(result.head.quats, motion.head.quats)
    torch.testing.assert_close(result.head.positions, motion.head.positions)
    torch.testing.assert_close(result.torso.quats, motion.torso.quats)
    torch.testing.assert_close(result.expression, motion.expression)


def test_a_slider_moves_its_channel_only_by_its_captured_range(head, mean):
    motion = head.capture_motion
    before = motion.expression.clone()
    result = edited(motion, Edits(push={"jaw_open": 0.5, "no_such_channel": 9.0}), head, mean)
    k = CHANNELS.index("jaw_open")
    span = float(head.channel_ranges[k, 1] - head.channel_ranges[k, 0])
    moved = result.expression - before
    torch.testing.assert_close(moved[:, k], torch.full((len(motion),), 0.5 * span))
    assert float(moved[:, [i for i in range(len(CHANNELS)) if i != k]].abs().max()) == 0
    torch.testing.assert_close(motion.expression, before)


def test_codes_stay_within_one_range_of_what_was_captured(head, mean):
    result = edited(head.capture_motion, Edits(amplify=2.0, push=dict.fromkeys(CHANNELS, 5.0)), head, mean)
    low, high = head.channel_ranges.unbind(1)
    assert bool((result.expression <= high + (high - low) + 1e-5).all())


@pytest.mark.parametrize(
    ("slider", "axis", "sign"), [("turn_deg", 0, 1), ("nod_deg", 1, -1)], ids=["turn to the right", "look up"]
)
def test_head_sliders_point_the_face_where_they_say(head, mean, slider, axis, sign):
    result = edited(head.capture_motion, Edits(still=True, **{slider: 20.0}), head, mean)
    facing = quat_to_rotmat(result.head.quats[0]) @ torch.tensor([0.0, 0.0, -1.0])
    facing_at_rest = quat_to_rotmat(mean.head.quats) @ torch.tensor([0.0, 0.0, -1.0])
    assert sign * float(facing[axis] - facing_at_rest[axis]) > 0.3
    torch.testing.assert_close(result.torso.quats[0], mean.torso.quats)


def test_still_holds_the_pose_and_keeps_the_speech(head, mean):
    result = edited(head.capture_motion, Edits(still=True), head, mean)
    assert float(result.head.quats.std(0).max()) < 1e-6
    assert float(result.head.positions.std(0).max()) < 1e-6
    assert float(result.torso.positions.std(0).max()) < 1e-6
    torch.testing.assert_close(result.expression, head.capture_motion.expression)


def test_amplifying_scales_code_and_pose_about_the_mean(head, mean):
    motion = head.capture_motion
    statue = edited(motion, Edits(amplify=0.0), head, mean)
    assert float(statue.expression.abs().max()) == 0
    torch.testing.assert_close(statue.head.positions, mean.head.positions.expand_as(statue.head.positions))
    double = edited(motion, Edits(amplify=2.0), head, mean)
    torch.testing.assert_close(
        double.head.positions - mean.head.positions,
        2 * (motion.head.positions - mean.head.positions),
        atol=1e-6,
        rtol=1e-4,
    )
    angle = lambda q: 2 * torch.acos((q * mean.head.quats).sum(1).abs().clamp(max=1))  # noqa: E731
    t = int(angle(motion.head.quats).argmax())
    assert float(angle(double.head.quats)[t]) == pytest.approx(2 * float(angle(motion.head.quats)[t]), rel=1e-2)


def test_one_frame_is_edited_exactly_as_the_whole_clip(head, mean):
    edits = Edits(turn_deg=10, push={"blink_l": 0.7}, amplify=1.4)
    whole = edited(head.capture_motion, edits, head, mean).at(17)
    alone = edited(head.capture_motion.select(slice(17, 18)), edits, head, mean).at(0)
    torch.testing.assert_close(whole.head.quats, alone.head.quats)
    torch.testing.assert_close(whole.expression, alone.expression)
