"""The save tab in headless Chromium: pictures, videos, files arrive; a cancelled or abandoned video leaves nothing."""

import json
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_browser import wav_bytes
from gaussian_head.viewer import serve
from PIL import Image
from support_browser import Page, require_chromium
from support_capture import make_capture
from support_head import make_actor

from gaussian_head import Actor
from gaussian_head.io.ply import read_ply
from gaussian_head.media import probe, read_audio

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """Where temporary files go while the module runs."""
    folder = tmp_path_factory.mktemp("scratch")
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    yield folder
    tempfile.tempdir = before


@pytest.fixture(scope="module")
def viewer(scratch, tmp_path_factory):
    """A head that speaks for a minute at 384 pixels: its video takes longer than a slow browser needs to cancel it."""
    sound = tmp_path_factory.mktemp("sound") / "long.wav"
    sound.write_bytes(wav_bytes(60.0))
    handle = serve([make_actor(num_gaussians=1500, size=128)], port=0, size=384, audio=sound, block=False)
    yield handle
    handle.stop()


@pytest.fixture(scope="module")
def page(chromium, viewer):
    page = Page(chromium, viewer.url)
    page.open("Save")
    yield page
    assert page.errors == []
    page.tab.close()


def download(page, button):
    with page.tab.expect_download(timeout=240_000) as arrived:
        page.press(button)
    return arrived.value


def choose(page, label, option):
    page.tab.get_by_label(label).click()
    page.tab.get_by_role("option", name=option, exact=True).click()


def nothing_left(page, scratch):
    page.until(lambda: not list(scratch.glob("gaussian-head-*")), "the folder of the work to go")


def test_a_picture_of_the_asked_height_arrives(page):
    choose(page, "Picture height", "256")
    page.tab.get_by_label("Transparent").click()
    picture = Image.open(download(page, "Screenshot").path())
    assert (picture.format, picture.mode, picture.height) == ("PNG", "RGBA", 256)
    assert np.asarray(picture)[:8, :8, 3].max() < 10
    page.tab.get_by_label("Transparent").click()


def test_the_gaussians_of_this_frame_arrive(page):
    assert len(read_ply(download(page, "Save file").path()).means) == 1500


def test_a_cancelled_video_never_arrives_and_leaves_nothing(page, scratch):
    arrived = []
    page.tab.on("download", lambda file: arrived.append(file))
    page.press("Save video")
    page.tab.get_by_text(" left").first.wait_for()
    page.press("Cancel saving")
    page.tab.get_by_role("button", name="Cancel saving", exact=True).wait_for(state="hidden")
    nothing_left(page, scratch)
    assert arrived == []


def test_a_short_video_in_orbit_arrives_with_its_sound(page, viewer, scratch):
    session = viewer.sessions[0]
    spoken = session.staging.performance
    short = replace(spoken, motion=spoken.motion.select(slice(0, 25)), samples=spoken.samples[:16000])
    session.staging = replace(session.staging, performance=short)
    choose(page, "Video height", "256")
    file = download(page, "Save video")
    assert file.suggested_filename == "head-long-orbit.mp4"
    info = probe(file.path())
    assert (info.height, info.num_frames) == (256, 25)
    assert np.abs(read_audio(file.path())).max() > 0.1
    nothing_left(page, scratch)
    session.staging = replace(session.staging, performance=spoken)


def test_without_keyframes_their_video_says_what_to_do(page):
    choose(page, "Filmed from", "the keyframes")
    page.press("Save video")
    page.tab.get_by_text("there is no keyframe yet").first.wait_for()
    choose(page, "Filmed from", "in orbit")


def test_any_registered_format_can_be_chosen(page):
    from gaussian_head.exporting import FORMATS

    page.tab.get_by_label("File format").click()
    offered = page.tab.get_by_role("option").all_inner_texts()
    assert set(FORMATS) <= set(offered)
    page.tab.get_by_role("option", name="motion-csv", exact=True).click()
    page.tab.get_by_text(FORMATS["motion-csv"].description).wait_for()
    file = download(page, "Save file")
    assert file.suggested_filename.endswith(".csv")
    with open(file.path()) as text:
        assert len(text.readlines()) > 400


def test_a_browser_that_leaves_ends_its_video(chromium, viewer, scratch, page):
    other = Page(chromium, viewer.url)
    other.open("Save")
    other.press("Save video")
    other.tab.get_by_text(" left").first.wait_for()
    assert list(scratch.glob("gaussian-head-*"))
    other.tab.close()
    nothing_left(page, scratch)


@pytest.mark.slow
def test_from_the_command_to_a_video_with_sound_in_under_two_minutes(tmp_path):
    """What `time_to_video.py` measures on a real head, on one of two seconds."""
    require_chromium()
    _, actor = make_capture(tmp_path / "capture", num_frames=50)
    replace(actor, voice=None).save(tmp_path / "head")
    script = Path(__file__).with_name("time_to_video.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "head"), "--out", str(tmp_path / "orbit.mp4")],
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    numbers = json.loads(done.stdout)
    assert numbers["address"] < numbers["picture"] < numbers["video"] < 120
    assert numbers["frames"] == 50
    assert numbers["loudest"] > 0.1


def test_other_colours_arrive_as_a_head_of_their_own(chromium, tmp_path):
    own = replace(make_actor(num_gaussians=1500, size=128), voice=None)
    handle = serve([own], port=0, size=160, block=False)
    page = Page(chromium, handle.url)
    page.tab.evaluate("gaussianHead.pause(); gaussianHead.seek(0)")
    page.open("Look")
    page.tab.get_by_text("Colours", exact=True).click()
    before = page.settled()
    slider = page.tab.get_by_text("Exposure", exact=True).locator("xpath=following::*[@role='slider'][1]")
    slider.focus()
    for _ in range(15):
        slider.press("ArrowLeft")
    page.differs(before, 5, "a darker person")
    arrived = download(page, "Save this look")
    with zipfile.ZipFile(arrived.path()) as packed:
        packed.extractall(tmp_path)
    (place,) = tmp_path.glob("**/head")
    saved = Actor.load(place).head
    assert arrived.suggested_filename.endswith("-look.zip")
    for new, old in zip(saved.branches, own.head.branches, strict=True):
        assert (new.sh0 < old.sh0).float().mean() > 0.9
        assert (new.means == old.means).all()
    assert page.errors == []
    page.tab.close()
    handle.stop()
