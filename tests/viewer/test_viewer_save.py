"""What a browser takes away: files that others read, work that can be cancelled, nothing left on the disk."""

import contextlib
import io
import json
import tempfile
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from fake_browser import FakeClient
from gaussian_head.viewer import exports
from gaussian_head.viewer.jobs import Cancelled, Jobs
from gaussian_head.viewer.session import Session
from gaussian_head.viewer.tabs import save as tabs_save
from gaussian_head.viewer.tabs.save import _words
from live_browser import Gui
from PIL import Image
from support_head import make_actor

from gaussian_head.checks import InputError
from gaussian_head.events import Progress, ignore
from gaussian_head.exporting import FORMATS
from gaussian_head.io.ply import read_ply
from gaussian_head.media import probe, read_audio, read_image
from gaussian_head.playing.keyframes import Keyframe, view_of
from gaussian_head.playing.pictures import Look
from gaussian_head.playing.shelf import Shelf
from gaussian_head.playing.staging import Staging
from gaussian_head.rendering import orbit_view

SOUND = (0.3 * np.sin(np.arange(32000) * 0.2)).astype(np.float32)


@pytest.fixture(scope="module")
def actor():
    return make_actor(num_gaussians=300, size=64)


@pytest.fixture(scope="module")
def head(actor):
    return actor.head


@pytest.fixture
def scene(actor):
    person = Shelf([actor]).get("head")
    return Staging(person=person, performance=replace(person.clip, samples=SOUND), size=64)


def view(head, yaw=0.0, aspect=1.0):
    return replace(view_of(orbit_view(head, yaw)), aspect=aspect)


def keys(head):
    return (Keyframe(time=0.0, view=view(head, -0.6)), Keyframe(time=1.9, view=view(head, 0.6)))


def off(shot, other):
    """Greatest difference of two PNGs, of 255."""
    a, b = (np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), int) for png in (shot, other))
    return np.abs(a - b).max()


def test_a_screenshot_has_the_asked_height_and_the_shape_of_the_window(head, scene, tmp_path):
    (tmp_path / "a.png").write_bytes(exports.screenshot(scene, view(head), 4, height=96, transparent=True))
    assert read_image(tmp_path / "a.png", mode="RGBA").shape == (96, 96, 4)
    shot = exports.screenshot(scene, view(head, aspect=1.5), 4, height=96, transparent=False)
    (tmp_path / "b.png").write_bytes(shot)
    assert read_image(tmp_path / "b.png").shape == (96, 144, 3)


def test_a_screenshot_while_a_path_is_flown_is_what_the_path_sees(head, scene):
    path = exports.cameras(scene, view(head), "keyframes", keys(head), 96)
    flying = exports.screenshot(replace(scene, path=path), view(head), 0, height=96, transparent=False)
    begun, browser = (
        exports.screenshot(scene, view(head, yaw), 0, height=96, transparent=False) for yaw in (-0.6, 0.0)
    )
    assert off(flying, begun) <= 1, "a level of 255 may be rounded otherwise along the path's curve"
    assert off(flying, browser) > 20


def test_the_ply_of_a_frame_holds_what_is_shown(head, scene, tmp_path):
    read = read_ply(exports.exported(scene, (), 4, tmp_path / "c", format="ply", listener=ignore))
    torch.testing.assert_close(read.means, head.gaussians(scene.performance.motion, 4).means, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("camera", "size"), [("view", (96, 64)), ("orbit", (96, 64)), ("keyframes", (96, 64))])
def test_videos_hold_the_whole_performance_with_its_sound(head, scene, tmp_path, camera, size):
    seen = []
    path = exports.cameras(scene, view(head, aspect=1.5), camera, keys(head), 64, 1.5)
    out = exports.video(scene, path, tmp_path / "v.mp4", listener=seen.append)
    info = probe(out)
    assert (info.width, info.height) == size
    assert info.duration == pytest.approx(2.0, abs=0.05)
    assert np.abs(read_audio(out)).max() > 0.1
    assert len(read_audio(out)) / 16000 == pytest.approx(2.0, abs=0.1)
    assert seen[-1].done == 50


