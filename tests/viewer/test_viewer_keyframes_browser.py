"""The camera tab in headless Chromium: presets, keyframes laid down, flown, saved, loaded and left by a drag."""

import json

import numpy as np
import pytest
from gaussian_head.viewer import serve
from support_browser import Page
from support_head import make_actor

from gaussian_head.rendering import load_path

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def viewer():
    handle = serve([make_actor(num_gaussians=1000, size=96)], port=0, size=128, block=False)
    yield handle
    handle.stop()


@pytest.fixture(scope="module")
def page(chromium, viewer):
    page = Page(chromium, viewer.url)
    page.open("Camera")
    yield page
    assert page.errors == []
    page.tab.close()


@pytest.fixture
def session(page, viewer):
    """The browser's session, at the front, at the first frame and without keyframes."""
    session = viewer.sessions[0]
    page.tab.evaluate("gaussianHead.pause(); gaussianHead.seek(0)")
    page.press("Delete all")
    page.until(lambda: not session.keyframes, "the keyframes to go")
    page.press("Reset view")
    page.until(lambda: yaw(session) == pytest.approx(0, abs=0.01), "the front view")
    return session


def yaw(session):
    """Where the browser's camera is about the head, radians."""
    centre = session.staging.person.head.centre.numpy()
    x, _, z = np.array(session.view().position) - centre
    return float(np.arctan2(-x, -z))


def add(page, session, preset, seconds):
    """Lay down a keyframe at a preset and a moment."""
    before = len(session.keyframes)
    page.press(preset)
    page.until(lambda: session.staging.path is None and abs(yaw(session)) > 0.3, f"the view {preset}")
    page.tab.evaluate(f"gaussianHead.seek({seconds})")
    page.until(lambda: session.frame() == round(seconds * 25), "the moment")
    page.press("Add keyframe")
    page.until(lambda: len(session.keyframes) == before + 1, "the keyframe")


def test_presets_stand_on_both_sides(page, session):
    page.press("¾ left")
    page.until(lambda: abs(yaw(session)) > 0.5, "one side")
    left = yaw(session)
    page.press("¾ right")
    page.until(lambda: yaw(session) * left < 0, "the other side")
    page.press("Side left")
    page.until(lambda: yaw(session) * left > 0 and abs(yaw(session)) > 0.95, "the first side from further round")
    front = page.settled()
    page.press("Front")
    page.differs(front, 2.0, "the picture to turn")


def test_keyframes_are_laid_down_flown_and_left_by_a_drag(page, session):
    add(page, session, "¾ left", 0.0)
    add(page, session, "¾ right", 1.6)
    page.press("Front")
    page.until(lambda: abs(yaw(session)) < 0.01, "the front")
    page.tab.evaluate("gaussianHead.seek(0)")
    front = page.settled()
    page.tab.get_by_label("Preview path").click()
    page.until(lambda: session.staging.path is not None, "the path to be followed")
    page.differs(front, 2.0, "the first keyframe's picture")
    first = page.settled()
    page.press("Play")
    page.differs(first, 2.0, "the camera to move while it plays")
    page.press("Pause")
    page.tab.mouse.move(400, 250)
    page.tab.mouse.down()
    for x in range(400, 460, 10):
        page.tab.mouse.move(x, 250)
    page.tab.mouse.up()
    page.until(lambda: session.staging.path is None, "the drag to leave the path")
    page.until(lambda: not page.tab.get_by_label("Preview path").is_checked(), "the tick to go")


def test_to_go_to_a_keyframe_is_to_see_it_at_its_moment(page, session):
    add(page, session, "¾ left", 0.4)
    there = session.keyframes[0].view.position
    page.press("Front")
    page.tab.evaluate("gaussianHead.seek(0)")
    page.until(lambda: abs(yaw(session)) < 0.01 and session.frame() == 0, "somewhere else")
    page.press("Go there")
    page.until(lambda: session.frame() == 10, "the moment of the keyframe")
    page.until(lambda: np.allclose(session.view().position, there, atol=1e-4), "its view")


def test_a_keyframe_is_deleted_and_the_others_stay(page, session):
    add(page, session, "¾ left", 0.0)
    add(page, session, "¾ right", 0.8)
    page.press("Delete")
    page.until(lambda: [k.time for k in session.keyframes] == [0.0], "the chosen one to go")


