"""Several films to one capture: what cannot be used is left out and named, the rest is put in step and placed."""

import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from test_calibrating import FRAMES, filmed, lively, mistracked  # noqa: F401  a fixture

from gaussian_head.capture import Capture, ViewInfo, views_of
from gaussian_head.checks import InputError
from gaussian_head.conventions import SAMPLE_RATE
from gaussian_head.demo.voice import speak
from gaussian_head.events import Warned
from gaussian_head.tracking import camera_names, several, track_several
from gaussian_head.tracking.findings import MOST_LOST, Findings
from gaussian_head.tracking.visible import judge_lost

LATE = 1.3 / 25
LOST = {"away": 60, "left": 40}
"""Of 100 frames, those in which the face is turned away from a camera."""


@pytest.fixture
def films(filmed, monkeypatch, tmp_path):  # noqa: F811
    """Names of films whose tracks and sounds are known: the leading camera's, one beside it, and some broken ones."""
    leader, _, own = filmed
    voice = speak(6.0, 25.0, 3).samples.astype(np.float32)
    start = round(LATE * SAMPLE_RATE)
    sounds = {"front": voice, "left": voice[start:], "mute": None, "cut": voice[start:], "blind": voice}
    sounds |= {"broken": voice, "upside-down": voice[start:], "away": voice[start:]}
    sounds["deaf"] = speak(6.0, 25.0, 55).samples.astype(np.float32)

    whole_track = several.track

    def track(video, out, *, size, listener, most_lost=MOST_LOST, overwrite=False):
        name = video.stem if hasattr(video, "stem") else str(video).rpartition("/")[2].split(".")[0]
        judge_lost(np.arange(LOST.get(name, 0)), 100, Findings(video, 25.0, most_lost=most_lost))
        if name == "blind":
            raise InputError("no face was found in blind.mp4.")
        if name == "broken":
            video.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(4000))
            return whole_track(video, out, size=128)
        shutil.copytree(leader.path if name == "front" else own.path, out)
        if name != "front":
            from gaussian_head.checkpoint import save_tensors

            save_tensors(out / "tracking.safetensors", {k: v.contiguous() for k, v in own._tensors.items()})
            source = own.info.source | {"turned_deg": 180 if name == "upside-down" else 0}
            (out / "capture.json").write_text(replace(own.info, source=source).to_json())
        (out / "report.json").write_text("{}")
        return Capture.load(out)

    monkeypatch.setattr(several, "track", track)
    monkeypatch.setattr(several, "probe", lambda video: SimpleNamespace(has_audio=sounds[video.stem] is not None))
    monkeypatch.setattr(several, "read_audio", lambda video, sample_rate: sounds[video.stem])
    return tmp_path


def test_cameras_are_put_in_step_and_placed(films, filmed):  # noqa: F811
    capture = track_several([films / "front.mp4", films / "left.mp4"], films / "capture", size=64)
    _, left = views_of(capture)
    assert left.name == "left"
    assert float(left.moments[0]) == pytest.approx(1.3, abs=0.05)
    turn = left.camera.viewmat[:3, :3] @ filmed[1].viewmat[:3, :3].T
    assert float(torch.arccos(((turn.trace() - 1) / 2).clamp(-1, 1))) < 0.02
    said = capture.report["cameras"]["left"]
    assert said["offset_s"] == pytest.approx(LATE, abs=0.002)
    assert said["residual_of_face"] < 0.005
    assert (capture.path / "arkit.csv").exists()


def test_a_camera_that_fits_loosely_is_told(films, filmed, monkeypatch):  # noqa: F811
    heard = []
    videos = [films / "front.mp4", films / "left.mp4"]
    track_several(videos, films / "capture", size=64, listener=heard.append)
    assert not any("loosely" in event.message for event in heard if isinstance(event, Warned))
    calibrated = several.calibrate
    monkeypatch.setattr(several, "calibrate", lambda *a, **k: replace(calibrated(*a, **k), residual=(0.023,)))
    track_several(videos, films / "other", size=64, listener=heard.append)
    (told,) = [event.message for event in heard if isinstance(event, Warned) and "loosely" in event.message]
    assert "camera 'left' fits the face loosely (it misses landmarks by 2.3 %" in told


