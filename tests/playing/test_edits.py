"""Sliders on motion: identity at rest, named channels only, bounded, and the head turns the way it says."""

import pytest
import torch
from support_head import make_actor

from gaussian_head.motion import CONTROLS
from gaussian_head.playing.edits import Edits, MeanPose, edited
from gaussian_head.transforms import quat_to_rotmat


@pytest.fixture(scope="module")
def actor():
    return make_actor(num_gaussians=200, size=32)


@pytest.fixture(scope="module")
def mean(actor):
    return MeanPose.of(actor.clip.motion)


def test_default_edits_change_nothing_that_the_head_has_shown(actor, mean):
    motion = actor.clip.motion
    result = edited(motion, Edits(), actor.clip, mean)
    torch.testing.assert_close(result.head.quats, motion.head.quats)
    torch.testing.assert_close(result.head.positions, motion.head.positions)
    torch.testing.assert_close(result.torso.quats, motion.torso.quats)
    torch.testing.assert_close(result.controls, motion.controls)


def test_a_slider_moves_its_unit_only(actor, mean):
    motion = actor.clip.motion
    before = motion.controls.clone()
    result = edited(motion, Edits(push={"jawOpen": 0.5, "gaze_down": 0.1, "no_such_unit": 9.0}), actor.clip, mean)
    moved = result.controls - before
    jaw, down = CONTROLS.index("jawOpen"), CONTROLS.index("gaze_down")
    torch.testing.assert_close(moved[:, jaw], torch.full((len(motion),), 0.5))
    torch.testing.assert_close(moved[:, down], torch.full((len(motion),), 0.1))
    assert float(moved[:, [k for k in range(54) if k not in (jaw, down)]].abs().max()) == 0
    assert torch.equal(result.residual, motion.residual)
    torch.testing.assert_close(motion.controls, before)


def test_what_the_head_is_given_stays_within_its_bounds(actor, mean):
    result = edited(actor.clip.motion, Edits(amplify=9.0, push=dict.fromkeys(CONTROLS, 5.0)), actor.clip, mean)
    code_map, residual = actor.head.code_map, actor.clip.motion.residual
    code, (low, high) = code_map.code(result) - residual, code_map.bounds
    assert bool(((code >= low - 1e-5) & (code <= high + 1e-5)).all())
    assert float(code.max()) == pytest.approx(float(high.max()))


@pytest.mark.parametrize(
    ("slider", "axis", "sign"), [("turn_deg", 0, 1), ("nod_deg", 1, -1)], ids=["turn to the right", "look up"]
)
def test_head_sliders_point_the_face_where_they_say(actor, mean, slider, axis, sign):
    result = edited(actor.clip.motion, Edits(still=True, **{slider: 20.0}), actor.clip, mean)
    facing = quat_to_rotmat(result.head.quats[0]) @ torch.tensor([0.0, 0.0, -1.0])
    facing_at_rest = quat_to_rotmat(mean.head.quats) @ torch.tensor([0.0, 0.0, -1.0])
    assert sign * float(facing[axis] - facing_at_rest[axis]) > 0.3
    torch.testing.assert_close(result.torso.quats[0], mean.torso.quats)


def test_still_holds_the_pose_and_keeps_the_speech(actor, mean):
    result = edited(actor.clip.motion, Edits(still=True), actor.clip, mean)
    assert float(result.head.quats.std(0).max()) < 1e-6
    assert float(result.head.positions.std(0).max()) < 1e-6
    assert float(result.torso.positions.std(0).max()) < 1e-6
    torch.testing.assert_close(result.controls, actor.clip.motion.controls)


def test_amplifying_scales_code_and_pose_about_the_mean(actor, mean):
    motion = actor.clip.motion
    statue = edited(motion, Edits(amplify=0.0), actor.clip, mean)
    assert float(statue.controls.abs().max() + statue.residual.abs().max()) == 0
    torch.testing.assert_close(statue.head.positions, mean.head.positions.expand_as(statue.head.positions))
    double = edited(motion, Edits(amplify=2.0), actor.clip, mean)
    torch.testing.assert_close(
        double.head.positions - mean.head.positions,
        2 * (motion.head.positions - mean.head.positions),
        atol=1e-6,
        rtol=1e-4,
    )
    angle = lambda q: 2 * torch.acos((q * mean.head.quats).sum(1).abs().clamp(max=1))  # noqa: E731
    t = int(angle(motion.head.quats).argmax())
    assert float(angle(double.head.quats)[t]) == pytest.approx(2 * float(angle(motion.head.quats)[t]), rel=1e-2)


def test_one_frame_is_edited_exactly_as_the_whole_clip(actor, mean):
    edits = Edits(turn_deg=10, push={"eyeBlinkLeft": 0.7}, amplify=1.4)
    whole = edited(actor.clip.motion, edits, actor.clip, mean).at(17)
    alone = edited(actor.clip.motion.select(slice(17, 18)), edits, actor.clip, mean).at(0)
    torch.testing.assert_close(whole.head.quats, alone.head.quats)
    torch.testing.assert_close(whole.units, alone.units)
