"""The live page in real headless Chromium, over a real RTCPeerConnection."""

import os
import signal
import uuid

import numpy as np
import pytest

pytest.importorskip("aiortc", reason="aiortc is not installed: pip install 'gaussian-head[live]'")

from support_browser import CHROMIUM, FLAGS
from support_live_page import EVERY, WATCH, LivePage, apart, onsets, processes_with, stamped, ticks
from support_peer import until

from gaussian_head.live.client import LiveClient
from gaussian_head.live.talker import Talker
from gaussian_head.media import write_audio

pytestmark = pytest.mark.browser


@pytest.fixture
def page(chromium, server):
    page = LivePage(chromium, server.url)
    yield page
    page.tab.close()
    until(lambda: not server.sessions, "the session to end")
    assert page.errors == []


def test_the_picture_moves_with_the_sound_that_was_sent(page, monkeypatch, tmp_path):
    monkeypatch.setattr(Talker, "picture", stamped(Talker.picture))
    page.begin()
    page.tab.evaluate(WATCH)
    write_audio(tmp_path / "ticks.wav", ticks(50))  # many: a busy machine leaves some pictures out
    page.tab.set_input_files("#chosen", str(tmp_path / "ticks.wav"))

    # Nearer than a tick is by chance; how near is measured on a quiet machine.
    def in_step():
        late = apart(*onsets(page.tab))[-4:]
        return len(late) == 4 and np.median(np.abs(late)) < EVERY / 4

    page.until(in_step, "four ticks seen as they are heard")
    page.until(lambda: page.state("latency") > 100, "the latency")
    assert "ms" in page.tab.inner_text("#facts")


def test_what_the_page_offers(page, server, tmp_path):
    assert page.tab.is_disabled("#mic")
    page.begin()
    talker = server.sessions[0].talker
    box = page.tab.locator("#head").bounding_box()
    before = talker._view
    page.tab.mouse.move(box["x"] + 200, box["y"] + 200)
    page.tab.mouse.down()
    page.tab.mouse.move(box["x"] + 280, box["y"] + 210, steps=5)
    page.tab.mouse.up()
    page.until(lambda: talker._view != before, "the camera")
    page.tab.click("#front")
    page.until(lambda: talker._view == before, "the front")
    page.tab.select_option("#mood", "happy:0.7")
    page.until(lambda: talker._feelings._asked, "the mood")
    volume = "document.getElementById('head').volume"
    page.tab.fill("#volume", "0.3")
    assert page.tab.evaluate(volume) == pytest.approx(0.3)
    page.tab.click("#mic")  # the browser's pretended microphone beeps
    page.until(lambda: talker._ear.speaking, "the microphone to be heard")
    assert page.tab.evaluate(volume) == 0
    assert talker.waiting < 1
    page.tab.click("#mic")
    page.until(lambda: page.tab.evaluate(volume) == pytest.approx(0.3), "the volume of before")
    (tmp_path / "nothing.wav").write_bytes(b"nothing")
    page.tab.set_input_files("#chosen", str(tmp_path / "nothing.wav"))
    page.until(lambda: "sound" in page.tab.inner_text("#problem"), "what is wrong with the file")
    LiveClient(server.url, session=page.state("session")).say((ticks(30) * 32767).astype(np.int16))
    page.until(lambda: page.tab.is_enabled("#stop"), "something to stop")
    page.tab.click("#stop")
    page.until(lambda: talker.waiting < 1, "silence")


@pytest.mark.parametrize(("width", "height"), [(390, 844), (320, 568), (844, 390)])
def test_it_fits_small_screens(page, width, height):
    page.tab.set_viewport_size({"width": width, "height": height})
    page.begin()
    assert page.tab.evaluate("document.documentElement.scrollWidth") <= width
    for name in ("#head", "#file", "#mic", "#stop", "#volume"):
        box = page.tab.locator(name).bounding_box()
        assert box["x"] >= 0, name
        assert box["x"] + box["width"] <= width + 1, name
    assert page.tab.locator("#head").bounding_box()["height"] >= 0.3 * height
    assert min(page.tab.locator(name).bounding_box()["height"] for name in ("#file", "#mic", "#stop")) >= 44


def test_a_lost_connection_is_made_anew(page, server):
    page.begin()
    name = page.state("session")
    peer = server._sessions._peers[name]
    server._loop.call_soon_threadsafe(lambda: server._loop.create_task(peer.close()))
    page.until(lambda: page.state("number") > 1 and page.connected(), "another connection")
    assert page.state("session") == name
    assert len(server.sessions) == 1


def test_several_browsers_and_one_that_is_killed(chromium, server):
    """Of a browser that is killed the session ends, and the others' go on."""
    mark = f"--doomed={uuid.uuid4()}"
    kind = chromium.browser_type
    doomed = kind.launch(executable_path=CHROMIUM, headless=True, args=[*FLAGS, mark])
    pages = [LivePage(browser, server.url) for browser in (doomed, chromium, chromium)]
    for page in pages:
        page.begin()
    assert len(server.sessions) == 3
    refused = LivePage(chromium, server.url)
    refused.tab.click("#start")
    refused.until(lambda: "as many as may" in refused.tab.inner_text("#problem"), "the refusal")
    refused.tab.close()
    for number in processes_with(mark):
        os.kill(number, signal.SIGKILL)
    until(lambda: len(server.sessions) == 2, "the killed browser's session to end")
    for page in pages[1:]:
        before = page.shown()
        page.until(lambda page=page, before=before: page.shown() > before, "the others' pictures")
        page.tab.close()
    until(lambda: not server.sessions, "the sessions to end")
