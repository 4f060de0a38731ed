"""Cameras beside the leading one, on disk."""

import json
import math

import pytest
import torch
from support_capture import add_camera, make_capture

from gaussian_head.capture import Capture, camera_name, views_of
from gaussian_head.checks import InputError


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    capture, actor = make_capture(tmp_path_factory.mktemp("views") / "capture", num_frames=12, size=48, sound=False)
    return add_camera(capture, actor, "left", math.radians(30), offset=0.05)


def test_one_camera_leads_alone(filmed, tmp_path):
    capture, _ = make_capture(tmp_path / "one", num_frames=6, size=48, sound=False)
    (only,) = views_of(capture)
    assert only.capture is capture
    assert only.motion is capture.motion
    assert only.train_frames.tolist() == capture.train_frames.tolist()
    assert only.test_frames.tolist() == capture.test_frames.tolist()


def test_another_camera_has_its_own_pictures_and_clock(filmed):
    leading, left = views_of(filmed)
    assert (leading.name, left.name) == ("synthetic", "left")
    late = 0.05 * filmed.fps
    assert torch.allclose(left.moments, torch.arange(12).double() + late, atol=1e-9)
    assert left.train_frames.tolist() == [t for t in range(12) if t + late <= filmed.num_train - 1]
    whole, share = int(late), late - int(late)
    between = filmed.motion.head.positions[3 + whole].lerp(filmed.motion.head.positions[4 + whole], share)
    assert torch.allclose(left.motion.head.positions[3], between, atol=1e-6)
    assert left.capture.frame(3).image.shape == (48, 48, 3)


def test_a_damaged_camera_is_named(filmed, tmp_path):
    import shutil

    folder = tmp_path / "bad"
    shutil.copytree(filmed.path, folder)
    where = folder / "views" / "left" / "view.json"
    said = json.loads(where.read_text())
    for key, value, words in (
        ("rate", 1.5, "rate is 1.5"),
        ("viewmat", [[1.0]], "viewmat has rows"),
        ("format", "other", "is no 'gaussian-head-view'"),
        ("K", [[float("inf")] * 3] * 3, "view.json"),
    ):
        where.write_text(json.dumps({**said, key: value}))
        with pytest.raises(InputError, match=words):
            views_of(Capture.load(folder))
    where.unlink()
    with pytest.raises(InputError, match=r"view\.json"):
        views_of(Capture.load(folder))


def test_cameras_are_called_as_their_files():
    assert camera_name("../films/left side.mp4") == "left side"
    assert camera_name("..mp4") == "camera"
    assert camera_name("linké?.mov") == "link__"
