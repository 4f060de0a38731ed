"""Every control that has to do with the browser, in headless Chromium: pressed as a user does, seen as a user does."""

import io
import time

import numpy as np
import pytest
import torch
from fake_browser import wav_bytes
from gaussian_head.viewer import serve, worker
from PIL import Image
from support_browser import OpenedPage, Page
from support_head import make_actor
from support_reel import Reel

from gaussian_head.playing import shelf, stage
from gaussian_head.playing.footage import Footage
from gaussian_head.playing.pictures import styled_gaussians, to_bytes
from gaussian_head.playing.views import camera_of
from gaussian_head.rendering import render_gaussians

pytestmark = pytest.mark.browser
ACTORS = [make_actor(num_gaussians=1500, size=128), make_actor(num_gaussians=1200, size=128, seed=1)]


class Footages:
    """Stands in for Footage: the first head still has its recording."""

    def __new__(cls):
        return Footage()

    @staticmethod
    def of(clip):
        return Footage(capture=Reel(ACTORS[0])) if clip is ACTORS[0].clip else Footage()


@pytest.fixture(scope="module")
def viewer():
    original, shelf.Footage = shelf.Footage, Footages
    handle = serve(ACTORS, port=0, size=160, block=False)
    yield handle
    handle.stop()
    shelf.Footage = original


@pytest.fixture(scope="module")
def page(chromium, viewer):
    page = Page(chromium, viewer.url)
    yield page
    page.tab.close()
    page.until(lambda: not viewer.sessions, "the server to notice that the browser left")


@pytest.fixture(autouse=True)
def at_rest(page, viewer):
    yield
    page.tab.evaluate("gaussianHead.pause(); gaussianHead.seek(0); gaussianHead.setRate(1)")
    session = viewer.sessions[0]
    session.compare(None)
    session.choose_person("head")
    session.perform(session.performances[0])
    session.restyle(mode="rgb", plate=True)
    session.draw_in_browser(False)
    session.relax()
    page.open("Play")
    page.until(lambda: page.state()["number"] == session.number, "what is on stage to reach the page")
    assert page.errors == []


def pick(page, name, option):
    page.tab.get_by_role("combobox", name=name, exact=True).click()
    page.tab.get_by_role("option", name=option, exact=True).click()


def text(page, selector):
    return page.tab.locator(selector).inner_text()


@pytest.mark.parametrize(
    ("label", "legend"),
    [("Depth", " m"), ("Normals", "at you"), ("Opacity", "Opacity"), ("Parts", "torso"), ("Motion", "mm")],
)
def test_looks_change_the_picture_and_explain_themselves(page, label, legend):
    before = page.settled()
    page.open("Look")
    pick(page, "Show", label)
    page.differs(before, 3.0, f"the look {label}")
    page.until(lambda: legend in text(page, "#gh-legend"), "its legend")
    pick(page, "Show", "Colour")
    page.until(lambda: not page.tab.locator("#gh-legend").is_visible(), "the legend to go")


def test_ellipsoids_and_gaussian_size(page):
    before = page.settled()
    page.open("Look")
    pick(page, "Show", "Ellipsoids")
    page.differs(before, 1.0, "ellipsoids")


def test_the_status_names_frame_time_count_and_size(page):
    page.tab.evaluate("gaussianHead.seek(0.61)")
    page.until(lambda: text(page, "#gh-chip").startswith("frame 16 of 50"), "the frame")
    page.until(lambda: " x 160" in text(page, "#gh-chip"), "the full picture")
    status = text(page, "#gh-chip")
    assert " ms" in status
    assert "1,500 Gaussians" in status


