"""Camera paths keep the head in view, start where they say and move smoothly."""

import json
import math
from itertools import pairwise

import pytest
import torch
from support_head import make_head, make_motion

from gaussian_head.checks import InputError
from gaussian_head.rendering import (
    PATHS,
    CameraPath,
    camera_path,
    dolly_view,
    front,
    load_path,
    orbit,
    orbit_view,
    save_path,
)


@pytest.fixture(scope="module")
def head():
    return make_head(num_frames=10, num_gaussians=400, size=64)


def positions(cameras):
    return torch.stack([camera.position for camera in cameras])


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


@pytest.mark.parametrize("name", PATHS)
def test_every_named_path_starts_in_front_is_smooth_and_keeps_the_head_in_its_place(head, name):
    cameras = camera_path(head, name, 250, fps=25.0)
    torch.testing.assert_close(cameras[0].viewmat, head.camera.viewmat)
    place = head.camera.project(head.centre)
    assert max(float((c.project(head.centre) - place).norm()) for c in cameras) < 0.05
    moved = positions(cameras)
    assert float(moved.diff(n=2, dim=0).norm(dim=1).max()) < 0.004


def test_figure_eight_crosses_itself_in_front(head):
    moved = positions(camera_path(head, "figure-eight", 201, fps=25.0)) - head.camera.position
    assert moved[:, 1].max() > 0.1
    assert moved[:, 1].min() < -0.1
    assert float(moved[100].norm()) < 1e-3
    right = moved[:100, 0]
    assert (right[1:] * right[50] > 0).all()


def test_dolly_comes_nearer_and_goes_back(head):
    distances = (positions(camera_path(head, "dolly", 151, fps=25.0)) - head.centre).norm(dim=1)
    assert float(distances[75] / distances[0]) == pytest.approx(0.7, abs=1e-3)
    assert float(distances[150]) == pytest.approx(float(distances[0]), rel=1e-4)
    near = dolly_view(head, 0.5)
    torch.testing.assert_close(near.project(head.centre), head.camera.project(head.centre), atol=1e-2, rtol=0)


def test_a_path_is_made_as_it_is_asked_for(head):
    asked = []
    path = CameraPath(10**9, lambda t: asked.append(t) or head.camera)
    assert len(path) == 10**9
    assert path[-1] is head.camera
    assert path[5:9][1] is head.camera
    assert asked == [10**9 - 1, 6]
    with pytest.raises(IndexError):
        path[10**9]
    assert list(front(head, 2)) == [head.camera] * 2


def test_keyframes_interpolate_and_hold(head, tmp_path):
    first, last = torch.eye(4), torch.eye(4)
    last[0, 3] = 0.2
    path = tmp_path / "path.json"
    keys = [{"time": 1, "viewmat": last.tolist(), "focal": 200}, {"time": 0, "viewmat": first.tolist(), "focal": 100}]
    path.write_text(json.dumps({"keyframes": keys}))
    cameras = load_path(path, head, 4, fps=2.0)
    assert [round(float(c.viewmat[0, 3]), 3) for c in cameras] == [0.0, 0.1, 0.2, 0.2]
    assert [round(float(c.K[0, 0])) for c in cameras] == [100, 150, 200, 200]


def keyframed(head, tmp_path, cameras, times):
    path = tmp_path / "keys.json"
    keys = [{"time": t, "viewmat": c.viewmat.tolist()} for t, c in zip(times, cameras, strict=True)]
    path.write_text(json.dumps({"keyframes": keys}))
    return load_path(path, head, 1001, fps=200.0)


def test_keyframes_pass_through_every_key_without_jerk_or_overshoot(head, tmp_path):
    distances, times = [1.0, 0.6, 0.6, 1.1, 0.9], [0.5, 1.0, 2.0, 2.2, 4.0]
    cameras = keyframed(head, tmp_path, [dolly_view(head, d) for d in distances], times)
    got = (positions(cameras) - head.centre).norm(dim=1) / head.centre.norm()
    for d, time in zip(distances, times, strict=True):
        assert float(got[round(time * 200)]) == pytest.approx(d, abs=1e-4)
    for (a, b), (start, stop) in zip(pairwise(distances), pairwise(times), strict=True):
        piece = got[round(start * 200) : round(stop * 200) + 1]
        assert piece.max() <= max(a, b) + 1e-5
        assert piece.min() >= min(a, b) - 1e-5
    speed = got.diff() * 200
    largest_possible_linear_jump = abs(0.6 - 1.1) / 0.2
    assert speed.diff().abs().max() < 0.2 * largest_possible_linear_jump


