"""Camera paths keep the head in view and start where they say."""

import json
import math

import pytest
import torch
from support_head import make_head

from gaussian_head.checks import InputError
from gaussian_head.rendering import load_path, orbit, orbit_view


@pytest.fixture(scope="module")
def head():
    return make_head(num_frames=10, num_gaussians=400, size=64)


def test_orbit_swings_to_both_sides_about_a_fixed_centre(head):
    cameras = orbit(head, 150, fps=25.0, yaw_deg=30.0)
    torch.testing.assert_close(cameras[0].viewmat, head.camera.viewmat)
    centre = head.centre
    pixels = torch.stack([camera.project(centre) for camera in cameras])
    torch.testing.assert_close(pixels, pixels[:1].expand_as(pixels), atol=1e-2, rtol=0)
    away = [math.degrees(math.atan2(*(c.position - centre)[[0, 2]].tolist())) for c in cameras]
    turned = [(a + 360) % 360 - 180 for a in away]
    assert max(turned) == pytest.approx(30, abs=0.5)
    assert min(turned) == pytest.approx(-30, abs=0.5)


def test_orbit_view_keeps_the_distance(head):
    camera = orbit_view(head, 0.7, 0.2)
    before, after = (head.camera.position - head.centre).norm(), (camera.position - head.centre).norm()
    assert float(after) == pytest.approx(float(before), rel=1e-5)


def test_keyframes_interpolate_and_hold(head, tmp_path):
    first, last = torch.eye(4), torch.eye(4)
    last[0, 3] = 0.2
    path = tmp_path / "path.json"
    keys = [{"time": 1, "viewmat": last.tolist(), "focal": 200}, {"time": 0, "viewmat": first.tolist(), "focal": 100}]
    path.write_text(json.dumps({"keyframes": keys}))
    cameras = load_path(path, head, 4, fps=2.0)
    assert [round(float(c.viewmat[0, 3]), 3) for c in cameras] == [0.0, 0.1, 0.2, 0.2]
    assert [round(float(c.K[0, 0])) for c in cameras] == [100, 150, 200, 200]


@pytest.mark.parametrize("text", ["not json", "{}", '{"keyframes": []}', '{"keyframes": [{"time": 0}]}'])
def test_bad_path_files_are_named(head, tmp_path, text):
    path = tmp_path / "path.json"
    path.write_text(text)
    with pytest.raises(InputError, match="camera path"):
        load_path(path, head, 3, fps=25.0)