def test_a_wipe_against_the_recorded_frame_can_be_dragged(page, viewer):
    page.open("Look")
    pick(page, "Compare", "Wipe")
    page.until(lambda: text(page, "#gh-left") == "recorded" and text(page, "#gh-right") == "rendered", "the labels")
    page.until(lambda: "PSNR" in text(page, "#gh-chip"), "the likeness")
    line = page.tab.locator("#gh-split").bounding_box()
    page.tab.mouse.move(line["x"] + line["width"] / 2, line["y"] + 100)
    page.tab.mouse.down()
    page.tab.mouse.move(line["x"] - 150, line["y"] + 100, steps=4)
    page.tab.mouse.up()
    page.until(lambda: viewer.sessions[0].staging.versus.split < 0.45, "the line to follow")
    pick(page, "Compare", "Difference x4")
    page.until(lambda: page.pixels().mean() < 40, "a dark difference")
    pick(page, "Compare", "Side by side")
    page.until(lambda: page.pixels().mean() > 60, "both pictures")
    pick(page, "Compare", "Off")
    page.until(lambda: not page.tab.locator("#gh-left").is_visible(), "the labels to go")


def test_comparing_is_disabled_with_its_reason_where_nothing_was_recorded(page):
    pick(page, "Head", "head 2")
    page.open("Look")
    page.until(lambda: page.tab.get_by_text("no longer beside it").is_visible(), "the reason")
    assert page.tab.get_by_role("combobox", name="Compare", exact=True).is_disabled()
    pick(page, "With", "head")
    page.until(lambda: page.tab.get_by_role("combobox", name="Compare", exact=True).is_enabled(), "another head")
    pick(page, "Compare", "Difference x4")
    page.until(lambda: "x4" in text(page, "#gh-left"), "the difference of two heads")


def test_speeds_and_the_loop_are_told_to_the_server(page, viewer):
    playback = viewer.sessions[0].scheduler.playback
    for speed in ("0.25", "2", "1"):
        page.tab.get_by_label("Speed").select_option(speed)
        page.until(lambda s=speed: playback.rate == float(s), "the speed")
    page.press("Loop")
    page.until(lambda: not playback.loop, "the loop to be off")
    page.press("Loop")
    page.until(lambda: playback.loop, "the loop to be on")


def test_blink_button_key_and_switch(page, viewer):
    session = viewer.sessions[0]
    page.open("Face")
    began = session._blinked_at
    page.press("Blink now")
    page.until(lambda: session._blinked_at > began, "a blink")
    began = session._blinked_at
    page.tab.keyboard.press("b")
    page.until(lambda: session._blinked_at > began, "another blink")
    page.open("Play")
    pick(page, "Blinks", "none")
    page.until(lambda: session.staging.edits.blink == "off", "no blinks")
    page.open("Face")
    page.press("Relax")
    page.until(lambda: session.staging.edits.blink == "natural", "everything to be relaxed")
    page.open("Play")
    assert page.tab.get_by_role("combobox", name="Blinks", exact=True).input_value() == "as performed"


def test_a_dropped_file_is_spoken_and_one_too_large_refused_before_it_is_sent(page, viewer):
    page.tab.evaluate("gaussianHead.offer({size: 300 * 2 ** 20}, 'huge.mp4')")
    page.until(lambda: page.tab.get_by_text("huge.mp4 has 300 MB; at most 200 MB").is_visible(), "the refusal")
    data = list(wav_bytes(1.0))
    page.tab.evaluate(
        """(data) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array(data)], 'dropped.wav', { type: 'audio/wav' }));
          const options = { dataTransfer: transfer, bubbles: true, cancelable: true };
          document.body.dispatchEvent(new DragEvent('drop', options));
        }""",
        data,
    )
    page.until(lambda: page.state()["name"] == "dropped.wav", "the dropped voice")


def test_an_upload_shows_its_progress_and_can_be_called_off(page, viewer, monkeypatch):
    """The server takes its time over every piece."""
    voices = viewer.sessions[0].voices
    receive = voices.receive
    monkeypatch.setattr(voices, "receive", lambda report: (time.sleep(0.3), receive(report)))
    page.tab.locator("input[type=file]").first.set_input_files(
        files=[{"name": "long.wav", "mimeType": "audio/wav", "buffer": wav_bytes(100.0)}]
    )
    page.until(lambda: page.tab.get_by_text("Receiving long.wav").is_visible(), "its progress")
    page.press("Cancel")
    page.until(lambda: not page.tab.get_by_text("Receiving long.wav").is_visible(), "the progress to go")
    assert all(p.name != "long.wav" for p in viewer.sessions[0].performances)


