"""Holding out the most turned frames: an extrapolation, not the rest of the clip."""

import pytest
import torch
from support_capture import make_capture

from gaussian_head.actor import Actor
from gaussian_head.capture import Capture, turns
from gaussian_head.capture.splits import TURNED_SHARE
from gaussian_head.checks import InputError
from gaussian_head.evaluation.held_out import evaluate
from gaussian_head.motion import Pose
from gaussian_head.training import PRESETS, Stage
from gaussian_head.training.pipeline import train
from gaussian_head.transforms import rotvec_to_quat


@pytest.fixture(scope="module")
def capture(tmp_path_factory) -> Capture:
    return make_capture(tmp_path_factory.mktemp("split") / "capture", num_frames=40, size=96, sound=False)[0]


def test_turned_frames_are_the_most_turned_and_no_one_else_is_held_out(capture):
    turned = capture.held_out_by("turned")
    test, rest = turned.test_frames, turned.train_frames
    assert len(test) == round(TURNED_SHARE * 40)
    assert sorted([*test.tolist(), *rest.tolist()]) == list(range(40))
    away = turns(capture.motion)
    assert away[test].min() >= away[rest].max()
    assert torch.equal(test, test.sort().values)


def test_the_tail_is_what_it_was_and_the_capture_itself_does_not_change(capture):
    capture.held_out_by("turned")
    assert capture.split == "tail"
    assert capture.test_frames.tolist() == list(range(capture.num_train, 40))
    with pytest.raises(InputError, match="'middle' is unknown; choose one of tail, turned"):
        capture.held_out_by("middle")


def test_a_tilt_is_no_turn(capture):
    roll = torch.zeros(9, 3)
    roll[:, 2] = torch.linspace(-0.5, 0.5, 9)
    motion = capture.motion.select(torch.arange(9))
    tilted = type(motion)(
        **{
            **motion.__dict__,
            "head": Pose(quats=rotvec_to_quat(roll), positions=motion.head.positions),
        }
    )
    assert turns(tilted).max() < 2e-3


def test_training_leaves_turned_frames_out_and_evaluate_measures_those_only(capture, tmp_path):
    seen = set()
    load = Capture.frame
    stage = Stage(name="short", iterations=60, resolution=0.5, densify=False, refine_pose=False)
    config = PRESETS["preview"].__class__(stages=(stage,), max_gaussians=2000, split="turned")

    def watched(self, t):
        seen.add(int(t))
        return load(self, t)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Capture, "frame", watched)
        train(capture, tmp_path / "head", config)
    test = capture.held_out_by("turned").test_frames.tolist()
    assert seen
    assert not seen & set(test)
    actor = Actor.load(tmp_path / "head")
    assert actor.clip.split == "turned"
    with pytest.raises(InputError, match="train --split tail"):
        evaluate(actor, tmp_path / "report", capture=capture, split="tail")
    report = evaluate(actor, tmp_path / "report", capture=capture, split="turned")
    assert report.num_frames == len(test)
    assert set(report.summary()) == {"tracked", "nearest_frame"}
    assert "most turned" in report.split