def test_a_path_is_saved_as_render_reads_it_and_loaded_again(page, session, tmp_path):
    add(page, session, "¾ left", 0.0)
    add(page, session, "¾ right", 0.8)
    keys = session.keyframes
    with page.tab.expect_download(timeout=120_000) as download:
        page.press("Save path")
    path = tmp_path / "mine.json"
    download.value.save_as(path)
    head = session.staging.person.head
    assert len(json.loads(path.read_text())["keyframes"]) == 2
    assert np.allclose(load_path(path, head, 30, fps=25.0)[20].position, keys[1].view.position, atol=1e-4)
    page.press("Delete all")
    page.until(lambda: not session.keyframes, "the keyframes to go")
    page.tab.locator("input[type=file]").last.set_input_files(str(path))
    page.until(lambda: len(session.keyframes) == 2, "the path to be loaded")
    assert session.keyframes[1].view.position == pytest.approx(keys[1].view.position, abs=1e-4)


def test_what_is_no_path_is_told_and_changes_nothing(page, session, tmp_path):
    (tmp_path / "list.json").write_text("[1, 2]")
    page.tab.locator("input[type=file]").last.set_input_files(str(tmp_path / "list.json"))
    page.tab.get_by_text("camera path list.json is not a list of keyframes").first.wait_for()
    assert session.keyframes == ()
    page.tab.get_by_label("Preview path").click()
    page.tab.get_by_text("there is no keyframe yet").first.wait_for()
    page.until(lambda: not page.tab.get_by_label("Preview path").is_checked(), "the tick to go")


def test_field_of_view_follows_its_slider(page, session):
    before = session.view().fov
    slider = page.tab.get_by_role("slider").first
    slider.focus()
    for _ in range(10):
        slider.press("ArrowRight")
    page.until(lambda: session.view().fov > before + 0.05, "a wider view")
    page.press("Reset view")
    page.until(lambda: session.view().fov == pytest.approx(before, abs=1e-3), "the recorded one")


def drag(page, x, y=0):
    """Drag the picture by so many pixels."""
    page.tab.mouse.move(400, 250)
    page.tab.mouse.down()
    for share in range(1, 11):
        page.tab.mouse.move(400 + x * share / 10, 250 + y * share / 10)
    page.tab.mouse.up()


def come_to(page, session, degrees, what):
    page.until(lambda: np.degrees(abs(yaw(session))) == pytest.approx(degrees, abs=3), what)


def test_a_drag_turns_by_pixels_and_ends_where_the_head_does(page, session):
    drag(page, 100)
    come_to(page, session, 15, "a drag of 100 pixels to turn by 15 degrees")
    for _ in range(3):
        drag(page, 350)
    come_to(page, session, 60, "drags to end at 60 degrees")
    for _ in range(8):
        drag(page, -350)
    come_to(page, session, 60, "drags to end at 60 degrees on the other side")


def test_a_drag_up_ends_before_the_crown(page, session):
    for _ in range(4):
        drag(page, 0, -180)
    page.tab.wait_for_timeout(300)
    centre = session.staging.person.head.centre.numpy()
    away = np.array(session.view().position) - centre
    assert np.degrees(np.arcsin(abs(away[1]) / np.linalg.norm(away))) < 40


def test_who_wants_to_may_drag_all_the_way_round(page, session):
    page.tab.get_by_label("All the way round").click()
    try:
        for _ in range(2):
            drag(page, 350)
        come_to(page, session, 105, "a drag beyond the limits")
    finally:
        page.tab.get_by_label("All the way round").click()
    page.press("Side right")
    come_to(page, session, 60, "the preset")
    drag(page, 100 if yaw(session) > 0 else -100)
    drag(page, -100 if yaw(session) > 0 else 100)
    page.tab.wait_for_timeout(300)
    assert np.degrees(abs(yaw(session))) < 63


def test_the_wheel_comes_no_nearer_and_goes_no_further_than_the_head_allows(page, session):
    centre = session.staging.person.head.centre.numpy()
    home = float(np.linalg.norm(np.array(session.view().position) - centre))
    page.tab.mouse.move(400, 250)
    for _ in range(40):
        page.tab.mouse.wheel(0, 600)
    page.tab.wait_for_timeout(500)
    assert np.linalg.norm(np.array(session.view().position) - centre) / home == pytest.approx(2.5, abs=0.2)
