"""The Direct tab in headless Chromium: a performance is asked for, its tracks are seen, its file plays the same."""

from pathlib import Path

import numpy as np
import pytest
from fake_browser import wav_bytes
from gaussian_head.viewer import serve
from gaussian_head.viewer.tracks import tracks_of
from support_browser import Page
from support_head import make_actor, make_motion

from gaussian_head.io.motion_file import read_motion
from gaussian_head.motion.found_acts import find_acts
from gaussian_head.motion.mood_words import read_moods
from gaussian_head.rendering import render_frame


def test_tracks_show_what_moves_and_leave_out_nothing():
    tracks = {row["name"]: np.array(row["values"]) for row in tracks_of(make_motion(1500))}
    assert list(tracks) == ["nod", "turn", "tilt", "brows", "lids", "smile", "mouth"]
    assert {len(values) for values in tracks.values()} == {600}
    assert all(np.abs(values).max() <= 100 for values in tracks.values())
    assert np.abs(tracks["mouth"]).max() == 100
    assert np.abs(tracks["smile"]).max() == 0


@pytest.fixture(scope="module")
def viewer(tmp_path_factory):
    sound = tmp_path_factory.mktemp("sound") / "said.wav"
    sound.write_bytes(wav_bytes(6.0))
    actors = [make_actor(num_gaussians=1500, size=128, seed=seed) for seed in (0, 1)]
    handle = serve(actors, port=0, size=160, audio=sound, block=False)
    yield handle
    handle.stop()


@pytest.fixture(scope="module")
def page(chromium, viewer):
    page = Page(chromium, viewer.url)
    page.open("Direct")
    yield page
    assert page.errors == []
    page.tab.close()


def pick(page, name, option):
    page.tab.get_by_role("combobox", name=name, exact=True).click()
    page.tab.get_by_role("option", name=option, exact=True).click()


def performed(page, words):
    page.until(lambda: page.state()["name"] == f"said.wav, directed: {words}", f"the performance {words}")


@pytest.mark.browser
def test_what_is_directed_is_performed_seen_and_saved(page, viewer, tmp_path):
    session = viewer.sessions[0]
    panel = page.tab.locator("#gh-tracks")
    assert not panel.is_visible()
    pick(page, "Movement", "in words")
    page.tab.locator("input[value^=nods]").fill("turns left for 1 s, then nods twice")
    pick(page, "Lips", "one of the ways people say it")
    page.press("Perform")
    performed(page, "turns left for 1 s, then nods twice, lips sampled, take 1")
    page.until(panel.is_visible, "the tracks")
    assert page.state()["rows"][:3] == ["nod", "turn", "tilt"]
    motion = session.staging.performance.motion
    assert [act.kind for act in find_acts(motion.head, motion.gaze, motion.fps)] == ["turn", "nod"]

    box, clock = panel.bounding_box(), page.tab.locator(".wave").bounding_box()
    page.tab.mouse.click(clock["x"] + clock["width"] / 2, box["y"] + box["height"] / 2)
    page.until(lambda: abs(page.state()["t"] - page.state()["duration"] / 2) < 0.1, "the clock to follow the tracks")

    with page.tab.expect_download(timeout=120_000) as arrived:
        page.press("Save as motion file")
    arrived.value.save_as(tmp_path / "performance.json")
    again, head = read_motion(tmp_path / "performance.json"), session.staging.person.head
    assert len(again) == len(motion)
    for t in (0, 40, 100):
        shown, saved = (render_frame(head, played, t).rgb for played in (motion, again))
        np.testing.assert_allclose(shown.numpy(), saved.numpy(), atol=1 / 255)


@pytest.mark.browser
def test_another_take_differs_and_moods_are_heard(page, viewer):
    session = viewer.sessions[0]
    before = session.staging.performance.motion
    page.press("Another take")
    performed(page, "turns left for 1 s, then nods twice, lips sampled, take 2")
    after = session.staging.performance.motion
    assert float((after.units - before.units).abs().max()) > 0.01
    happy = page.tab.get_by_role("slider").first
    happy.focus()
    for _ in range(8):
        happy.press("ArrowRight")
    pick(page, "Movement", "still")
    pick(page, "Lips", "as this voice usually says it")
    page.press("Perform")
    performed(page, "still, happy:0.4, take 2")


