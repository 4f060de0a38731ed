"""The viewer in headless Chromium: what a user sees, clicks, hears of and takes away."""

import time

import numpy as np
import pytest
from fake_browser import wav_bytes
from gaussian_head.viewer import serve
from PIL import Image
from support_browser import OpenedPage, Page
from support_head import make_actor

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def viewer():
    handle = serve([make_actor(num_gaussians=1500, size=128)], port=0, size=160, block=False)
    yield handle
    handle.stop()


@pytest.fixture(scope="module")
def page(chromium, viewer):
    page = Page(chromium, viewer.url)
    yield page
    page.tab.close()
    page.until(lambda: not viewer.sessions, "the server to notice that the browser left")


@pytest.fixture(autouse=True)
def at_rest(page):
    """Every test starts in front, paused, at the first frame, and may leave no error in the page."""
    page.tab.evaluate("gaussianHead.pause(); gaussianHead.seek(0)")
    page.tab.keyboard.press("r")
    page.open("Play")
    yield
    assert page.errors == []


def test_the_picture_lies_over_the_3d_scene_and_under_the_panels(page, viewer):
    """A first picture may have gone to the scene's background before the player answered."""
    viewer.sessions[0].client.scene.set_background_image(np.zeros((8, 8, 3), np.uint8), format="jpeg")
    page.settled()
    assert page.skin() > 0.15
    page.tab.get_by_role("tab", name="Look").click(timeout=5000)


def test_nothing_is_said_over_the_picture_of_how_fast_the_browser_draws_3d(page):
    warned = page.tab.get_by_text("Software WebGL")
    page.until(lambda: not warned.count(), "the warning to be taken away", seconds=20)


def test_play_runs_and_pause_stops(page):
    before = page.settled()
    page.press("Play")
    page.until(lambda: page.state()["t"] > 0.3, "time to advance")
    page.differs(before, 0.2, "the picture to change while playing")
    page.press("Pause")
    stopped = page.state()["t"]
    page.settled()
    assert page.state()["t"] == stopped


def test_dragging_turns_the_head(page):
    before = page.settled()
    page.tab.mouse.move(400, 250)
    page.tab.mouse.down()
    for x in range(400, 500, 10):
        page.tab.mouse.move(x, 250)
    page.tab.mouse.up()
    page.differs(before, 2.0, "the picture to follow the drag")


def test_timeline_scrubs_to_the_frame_under_the_pointer(page, viewer):
    page.settled()
    box = page.tab.get_by_label("Timeline").bounding_box()
    page.tab.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 20)
    assert page.state()["t"] == pytest.approx(1.0, abs=0.05)
    playback = viewer.sessions[0].scheduler.playback
    page.until(lambda: abs(playback.frame(time.monotonic()) - 25) <= 1, "the server to go there")


def test_hotkeys_play_step_and_reset(page):
    front = page.settled()
    page.tab.keyboard.press("ArrowRight")
    page.tab.keyboard.press("ArrowRight")
    assert page.state()["t"] == pytest.approx(2.01 / 25, abs=1e-6)
    page.tab.keyboard.press("ArrowLeft")
    page.tab.keyboard.press("ArrowLeft")
    page.tab.keyboard.press("Space")
    page.until(lambda: page.state()["playing"], "space to play")
    page.tab.keyboard.press("Space")
    assert not page.state()["playing"]
    page.tab.keyboard.press("Home")
    page.tab.keyboard.press("4")
    page.differs(front, 3.0, "the profile view")
    page.tab.keyboard.press("r")
    page.until(lambda: np.abs(page.pixels() - front).mean() < 0.5, "the front view again")


def test_a_part_can_be_hidden_and_shown(page):
    before = page.settled()
    page.open("Look")
    page.tab.get_by_label("Torso").click()
    page.differs(before, 1.0, "the torso to go")
    page.tab.get_by_label("Torso").click()
    page.until(lambda: np.abs(page.pixels() - before).mean() < 0.5, "the torso to come back")


def test_a_slider_pulls_the_face_and_relax_lets_go(page):
    before = page.settled()
    page.open("Face")
    slider = page.tab.get_by_role("slider").first
    slider.focus()
    for _ in range(12):
        slider.press("ArrowRight")
    page.differs(before, 0.5, "the head to turn")
    page.settled()
    assert page.state()["t"] == 0, "an arrow in a slider is not an arrow of the player"
    page.press("Relax")
    page.until(lambda: np.abs(page.pixels() - before).mean() < 0.3, "the face to relax")