def test_keyframes_about_the_head_stay_on_their_arc(head, tmp_path):
    cameras = keyframed(head, tmp_path, [orbit_view(head, yaw) for yaw in (-0.8, 0.0, 0.8)], [0, 2, 5])
    distances = (positions(cameras) - head.centre).norm(dim=1)
    torch.testing.assert_close(distances, distances[:1].expand_as(distances), rtol=1e-4, atol=0)


def test_a_saved_path_comes_back_at_any_size(head, tmp_path):
    cameras = orbit(head, 40, fps=25.0)
    save_path(tmp_path / "path.json", cameras.map(lambda c: c.resized(128, 128)), fps=25.0)
    again = load_path(tmp_path / "path.json", head, 40, fps=25.0)
    for a, b in zip(cameras, again, strict=True):
        torch.testing.assert_close(a.viewmat, b.viewmat, atol=1e-5, rtol=0)
        torch.testing.assert_close(a.K, b.K)
    with pytest.raises(InputError, match=r"\.json"):
        save_path(tmp_path / "path.txt", cameras, fps=25.0)
    with pytest.raises(InputError, match="0 cameras"):
        save_path(tmp_path / "empty.json", [], fps=25.0)


EYE = torch.eye(4).tolist()
MIRROR = torch.diag(torch.tensor([-1.0, 1, 1, 1])).tolist()


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "{}",
        "[]",
        '{"keyframes": []}',
        '{"keyframes": [{"time": 0}]}',
        json.dumps({"keyframes": [{"time": 0, "viewmat": EYE}, {"time": 0, "viewmat": EYE}]}),
        json.dumps({"keyframes": [{"time": 0, "viewmat": MIRROR}]}),
        json.dumps({"keyframes": [{"time": 0, "viewmat": EYE, "focal": -1}]}),
        json.dumps({"keyframes": [{"time": float("nan"), "viewmat": EYE}]}),
        json.dumps({"height": 0, "keyframes": [{"time": 0, "viewmat": EYE, "focal": 1}]}),
    ],
)
def test_bad_path_files_are_named(head, tmp_path, text):
    path = tmp_path / "path.json"
    path.write_text(text)
    with pytest.raises(InputError, match="camera path"):
        load_path(path, head, 3, fps=25.0)


def test_a_path_without_a_keyframe_says_what_to_do(head, tmp_path):
    path = tmp_path / "path.json"
    path.write_text('{"keyframes": []}')
    with pytest.raises(InputError, match="no keyframe; one or more"):
        load_path(path, head, 3, fps=25.0)
    path.write_text('{"keyframes": [{"time": 0, "viewmat": [[1, 0], [0, 1]]}]}')
    with pytest.raises(InputError, match="2x2 numbers"):
        load_path(path, head, 3, fps=25.0)


def test_the_camera_of_another_capture_sees_our_head_as_it_saw_its_own(head, tmp_path, monkeypatch):
    from dataclasses import replace
    from types import SimpleNamespace

    from gaussian_head.rendering import follow
    from gaussian_head.transforms import quat_to_rotmat

    motion = make_motion(50)
    motion = replace(
        motion, head=replace(motion.head, positions=motion.head.positions * 2)
    )  # twice as far away, shifts twice as large
    other = SimpleNamespace(motion=motion, camera=head.camera)
    monkeypatch.setattr(follow.Capture, "load", lambda folder: other)
    cameras = camera_path(head, tmp_path, 120, fps=25.0)
    rest = other.motion.at(follow.typical_frame(other.motion))
    assert len(cameras) == 120
    for t in (5, 17, 30):
        turned = quat_to_rotmat(motion.head.quats[t]) @ quat_to_rotmat(rest.head.quats).T
        torch.testing.assert_close(cameras[t].viewmat[:3, :3], turned, atol=0.01, rtol=0)
        shift = cameras[t].viewmat[:3, :3] @ head.centre + cameras[t].viewmat[:3, 3] - head.centre
        torch.testing.assert_close(shift, (motion.head.positions[t] - rest.head.positions) / 2, atol=6e-4, rtol=0)
    steps = positions(cameras).diff(dim=0).norm(dim=1)
    assert float(steps.max()) < 0.03
    with pytest.raises(InputError, match="sideways"):
        camera_path(head, "sideways", 3, fps=25.0)