def dragged(page, number, seconds, strength):
    """Drag a key by the mouse to another time and strength."""
    clock, box = page.tab.locator(".wave").bounding_box(), page.tab.locator("#gh-tracks").bounding_box()
    duration, key = page.state()["duration"], page.state()["marks"][number]

    def place(at, strength):
        return clock["x"] + at / duration * clock["width"], box["y"] + 8 + (1 - strength) * 26

    page.tab.mouse.move(*place(key["at"], key["strength"]))
    page.tab.mouse.down()
    page.tab.mouse.move(*place(seconds - 0.3, 0.5), steps=3)
    page.tab.mouse.move(*place(seconds, strength), steps=3)
    page.tab.mouse.up()


@pytest.mark.browser
def test_keys_of_moods_and_acts_are_added_dragged_performed_and_saved(page, viewer, tmp_path):
    session = viewer.sessions[0]
    page.tab.get_by_text("Over time").click()
    for count, (seconds, what) in enumerate([(1.0, "happy"), (4.0, "surprised"), (2.0, "a movement of the head")], 1):
        page.tab.evaluate(f"window.gaussianHead.seek({seconds})")
        page.until(lambda at=seconds: abs(session.frame() / 25 - at) < 0.1, "the moment")
        pick(page, "Key", what)
        page.press("Add at this moment")
        page.until(lambda n=count: len(page.state()["marks"]) == n, f"key {count}")
    assert [key["what"] for key in page.state()["marks"]] == ["happy", "nods twice", "surprised"]
    dragged(page, 2, 5.0, 0.9)
    page.until(lambda: len(session.keys) == 3 and abs(session.keys[2].at - 5.0) < 0.1, "the key to be dragged")
    assert session.keys[2].strength == pytest.approx(0.9, abs=0.06)

    page.press("Perform")
    act = session.keys[1].told
    performed(page, f"{act}, moods-over-time, take 2")
    motion = session.staging.performance.motion
    (nod,) = (found for found in find_acts(motion.head, motion.gaze, motion.fps) if found.kind == "nod")
    assert nod.begin == pytest.approx(session.keys[1].at, abs=0.3)
    smile, brows = (motion.control(name) for name in ("mouthSmileLeft", "browInnerUp"))
    assert float(smile[15:35].mean()) > float(smile[-20:].mean()) + 0.05
    assert float(brows[-20:].mean()) > float(brows[15:35].mean()) + 0.05

    with page.tab.expect_download(timeout=120_000) as arrived:
        page.press("Save the moods' keys")
    arrived.value.save_as(tmp_path / "moods.json")
    assert [key.at for key in read_moods(tmp_path / "moods.json").keys] == [session.keys[0].at, session.keys[2].at]
    with page.tab.expect_download(timeout=120_000) as arrived:
        page.press("Save the acts' keys")
    assert arrived.value.suggested_filename.endswith(".txt")
    assert Path(arrived.value.path()).read_text(encoding="utf-8") == act
    page.press("Remove this key")
    page.until(lambda: len(page.state()["marks"]) == 2, "a key to go")


@pytest.mark.browser
def test_a_way_of_speaking_that_nobody_recorded_is_told(page):
    pick(page, "Way of speaking", "head 2")
    page.press("Perform")
    page.until(page.tab.get_by_text("the capture of head 2 is no longer beside it").is_visible, "the reason")
    pick(page, "Way of speaking", "their own")


@pytest.mark.browser
def test_the_tracks_go_where_they_are_not_wanted(page):
    page.tab.get_by_label("Tracks over the waveform").click()
    page.until(lambda: not page.tab.locator("#gh-tracks").is_visible(), "the tracks to go")