def test_a_given_voice_is_spoken_with_sound_as_the_clock(page, tmp_path):
    pytest.importorskip("gaussian_head.motion.drive")
    path = tmp_path / "hello.wav"
    path.write_bytes(wav_bytes(3.0))
    page.tab.locator("input[type=file]").first.set_input_files(str(path))
    page.until(lambda: page.state()["name"] == "hello.wav", "the voice to be ready")
    page.until(lambda: page.tab.evaluate("gaussianHead.state().hasSound"), "the sound to arrive")
    assert page.state()["duration"] == pytest.approx(3.0, abs=0.05)
    before = page.settled()
    page.press("Play")
    page.until(lambda: page.state()["t"] > 0.5, "the sound to run")
    page.differs(before, 0.1, "the mouth to move")
    page.press("Pause")


def test_a_screenshot_is_a_png_of_the_asked_height(page):
    page.open("Save")
    with page.tab.expect_download(timeout=120_000) as download:
        page.press("Screenshot")
    picture = Image.open(download.value.path())
    assert picture.format == "PNG"
    assert picture.height == 1024
    page.tab.get_by_label("Transparent").click()
    with page.tab.expect_download(timeout=120_000) as download:
        page.press("Screenshot")
    assert Image.open(download.value.path()).mode == "RGBA"
    page.tab.get_by_label("Transparent").click()


def test_a_video_is_written_and_downloaded(page):
    from gaussian_head.media import probe

    page.open("Save")
    with page.tab.expect_download(timeout=120_000) as download:
        page.press("Save video")
    assert probe(download.value.path()).num_frames >= 50


def test_a_second_browser_has_its_own_view_and_may_leave(page, chromium, viewer):
    front = page.settled()
    other = Page(chromium, viewer.url)
    assert len(viewer.sessions) == 2
    other.tab.keyboard.press("4")
    other.differs(front, 3.0, "its own profile view")
    assert np.abs(page.settled() - front).mean() < 0.3
    assert other.errors == []
    other.tab.close()
    page.until(lambda: len(viewer.sessions) == 1, "the server to notice that it left")
    page.tab.keyboard.press("3")
    page.differs(front, 1.0, "the first browser to go on")


def test_pictures_are_acknowledged_and_stay_with_the_clock(page, viewer):
    """Loose on purpose: a software renderer on a busy machine."""
    pacer = viewer.sessions[0].scheduler.pacer
    page.press("Play")
    pacer.sync_errors.clear()
    page.until(lambda: len(pacer.sync_errors) > 40, "forty pictures shown")
    page.press("Pause")
    assert pacer.acknowledges
    assert abs(float(np.median(pacer.sync_errors))) < 0.12


@pytest.mark.parametrize("size", [(390, 844), (360, 640)])
def test_on_a_phone_the_player_covers_no_row_of_the_panel(chromium, viewer, size):
    phone = OpenedPage(chromium.new_page(viewport={"width": size[0], "height": size[1]}))
    phone.tab.goto(f"{viewer.url}?fixedDpr=.25")
    phone.tab.wait_for_selector("#gh-screen")
    covers = """() => {
      const bar = document.querySelector("#gh-bar").getBoundingClientRect();
      const rows = "[role=tab],[role=tabpanel] input,[role=tabpanel] button,.mantine-Slider-root";
      return [...document.querySelectorAll(rows)]
        .map((node) => [node, node.getBoundingClientRect()])
        .filter(([, row]) => row.height > 0 && row.top < innerHeight && row.bottom > bar.top && row.top < bar.bottom)
        .map(([node]) => node.outerHTML.slice(0, 80));
    }"""
    for tab in ("Face", "Play", "Save"):
        phone.open(tab)
        phone.until(lambda: phone.tab.evaluate(covers) == [], f"the player to make way for {tab}", 10)
    bar = phone.tab.locator("#gh-bar").bounding_box()
    last = phone.tab.get_by_role("button", name="Copy link").bounding_box()
    assert last["x"] + last["width"] <= bar["x"] + bar["width"], "every button is in the bar"
    assert phone.errors == []
    phone.tab.close()
    phone.until(lambda: len(viewer.sessions) == 1, "the server to notice that it left")


def test_the_tab_is_named_after_the_project(page):
    page.until(lambda: page.tab.title() == "gaussian-head", "the title")