def test_what_cannot_be_used_is_left_out_and_named(films):
    heard = []
    names = ("front", "mute", "left", "deaf", "blind", "broken", "away")
    capture = track_several(
        [films / f"{name}.mp4" for name in names], films / "capture", size=64, listener=heard.append
    )
    assert [view.name for view in views_of(capture)] == ["synthetic", "left"]
    lost = [event.message for event in heard if isinstance(event, Warned)]
    for words in (
        "camera 'mute' is left out: camera 'mute' recorded no sound",
        "camera 'deaf' is left out: camera 'deaf' heard nothing that the leading camera heard",
        "camera 'blind' is left out: no face was found",
        "camera 'broken' is left out: ",
        "away.mp4: the face was lost in 60 of 100 frames; at most 50% may be lost",
    ):
        assert any(words in message for message in lost), words
    assert len(capture.report["cameras_left_out"]) == 5


def test_the_leading_camera_must_see_the_face_more_often(films):
    with pytest.raises(InputError, match="the face was lost in 40 of 100 frames; at most 20% may be lost"):
        track_several([films / "left.mp4", films / "upside-down.mp4"], films / "capture", size=64)


def test_a_given_camera_that_hung_upside_down_is_turned_with_its_pictures(films, filmed):  # noqa: F811
    leader, view, _ = filmed
    given = {"front": leader.camera, "upside-down": view.turned(2)}
    capture = track_several([films / "front.mp4", films / "upside-down.mp4"], films / "capture", size=64, cameras=given)
    _, found = views_of(capture)
    assert torch.allclose(found.camera.viewmat[:3, :3], view.viewmat[:3, :3], atol=1e-5)
    assert torch.allclose(found.camera.K, view.K, atol=1e-4)
    assert capture.report["cameras"]["upside-down"]["residual_of_face"] < 0.01
    with pytest.raises(InputError, match="the cameras given are called front, upside-down; left is not among them"):
        track_several([films / "front.mp4", films / "left.mp4"], films / "other", size=64, cameras=given)


def test_nothing_is_left_behind_where_no_camera_can_be_used(films):
    with pytest.raises(InputError, match=r"none of the cameras beside 'front' can be used. camera 'deaf' is left out"):
        track_several([films / "front.mp4", films / "deaf.mp4"], films / "capture", size=64)
    assert not (films / "capture").exists()
    with pytest.raises(InputError, match="camera 'mute' recorded no sound"):
        track_several([films / "mute.mp4", films / "left.mp4"], films / "capture", size=64)
    with pytest.raises(InputError, match="no camera 'rear' to hold out beside 'front'"):
        track_several([films / "front.mp4", films / "left.mp4"], films / "capture", hold_out=["rear"])


def test_an_older_capture_is_not_replaced_unasked(films):
    track_several([films / "front.mp4", films / "left.mp4"], films / "capture", size=64)
    with pytest.raises(InputError, match="holds a capture, which would be replaced"):
        track_several([films / "front.mp4", films / "left.mp4"], films / "capture", size=64)


def test_every_camera_has_a_name_of_its_own():
    assert camera_names(["a/me.mp4", "b/me.mp4", "c/me.mov", "d/left.mp4"]) == ["me", "me-2", "me-3", "left"]


def test_clocks_of_other_rates_are_read(tmp_path):
    ViewInfo(viewmat=torch.eye(4).tolist(), K=torch.eye(3).tolist(), offset=-0.5, rate=1.0002).save(tmp_path)
    assert ViewInfo.read(tmp_path / "view.json").rate == 1.0002
