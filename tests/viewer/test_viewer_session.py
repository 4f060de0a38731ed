"""Session and worker against a fake browser: pictures come, changes arrive, errors and departures are survived."""

import gc
import time
import weakref

import numpy as np
import pytest
from fake_browser import FakeClient, settle, wav_bytes
from gaussian_head.viewer.session import Session
from gaussian_head.viewer.tabs.direct import motion_file
from gaussian_head.viewer.worker import Worker
from support_async import finished
from support_head import make_actor

from gaussian_head.actor import Direction
from gaussian_head.checks import InputError
from gaussian_head.playing.given import uploaded_samples
from gaussian_head.playing.performances import spoken
from gaussian_head.playing.shelf import Shelf


@pytest.fixture(scope="module")
def shelf():
    return Shelf([make_actor(num_gaussians=300, size=64), make_actor(num_gaussians=200, size=64, seed=1)])


@pytest.fixture
def browser(shelf):
    client = FakeClient()
    client.session = Session(client, shelf, start=None, size=64)
    worker = Worker(client.session)
    worker.start()
    yield client
    client.session.stop()
    worker.join(10)
    assert not worker.is_alive()


def test_the_first_picture_comes_unasked_and_then_there_is_silence(browser):
    settle(browser)
    assert browser.images[-1].shape == (64, 64, 3)
    count = len(browser.images)
    time.sleep(0.6)
    assert len(browser.images) == count


CONTROLS = {
    "turn": lambda s: s.edit(turn_deg=25.0),
    "jaw": lambda s: s.push({"jawOpen": 1.0}),
    "part": lambda s: s.restyle(parts=frozenset({"face", "mouth"})),
    "plate": lambda s: s.restyle(plate=False),
    "depth": lambda s: s.restyle(mode="depth"),
    "alpha": lambda s: s.restyle(mode="alpha"),
    "parts": lambda s: s.restyle(mode="parts"),
    "normals": lambda s: s.restyle(mode="normals"),
    "motion": lambda s: s.restyle(mode="motion"),
    "ellipsoids": lambda s: s.restyle(mode="ellipsoids"),
    "splats": lambda s: s.restyle(splat_scale=0.3),
    "head": lambda s: s.choose_person("head 2"),
    "preset": lambda s: s.go_to(2),
}


@pytest.mark.parametrize("change", CONTROLS.values(), ids=CONTROLS.keys())
def test_every_control_changes_the_picture(browser, change):
    before = settle(browser)
    change(browser.session)
    if browser.session.client.camera.position.any():
        browser.session.client.camera.wxyz = look_rotation(browser.session.client.camera)
        browser.session.touch()
    after = settle(browser)
    assert np.abs(after - before).mean() > 0.1


def look_rotation(camera):
    """Quaternion wxyz of a yaw towards the point looked at, as the browser would report it."""
    forward = camera.look_at - camera.position
    yaw = np.arctan2(forward[0], forward[2])
    return np.array([np.cos(yaw / 2), 0, np.sin(yaw / 2), 0])


def test_size_and_window_shape_are_followed(browser):
    settle(browser)
    browser.session.resize(96)
    browser.camera.aspect = 1.5
    browser.session.touch()
    assert settle(browser).shape == (96, 144, 3)


def test_playing_sends_new_frames_and_a_pause_ends_them(browser):
    settle(browser)
    first, start = len(browser.images), time.monotonic()
    while len(browser.images) - first <= 8:
        assert time.monotonic() - start < 60, "playing brings no pictures"
        browser.report(t=(time.monotonic() - start) % 2, playing=True)
        time.sleep(0.05)
    browser.report(t=1.5, playing=False)
    last = settle(browser)
    assert browser.session.scheduler.playback.frame(time.monotonic()) == 37
    browser.report(t=0.0, playing=False)
    assert np.abs(settle(browser) - last).mean() > 0.2


def test_reports_of_a_performance_no_longer_loaded_are_ignored(browser):
    settle(browser)
    browser.report(id=7, t=1.0)
    assert browser.session.scheduler.playback.frame(time.monotonic()) == 0


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"kind": "clock"}', '{"kind":"clock","id":1e999}', "null"])
def test_rubbish_from_a_browser_is_ignored(browser, text):
    browser.field.value = text
    finished(browser.field._callback(None))
    settle(browser)


def test_a_failing_picture_is_told_and_the_next_change_works_again(browser):
    settle(browser)
    browser.error = RuntimeError("no paint left")
    browser.session.edit(turn_deg=10.0)
    browser.wait_for(lambda: any("no paint left" in n.body for n in browser.notices))
    browser.error = None
    count = len(browser.images)
    browser.session.edit(turn_deg=20.0)
    browser.wait_for(lambda: len(browser.images) > count)