def test_the_microphone_records_a_voice(page, viewer):
    """Chromium's own beeping microphone."""
    page.tab.context.grant_permissions(["microphone"], origin=viewer.url)
    page.press("Record a voice")
    page.tab.get_by_role("button", name="End recording").wait_for()
    time.sleep(1.5)
    page.press("End recording")
    page.until(lambda: page.state()["name"].startswith("Recording "), "the recording to be spoken")
    assert 0.5 < page.state()["duration"] < 60


def test_a_link_leads_a_second_browser_to_the_same_view(page, chromium, viewer):
    page.tab.keyboard.press("3")
    page.tab.evaluate("gaussianHead.seek(1.0)")
    page.until(lambda: "yaw=35.0" in page.tab.evaluate("gaussianHead.link()"), "the link to know the view")
    address = page.tab.evaluate("gaussianHead.link()")
    assert "t=1.00" in address
    here = page.settled()
    other = OpenedPage(chromium.new_page(viewport=page.tab.viewport_size))
    other.tab.set_default_timeout(120_000)
    other.tab.goto(address)
    other.tab.wait_for_selector("#gh-bar")
    other.until(lambda: other.state()["t"] == 1.0, "the moment")
    other.until(lambda: np.abs(other.pixels() - here).mean() < 1.0, "the same picture")
    other.tab.close()
    page.until(lambda: len(viewer.sessions) == 1, "the server to notice that it left")
    page.tab.keyboard.press("r")


def test_an_error_is_told_without_folders_and_the_viewer_recovers(page, viewer, monkeypatch):
    def broken(*arguments, **options):
        raise RuntimeError("no such file /srv/secret/weights.bin")

    front = page.settled()
    monkeypatch.setattr(worker, "staged", broken)
    page.tab.keyboard.press("4")
    page.until(lambda: page.tab.get_by_text("no such file weights.bin").is_visible(), "the complaint")
    assert "/srv" not in page.tab.content()
    monkeypatch.setattr(worker, "staged", stage.staged)
    page.tab.keyboard.press("r")
    page.tab.keyboard.press("4")
    page.differs(front, 3.0, "the profile view")
    page.tab.keyboard.press("r")


def test_the_page_names_no_folder_of_the_server(page):
    from pathlib import Path

    page.open("Save")
    assert str(Path(__file__).parents[2]) not in page.tab.content()
    assert str(Path.home()) not in page.tab.content()


def test_splats_drawn_by_the_browser_are_the_picture_drawn_here(page, viewer):
    """One still picture: a software renderer takes its time over each."""
    session = viewer.sessions[0]
    session.restyle(plate=False, color=(0.2, 0.3, 0.4))
    page.open("Look")
    page.tab.get_by_label("Draw in the browser (WebGL)").click()
    page.until(lambda: "drawn by the browser" in text(page, "#gh-chip"), "the browser to draw")
    page.until(lambda: page.tab.locator("#gh-screen").is_hidden(), "our picture to go")
    box = page.tab.evaluate("(c => [c.clientWidth, c.clientHeight])(document.querySelector('canvas'))")
    head, scene = session.staging.person.head, session.staging
    camera = camera_of(session.view(), head, box[1], centred=True)
    gaussians = styled_gaussians(head, scene.moment(0), 0, scene.look)
    expected = to_bytes(render_gaussians(gaussians, camera, background=torch.tensor(scene.look.color)).rgb)
    expected = expected[150:430, 330:570].astype(int)

    def likeness():
        error = np.mean((np.array(drawn(page)) - expected) ** 2.0)
        return 10 * np.log10(255**2 / max(error, 1e-9))

    best = 0.0
    for _ in range(60):
        best = max(best, likeness())
        if best > 30:
            break
        time.sleep(1.0)
    assert best > 30


def drawn(page):
    clip = {"x": 330, "y": 150, "width": 240, "height": 280}
    return np.array(Image.open(io.BytesIO(page.tab.screenshot(clip=clip))).convert("RGB")).astype(int)