def test_a_video_along_keyframes_moves_and_one_from_this_view_stands(head, scene):
    flown = exports.cameras(scene, view(head), "keyframes", keys(head), 64)
    assert (flown[0].position - flown[49].position).norm() > 0.5
    assert flown[0].position.tolist() == pytest.approx(keys(head)[0].view.position, abs=1e-4)
    still = exports.cameras(scene, view(head), "view", (), 64)
    assert torch.equal(still[0].viewmat, still[49].viewmat)
    with pytest.raises(InputError, match="no keyframe"):
        exports.cameras(scene, view(head), "keyframes", (), 64)


def test_a_transparent_video_shows_through(head, scene, tmp_path):
    short = replace(scene, performance=replace(scene.performance, motion=scene.performance.motion.select(slice(0, 4))))
    path = exports.cameras(short, view(head), "view", (), 64)
    out = exports.video(short, path, tmp_path / "v.mov", listener=ignore)
    with av.open(str(out)) as film:
        opacity = next(film.decode(video=0)).to_ndarray(format="rgba")[..., 3]
    assert opacity[2, 2] < 10, "nothing behind the head"
    assert opacity[32, 32] > 245


@pytest.mark.parametrize("format", [name for name in FORMATS if name not in ("glb", "obj", "mesh")])
def test_every_registered_format_is_written_in_one_way_at_least(head, scene, tmp_path, format):
    written = []
    for t in (3, None):
        with contextlib.suppress(InputError):
            out = tmp_path / f"file-{t}"
            written.append(exports.exported(scene, keys(head), t, out, format=format, listener=ignore))
    assert written
    assert all(path.stat().st_size > 100 for path in written)
    assert {p.name for p in tmp_path.iterdir()} == {p.name for p in written}, "no stage left behind"


@pytest.mark.parametrize("format", list(FORMATS))
def test_of_a_format_is_offered_what_it_holds_its_usual_content_first(actor, format):
    gui = Gui(None)
    tabs_save.build(Session(FakeClient(), Shelf([actor]), start=None, size=64), gui)
    chosen = next(w for w in gui.widgets if w.args[0] == "File format")
    of = next(w for w in gui.widgets if w.args[0] == "Of")
    chosen.value = format
    chosen.press()
    names = {"moment": "this frame", "clip": "whole performance"}
    assert of.options == tuple(names[span] for span in FORMATS[format].holds)
    assert of.value == of.options[0]


def test_motions_and_what_plays_are_written_whole():
    whole = {name for name, row in FORMATS.items() if row.holds[0] == "clip"}
    assert whole == {
        *("glb", "motion-json", "motion-csv", "arkit-csv", "cameras-json", "transforms-json", "baked", "html")
    }


@pytest.mark.parametrize("format", [name for name in FORMATS if name not in ("glb", "obj", "mesh")])
def test_a_format_is_written_of_all_that_it_says_it_holds(head, scene, tmp_path, format):
    for span in FORMATS[format].holds:
        t = 3 if span == "moment" else None
        assert exports.exported(scene, keys(head), t, tmp_path / span, format=format, listener=ignore).exists()


def test_what_needs_the_capture_says_so(head, scene, tmp_path):
    with pytest.raises(InputError, match="capture"):
        exports.exported(scene, (), 3, tmp_path / "face", format="obj", listener=ignore)
    assert list(tmp_path.iterdir()) == []


def test_files_hold_the_head_as_edited_and_styled(head, scene, tmp_path):
    changed = replace(
        scene, edits=replace(scene.edits, turn_deg=30.0), look=Look(parts=frozenset({"face"}), splat_scale=0.5)
    )
    ours = read_ply(exports.exported(changed, (), 4, tmp_path / "a", format="ply", listener=ignore))
    plain = read_ply(exports.exported(scene, (), 4, tmp_path / "b", format="ply", listener=ignore))
    assert (ours.means - plain.means).abs().max() > 0.01
    torch.testing.assert_close(ours.scales, 0.5 * plain.scales, rtol=1e-4, atol=0)
    assert ours.opacities[head.parts == 2].max() < 1e-6