def test_two_browsers_have_their_own_camera_time_and_sliders(shelf, browser):
    other = FakeClient()
    other.session = Session(other, shelf, start=None, size=64)
    worker = Worker(other.session)
    worker.start()
    before = settle(browser)
    other.session.edit(turn_deg=40.0)
    other.report(t=1.0)
    changed = settle(other)
    assert np.abs(changed - before).mean() > 0.5
    assert np.abs(settle(browser) - before).max() == 0
    other.session.stop()
    worker.join(10)
    assert not worker.is_alive()
    browser.session.edit(nod_deg=20.0)
    assert np.abs(settle(browser) - before).mean() > 0.1


def test_a_browser_without_player_is_driven_from_the_command_palette(shelf):
    client = FakeClient(acknowledge=False)
    session = Session(client, shelf, start=None, size=64)
    worker = Worker(session)
    worker.start()
    session.command("toggle")
    client.wait_for(lambda: len(client.images) >= 3)
    session.stop()
    worker.join(10)


def test_a_voice_becomes_a_performance_of_its_length(shelf):
    pytest.importorskip("gaussian_head.motion.drive")
    client = FakeClient()
    session = Session(client, shelf, start=None, size=64)
    session.give_voice("hello.wav", wav_bytes(1.0))
    assert [p.name for p in session.performances] == ["Captured clip", "hello.wav"]
    assert session.staging.performance.motion.duration == pytest.approx(1.0, abs=0.041)
    assert "UklGR" in client.scripts[-2], "the sound goes to the browser as wav"
    assert all(n.removed for n in client.notices)


@pytest.mark.parametrize(
    ("name", "content"), [("notes.txt", b"not a sound"), ("empty.wav", wav_bytes(0.0)), ("../../etc/x.mp4", b"\0" * 99)]
)
def test_what_is_no_sound_is_refused_by_its_own_name(shelf, name, content):
    client = FakeClient()
    session = Session(client, shelf, start=None, size=64)
    session.give_voice(name, content)
    (complaint,) = [n for n in client.notices if not n.removed]
    assert name in complaint.body
    assert "/tmp" not in complaint.body
    assert len(session.performances) == 1


def test_uploads_over_the_limit_are_refused_before_decoding(monkeypatch):
    monkeypatch.setattr("gaussian_head.playing.given.MAX_UPLOAD_MB", 0)
    with pytest.raises(InputError, match=r"big\.wav .* MB"):
        uploaded_samples("big.wav", wav_bytes())


def test_too_long_a_voice_is_refused(shelf, monkeypatch):
    monkeypatch.setattr("gaussian_head.playing.performances.MAX_SECONDS", 0.5)
    with pytest.raises(InputError, match=r"long\.wav is 1\.0 s"):
        spoken(shelf.get("head").head, np.zeros(16000, np.float32), "long.wav")


def test_what_is_played_is_directed_into_a_performance_of_its_own(browser):
    session, told = browser.session, []
    with pytest.raises(InputError, match="has no sound"):
        session.direct(Direction(pose="still"))
    session.give_voice("said.wav", wav_bytes(seconds=2))
    plain = session.staging.performance
    session.direct(Direction(pose="nods twice", emotion="surprised:0.5", seed=3), listener=told.append)
    directed = session.staging.performance
    assert directed.name == "said.wav, directed: nods twice, surprised:0.5, take 4"
    assert not np.array_equal(directed.motion.head.quats, plain.motion.head.quats)
    assert [p.name for p in session.performances][-2:] == ["said.wav", directed.name]
    session.direct(Direction(pose="still", seed=1))
    assert session.staging.performance.name == "said.wav, directed: still, take 2"
    session.choose_person("head 2")
    assert len([p for p in session.performances if "directed" in p.name]) == 2
    assert session.staging.performance.direction == Direction(pose="still", seed=1)
    assert b"gaussian-head-motion" in motion_file(session)


def test_nothing_of_a_browser_stays_once_it_has_left(shelf):
    client = FakeClient()
    client.session = Session(client, shelf, start=None, size=64)
    worker = Worker(client.session)
    worker.start()
    settle(client)
    client.session.give_voice("hello.wav", wav_bytes(1.0))
    left = weakref.ref(client.session), weakref.ref(worker)
    client.session.stop()
    worker.join(10)
    del client, worker
    end = time.monotonic() + 5  # the fake's own threads end
    while any(ref() is not None for ref in left) and time.monotonic() < end:
        gc.collect()
        time.sleep(0.05)
    assert [ref() for ref in left] == [None, None]
