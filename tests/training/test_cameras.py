"""Training over several cameras: what they show is learnt, what is held out is not looked at, one stays as it was."""

import math
import shutil
from dataclasses import replace

import pytest
import torch
from support_capture import add_camera, make_capture
from test_train import CONFIG

from gaussian_head.capture import Capture, views_of
from gaussian_head.checks import InputError
from gaussian_head.rendering import render_frame
from gaussian_head.training import train
from gaussian_head.training.cameras import EXPOSURE, shots, training_cameras
from gaussian_head.training.pipeline import CHECKPOINT, FORMAT, VERSION
from gaussian_head.training.state import new_state

LONGER = replace(CONFIG, stages=tuple(replace(stage, iterations=80) for stage in CONFIG.stages))


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    """A capture with a second camera 50 degrees to the side, 15 ms late, exposed a fifth brighter."""
    capture, actor = make_capture(tmp_path_factory.mktemp("two") / "capture", num_frames=24, size=64, sound=False)
    return add_camera(capture, actor, "left", math.radians(50), offset=0.015, gain=1.2)


def psnr_of(actor, view, t):
    rendered = render_frame(actor.head, view.motion, t, view.camera, background=torch.tensor(view.capture.background))
    truth = torch.tensor(view.capture.frame(t).image) / 255
    return float(-10 * torch.log10((rendered.rgb - truth).square().mean()))


def test_a_second_camera_teaches_what_it_shows(filmed, tmp_path):
    both = train(filmed, tmp_path / "both", LONGER)
    alone = train(filmed, tmp_path / "alone", replace(LONGER, hold_out=("left",)))
    view = views_of(filmed)[1]
    t = int(view.test_frames[0])
    assert psnr_of(both, view, t) > psnr_of(alone, view, t) + 1.5


def test_a_camera_held_out_is_as_one_that_never_was(filmed, tmp_path):
    shutil.copytree(filmed.path, tmp_path / "one", ignore=shutil.ignore_patterns("views"))
    one = train(Capture.load(tmp_path / "one"), tmp_path / "head", CONFIG)
    held = train(filmed, tmp_path / "held", replace(CONFIG, hold_out=("left",)))
    for ours, theirs in zip(one.head.branches, held.head.branches, strict=True):
        for name, value in ours.tensors().items():
            assert torch.equal(value, getattr(theirs, name)), name


def test_the_brighter_camera_is_told_by_its_exposure(filmed, tmp_path):
    from gaussian_head.checkpoint import load_checkpoint
    from gaussian_head.training.observing import StopTraining

    def stop(done):
        if done.step == 120:
            raise StopTraining

    train(filmed, tmp_path / "head", LONGER, observer=stop)
    tensors, _ = load_checkpoint(tmp_path / "head" / CHECKPOINT, format=FORMAT, version=VERSION)
    gain = tensors[f"params.{EXPOSURE}"][0, 0]
    assert 0.02 < float(gain.mean()) < 0.4


def test_every_camera_is_drawn_from_its_own_training_frames(filmed):
    cameras = training_cameras(filmed)
    drawn = shots(cameras, list(range(20)) * 30, CONFIG, 0)
    frames = [{shot.frame for shot in drawn if shot.camera == c} for c in range(2)]
    assert frames[1] <= set(cameras[1].train_frames.tolist())
    share = sum(shot.camera for shot in drawn) / len(drawn)
    assert 0.4 < share < 0.6
    assert shots(cameras[:1], [3, 1], CONFIG, 0)[1].frame == 1


def test_only_cameras_that_are_there_and_follow_can_be_held_out(filmed):
    with pytest.raises(InputError, match="no camera 'right' to hold out; there are 'synthetic', 'left'"):
        training_cameras(filmed, ["right"])
    with pytest.raises(InputError, match=r"'synthetic' leads.*hold out 'left'"):
        training_cameras(filmed, ["synthetic"])


def test_one_camera_has_no_exposure(filmed):
    from gaussian_head.head import initial_head

    assert EXPOSURE not in new_state(initial_head(filmed, CONFIG.init), filmed.num_frames, CONFIG.rates).params
