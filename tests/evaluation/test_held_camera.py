"""A camera that training left out, measured and rendered."""

import math
from dataclasses import replace

import pytest
import torch
from support_capture import add_camera, make_capture

from gaussian_head.actor import behind_of, recorded_views
from gaussian_head.capture import views_of
from gaussian_head.checks import InputError
from gaussian_head.evaluation.held_camera import evaluate_camera, score_camera
from gaussian_head.events import Warned
from gaussian_head.playing.footage import Footage
from gaussian_head.playing.views import camera_of, view_of
from gaussian_head.rendering import backdrop, camera_path


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    """Somebody filmed from two sides, and the head that was filmed."""
    capture, actor = make_capture(tmp_path_factory.mktemp("two") / "capture", num_frames=12, size=64, sound=False)
    capture = add_camera(capture, actor, "left", math.radians(40), offset=0.02, gain=1.3)
    clip = replace(actor.clip, motion=capture.motion, capture_path=str(capture.path))
    return replace(actor, clip=clip), capture


def test_the_head_itself_scores_high_once_exposure_is_told(filmed, tmp_path):
    actor, capture = filmed
    heard = []
    report = evaluate_camera(actor, tmp_path / "report", "left", listener=heard.append)
    scores = {name: values["psnr_full"] for name, values in report.summary().items()}
    assert scores["exposed"] > 38
    assert scores["exposed"] > scores["tracked"] + 5
    assert scores["nearest"] < scores["tracked"]
    assert any("training looked through camera 'left'" in e.message for e in heard if isinstance(e, Warned))
    assert (tmp_path / "report" / "report.json").is_file()
    assert score_camera(actor, capture, "left", 4)["psnr_full"] > 38


def test_a_camera_that_is_not_there(filmed, tmp_path):
    with pytest.raises(InputError, match="no camera 'right'; there are 'synthetic', 'left'"):
        evaluate_camera(filmed[0], tmp_path / "report", "right")


def test_recorded_cameras_are_offered_by_name(filmed):
    actor, capture = filmed
    views = recorded_views(actor.clip)
    left = views_of(capture)[1]
    assert list(views) == ["synthetic", "left"]
    path = camera_path(actor.head, "left", 3, fps=25, recorded={n: v.camera for n, v in views.items()})
    assert torch.equal(path[2].viewmat, left.camera.viewmat)
    with pytest.raises(InputError, match=r"dolly, synthetic, left, a .json file"):
        camera_path(actor.head, "rear", 3, fps=25, recorded={n: v.camera for n, v in views.items()})
    plate = backdrop(behind_of(actor.head, left), "captured", left.camera)
    assert plate is not None
    assert torch.allclose(plate, torch.as_tensor(left.capture.background), atol=2 / 255)
    assert recorded_views(replace(actor.clip, capture_path="")) == {}


def test_the_viewer_stands_where_a_camera_stood(filmed):
    actor, _ = filmed
    cameras = Footage.of(actor.clip).cameras()
    seen = camera_of(view_of(cameras["left"]), actor.head, 64)
    assert torch.allclose(seen.viewmat, cameras["left"].viewmat, atol=1e-5)
    assert torch.allclose(seen.K, cameras["left"].K, atol=1e-3)
