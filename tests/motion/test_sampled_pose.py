"""Head movement drawn by chance: numbers people have in common, acts as tokens, the generator, and what it ships."""

from dataclasses import replace

import pytest
import torch
from motion_fixtures import wandering
from test_recall import FPS, sound

from gaussian_head.checks import InputError
from gaussian_head.motion.act_tokens import NAMES, act_tokens, captioned, mirrored_tokens, reach
from gaussian_head.motion.act_words import parse_acts
from gaussian_head.motion.acts import Act, acted_poses, perform
from gaussian_head.motion.edit import still_pose
from gaussian_head.motion.found_acts import find_acts
from gaussian_head.motion.own_track import CHANNELS, MIRRORED, OwnTrack
from gaussian_head.motion.pose_flow import KNOWN, RATE, WINDOW, PoseFlow, told_of, untold
from gaussian_head.motion.recall import Memory
from gaussian_head.motion.recall_state import SOUND, pose_track
from gaussian_head.motion.sampled_pose import sampled_pose

USUAL = torch.full((len(CHANNELS),), 0.01)


@pytest.fixture(scope="module")
def mover():
    return wandering(600, FPS, 5, private=0), sound(5, 600)


@pytest.fixture(scope="module")
def flow():
    return PoseFlow.load()


def test_a_motion_told_in_own_spreads_is_made_again(mover):
    motion, _ = mover
    own = OwnTrack.of(motion, USUAL)
    track = own.told(motion)
    assert float(track.mean(0).abs().max()) < 1e-4
    again = own.made(track, replace(motion, units=torch.zeros_like(motion.units)))
    assert torch.allclose(pose_track(again.head), pose_track(motion.head), atol=1e-5)
    assert torch.allclose(again.torso.positions, motion.torso.positions, atol=1e-5)
    assert torch.allclose(again.gaze, motion.gaze, atol=1e-5)


def test_a_short_clip_takes_over_what_is_usual(mover):
    motion, _ = mover
    whole, part = (OwnTrack.of(m, 100 * USUAL).spread for m in (motion, motion.select(slice(0, 25))))
    assert bool((part > 1.5 * whole).all())


@pytest.mark.parametrize(("kind", "channel", "sign"), [("nod", "head_pitch", 1), ("turn", "head_yaw", -1)])
def test_an_act_reaches_along_its_own_axis(mover, kind, channel, sign):
    own = OwnTrack.of(mover[0], USUAL)
    far = reach(Act(kind=kind, side="left" if kind == "turn" else ""), own)
    turns = far[:3] * own.spread[:3]
    assert int(turns.abs().argmax()) == CHANNELS.index(channel)
    assert float(turns[CHANNELS.index(channel)]) * sign > 0.1


def test_mirrored_tokens_are_those_of_the_mirrored_act(mover):
    own = OwnTrack.of(still_pose(mover[0]), USUAL)
    left, right = (act_tokens([Act(kind="turn", side=side, begin=1.0)], own, 60, RATE) for side in ("left", "right"))
    assert torch.allclose(mirrored_tokens(left), right, atol=1e-3)
    assert torch.equal(mirrored_tokens(mirrored_tokens(left)), left)
    assert bool((left[:12] == 0).all())
    assert float(left[14, NAMES.index(("turn", "left"))]) == 1
    assert set(MIRRORED.tolist()) == {-1.0, 1.0}


def test_a_found_act_is_as_large_as_it_was(mover):
    motion = still_pose(mover[0].select(slice(0, 250)))
    acts = (Act(kind="nod", size=1.5, begin=2.0), Act(kind="turn", side="left", size=1.2, begin=5.0))
    moves = perform(acts, len(motion), motion.fps)
    moved = replace(motion, **acted_poses(motion.head, motion.torso, moves))
    found = captioned(moved, OwnTrack.of(moved, USUAL))
    assert [act.kind for act in found] == ["nod", "turn"]
    assert [act.size for act in found] == pytest.approx([1.5, 1.2], rel=0.15)


def test_what_is_not_told_is_left_out_and_the_rest_kept():
    told = told_of(torch.ones(2, 5, len(SOUND)), torch.ones(2, 5, 35), torch.full((2, 5), 0.5))
    assert float(untold(told)[..., :-1].abs().max()) == 0
    assert bool((untold(told)[..., -1] == 0.5).all())
    assert bool((untold(told, acts=False)[..., len(SOUND) + 1 :] == told[..., len(SOUND) + 1 :]).all())


def test_windows_go_on_from_each_other_at_any_length(flow):
    sound, acts = torch.zeros(200, len(SOUND)), torch.zeros(200, 35)
    scale = torch.ones(200)
    track = flow.sample(sound, acts, scale, 3)
    assert track.shape == (200, len(CHANNELS))
    assert torch.equal(track, flow.sample(sound, acts, scale, 3))
    assert not torch.allclose(track, flow.sample(sound, acts, scale, 4), atol=0.1)
    assert len(flow.sample(sound[:3], acts[:3], scale[:3], 3)) == 3
    steps = track.diff(dim=0)[:, :6].norm(dim=1)
    joins = torch.arange(WINDOW - 1, len(steps), WINDOW - KNOWN)
    assert float(steps[joins].mean()) < 1.5 * float(steps.mean())


def test_a_head_moves_in_its_own_sizes_and_keeps_its_mouth(mover):
    motion, heard = mover
    memory = Memory(motion=motion, heard=heard)
    moved = sampled_pose(motion, memory, heard, seed=1)
    assert torch.equal(moved.control("jawOpen"), motion.control("jawOpen"))
    ratio = pose_track(moved.head).std(0) / pose_track(motion.head).std(0)
    assert bool(((ratio > 0.5) & (ratio < 1.8)).all())
    assert torch.equal(moved.head.quats, sampled_pose(motion, memory, heard, seed=1).head.quats)
    assert not torch.equal(moved.head.quats, sampled_pose(motion, memory, heard, seed=2).head.quats)


def test_told_acts_are_seen_and_untold_ones_are_not(mover):
    motion, heard = mover
    memory = Memory(motion=motion, heard=heard)
    acts = parse_acts("nods twice at 2 s, then turns left at 6 s, then tilts right at 10 s")
    moved = sampled_pose(motion, memory, heard, acts)
    found = {(act.kind, act.side) for act in find_acts(moved.head, moved.gaze, moved.fps)}
    assert {("nod", ""), ("turn", "left"), ("tilt", "right")} <= found


def test_a_model_is_read_as_it_was_written_and_a_damaged_one_is_refused(flow, tmp_path):
    flow.save(tmp_path / "some", {"taught": "nothing"})
    again = PoseFlow.load(tmp_path / "some")
    sound, acts = torch.zeros(40, len(SOUND)), torch.zeros(40, 35)
    assert torch.equal(flow.sample(sound, acts, torch.ones(40), 0), again.sample(sound, acts, torch.ones(40), 0))
    replace(flow, usual=torch.ones(3)).save(tmp_path / "other", {})
    with pytest.raises(InputError, match="damaged"):
        PoseFlow.load(tmp_path / "other")