def test_many_files_come_as_one_zip(scene, tmp_path):
    out = exports.exported(scene, (), None, tmp_path / "clip", format="ply", listener=ignore)
    assert out.name == "clip.zip"
    names = zipfile.ZipFile(out).namelist()
    assert len([n for n in names if n.endswith(".ply")]) == 50


def test_camera_files_hold_the_keyframes(head, scene, tmp_path):
    out = exports.exported(scene, keys(head), None, tmp_path / "camera", format="cameras-json", listener=ignore)
    first = torch.tensor(json.loads(out.read_text())["keyframes"][0]["viewmat"])
    torch.testing.assert_close(first, orbit_view(head, -0.6).viewmat, atol=1e-4, rtol=0)


class Desk:
    """The page as Jobs sees it."""

    def __init__(self):
        self.states, self.files, self.complaints = [], [], []
        self.left = False
        self.idle = threading.Event()
        self.jobs = Jobs(
            show=self._show,
            deliver=lambda name, content: self.files.append((name, content)),
            complain=self.complaints.append,
            gone=lambda: self.left,
        )

    def _show(self, state):
        self.states.append(state)
        if state is None:
            self.idle.set()

    def run(self, work):
        self.idle.clear()
        assert self.jobs.start("a thing", work)
        assert self.idle.wait(20)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("gaussian_head.viewer.jobs.TELL_EVERY", 0.0)
    yield Desk()
    assert list(tmp_path.iterdir()) == [], "nothing is left on the disk"


def work_of(steps, then=lambda: None):
    def work(folder, listener):
        (folder / "half").write_bytes(b"x" * 100)
        for i in range(steps):
            listener(Progress(stage="rendering", done=i + 1, total=steps))
        then()
        (folder / "thing.bin").write_bytes(b"whole")
        return folder / "thing.bin"

    return work


def test_work_is_told_of_and_delivered(desk):
    desk.run(work_of(4))
    assert desk.files == [("thing.bin", b"whole")]
    shares = [s.share for s in desk.states if s is not None]
    assert shares == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert desk.states[2].seconds_left is not None
    assert desk.complaints == []


def test_cancelled_work_delivers_nothing(desk):
    desk.run(work_of(4, then=lambda: (desk.jobs.cancel(), desk.jobs._listen(Progress(stage="x", done=1, total=2)))))
    assert desk.files == []
    assert desk.complaints == []
    desk.run(work_of(1))
    assert len(desk.files) == 1, "the next work is not cancelled"


def test_work_cancelled_in_its_last_step_is_not_delivered(desk):
    desk.run(work_of(1, then=desk.jobs.cancel))
    assert desk.files == []


def test_a_browser_that_leaves_ends_its_work(desk):
    def leave():
        desk.left = True

    desk.run(work_of(3, then=leave))
    assert desk.files == []


@pytest.mark.parametrize(
    ("error", "words"), [(InputError("no face here."), "no face"), (RuntimeError("boom"), "unexpected")]
)
def test_failures_are_told_in_words(desk, error, words):
    def fail():
        raise error

    desk.run(work_of(1, then=fail))
    assert words in desk.complaints[0]
    assert "boom" not in desk.complaints[0]


def test_one_thing_at_a_time(desk):
    going, go = threading.Event(), threading.Event()

    def work(folder: Path, listener):
        going.set()
        go.wait(20)
        raise Cancelled

    desk.idle.clear()
    assert desk.jobs.start("first", work)
    assert going.wait(20)
    assert not desk.jobs.start("second", work)
    go.set()
    assert desk.idle.wait(20)


def test_words_of_progress():
    from gaussian_head.viewer.jobs import State

    assert _words(State(title="me.mp4", share=0.4, seconds_left=65.0)) == "**me.mp4** · 40 % · 1 min 05 s left"
    assert _words(State(title="me.mp4")) == "**me.mp4** · 0 %"
