"""Keyframes: kept in order, written as `render` reads them, met exactly, refused in words."""

import json
import math

import pytest
import torch
from support_head import make_head

from gaussian_head.checks import InputError
from gaussian_head.playing.keyframes import (
    Keyframe,
    followed,
    from_json,
    path_of,
    to_json,
    view_of,
    with_key,
    without_key,
)
from gaussian_head.playing.views import View, camera_of
from gaussian_head.rendering import camera_path, orbit, orbit_view, save_path


@pytest.fixture(scope="module")
def head():
    return make_head(num_gaussians=200, size=64)


def key(head, time, yaw_deg, fov=0.4):
    view = view_of(orbit_view(head, math.radians(yaw_deg)))
    return Keyframe(time=time, view=View(wxyz=view.wxyz, position=view.position, fov=fov, aspect=1.0))


def test_keys_stay_in_order_and_one_moment_has_one(head):
    first, second, third = key(head, 1.0, 0), key(head, 0.2, 10), key(head, 1.004, 20)
    keys = with_key(with_key((), first), second)
    assert keys == (second, first)
    assert with_key(keys, third) == (second, third)
    assert without_key(keys, 0) == (first,)
    assert without_key(keys, -1) == keys


def test_a_view_and_its_camera_are_one(head):
    camera = orbit_view(head, 0.7, -0.2)
    again = camera_of(view_of(camera), head, head.camera.height)
    assert torch.allclose(again.viewmat, camera.viewmat, atol=1e-5)
    assert torch.allclose(again.K, camera.K, rtol=1e-4)


def test_the_file_is_what_render_flies_and_meets_every_key(head, tmp_path):
    keys = (key(head, 0.0, 0), key(head, 0.4, 40, fov=0.3), key(head, 1.0, -30))
    (tmp_path / "path.json").write_text(to_json(keys, head))
    flown = camera_path(head, tmp_path / "path.json", 26, fps=25.0)
    path = path_of(keys, head, 26, fps=25.0)
    for t in range(26):
        assert torch.allclose(flown[t].viewmat, path[t].viewmat)
        assert torch.allclose(flown[t].K, path[t].K)
    for k in keys:
        met = view_of(path[round(k.time * 25)])
        assert met.fov == pytest.approx(k.view.fov, rel=1e-4)
        assert met.position == pytest.approx(k.view.position, abs=1e-5)


def test_saved_and_loaded_keys_are_the_same(head):
    keys = (key(head, 0.04, 0), key(head, 0.48, 40, fov=0.3), key(head, 12.36, -30))
    again = from_json(to_json(keys, head), head)
    assert [k.time for k in again] == [k.time for k in keys]
    for ours, theirs in zip(keys, again, strict=True):
        assert theirs.view.position == pytest.approx(ours.view.position, abs=1e-5)
        assert theirs.view.fov == pytest.approx(ours.view.fov, rel=1e-4)
        # A quaternion and its negative are one rotation.
        assert abs(sum(a * b for a, b in zip(theirs.view.wxyz, ours.view.wxyz, strict=True))) == pytest.approx(1)


def test_a_path_that_render_saved_is_loaded(head, tmp_path):
    save_path(tmp_path / "orbit.json", orbit(head, 5, fps=25.0), fps=25.0)
    keys = from_json((tmp_path / "orbit.json").read_text(), head)
    assert [k.time for k in keys] == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])


def test_a_path_with_a_camera_a_frame_becomes_a_few_keys_and_stays_the_same(head, tmp_path):
    whole = orbit(head, 250, fps=25.0)
    save_path(tmp_path / "orbit.json", whole, fps=25.0)
    keys = from_json("\ufeff" + (tmp_path / "orbit.json").read_text(), head)
    assert 3 < len(keys) < 50
    again = path_of(keys, head, 250, fps=25.0)
    for t in range(250):
        assert torch.allclose(again[t].viewmat, whole[t].viewmat, atol=1e-2), t


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"keyframes": []}', '{"keyframes": [{"time": 0}]}', "\x00\xff"])
def test_what_is_no_path_is_refused_by_the_name_the_user_knows(head, text):
    with pytest.raises(InputError, match=r"my path\.json") as refusal:
        from_json(text, head, "my path.json")
    assert "/tmp" not in str(refusal.value)


def test_two_keys_at_one_time_in_a_file_are_refused(head):
    data = json.loads(to_json((key(head, 0.0, 0),), head))
    data["keyframes"] *= 2
    with pytest.raises(InputError, match="one time"):
        from_json(json.dumps(data), head)


def test_without_a_key_there_is_nothing_to_save_or_fly(head):
    with pytest.raises(InputError, match="no keyframe"):
        to_json((), head)
    with pytest.raises(InputError, match="no keyframe"):
        path_of((), head, 10, fps=25.0)


def test_a_followed_path_takes_the_window_and_holds_after_its_end(head):
    path = path_of((key(head, 0.0, 0), key(head, 0.2, 40)), head, 6, fps=25.0)
    window = View(wxyz=(1.0, 0.0, 0.0, 0.0), position=(0.0, 0.0, 0.0), fov=1.0, aspect=1.7)
    assert followed(None, 3, window) is window
    assert followed(path, 3, window).aspect == 1.7
    assert followed(path, 99, window) == followed(path, 5, window)
    assert followed(path, 0, window).position != followed(path, 5, window).position
