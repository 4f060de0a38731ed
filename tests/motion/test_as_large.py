"""Remembered movement gets the sizes and speeds of the clip; what does not move stays, and short takes stay small."""

from dataclasses import replace

import torch
from motion_fixtures import wandering

from gaussian_head.metrics.movement import movement_of
from gaussian_head.motion import Motion, Pose
from gaussian_head.motion.as_large import as_large
from gaussian_head.motion.recall_state import pose_track
from gaussian_head.transforms import quat_to_rotvec, rotvec_to_quat

FPS = 25.0


def times(motion: Motion, share: float) -> Motion:
    """``motion`` whose head moves ``share`` times as far."""
    turn = rotvec_to_quat(share * quat_to_rotvec(motion.head.quats))
    return replace(motion, head=Pose(quats=turn, positions=share * motion.head.positions))


def ratios(made: Motion, clip: Motion) -> tuple[torch.Tensor, torch.Tensor]:
    ours, theirs = (movement_of(pose_track(m.head), FPS) for m in (made, clip))
    return ours.spread / theirs.spread, ours.speed / theirs.speed


def test_sizes_and_speeds_become_the_clips():
    clip = wandering(600, FPS, 0)
    for share in (1.4, 0.75):
        wrong = times(wandering(600, FPS, 3), share)
        before = torch.cat(ratios(wrong, clip))
        after = torch.cat(ratios(as_large(wrong, clip), clip))
        assert float((before - 1).abs().max()) > 0.2
        assert float((after - 1).abs().max()) < 0.15


def test_what_is_right_stays_and_a_still_head_stays_still():
    clip = wandering(400, FPS, 0)
    again = as_large(clip, clip)
    assert torch.allclose(again.head.quats, clip.head.quats, atol=1e-5)
    assert torch.allclose(again.torso.positions, clip.torso.positions, atol=1e-6)
    still = replace(clip, head=clip.head[0].held(400), torso=clip.torso[0].held(400))
    assert torch.allclose(as_large(still, clip).head.quats, still.head.quats, atol=1e-6)
    assert len(as_large(clip[:1], clip)) == 1


def test_a_stretch_of_a_clip_may_be_smaller_or_larger_than_others():
    clip = wandering(600, FPS, 0)
    for start in (0, 100, 400):
        part = clip[start : start + 25]
        spread, speed = ratios(as_large(part, clip), part)
        assert float((torch.cat([spread, speed]) - 1).abs().max()) < 0.05
