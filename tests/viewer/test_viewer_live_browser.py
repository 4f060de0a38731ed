"""A training run in headless Chromium: from nothing to see, through pause and stop, to the trained head."""

import threading

import numpy as np
import pytest
from gaussian_head.viewer import LiveView
from support_browser import OpenedPage, Page
from support_capture import make_capture

from gaussian_head.events import Progress
from gaussian_head.head import Head, InitConfig
from gaussian_head.training import Stage, TrainConfig, train

pytestmark = pytest.mark.browser
CONFIG = TrainConfig(
    init=InitConfig(face_stride=2.0, torso_stride=3.0, mouth_frames=1, learned=2),
    stages=(Stage(name="coarse", iterations=200_000, resolution=1.0, densify=True, refine_pose=False),),
    max_gaussians=3000,
)


@pytest.fixture
def live():
    view = LiveView(port=0, size=128)
    yield view
    view.stop()


@pytest.fixture
def tab(chromium, live):
    tab = chromium.new_page(viewport={"width": 1200, "height": 560})
    tab.set_default_timeout(120_000)
    tab.goto(f"{live.url}?fixedDpr=.25")
    yield tab
    tab.close()


def test_a_run_is_watched_paused_stopped_and_goes_on_as_the_viewer(live, tab, tmp_path):
    page = OpenedPage(tab)
    live.listen(Progress(stage="tracking: landmarks", done=3, total=40))
    tab.get_by_text("tracking: landmarks").wait_for()
    assert tab.locator("#gh-bar").count() == 0
    capture, _ = make_capture(tmp_path / "capture", sound=False)
    out = tmp_path / "head"

    def work():
        live.finish(train(capture, out, CONFIG, listener=live.listen, observer=live.observe))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    tab.wait_for_selector("#gh-bar")
    page.until(lambda: page.skin() > 0.1, "the first picture of the head in training")
    first = page.pixels()
    page.until(lambda: np.abs(page.pixels() - first).mean() > 0.3, "the head to sharpen by itself")
    tab.get_by_text("dB on").wait_for()
    page.until(lambda: tab.locator("canvas").count() >= 4, "the two curves")

    page.press("Pause training")
    tab.get_by_role("button", name="Go on training").wait_for()
    step = live.run.status.done
    held = page.settled()
    tab.keyboard.press("3")
    page.differs(held, 1.0, "the held head to turn")
    assert live.run.status.done == step
    page.press("Go on training")
    page.until(lambda: live.run.status.done > step, "training to go on")

    page.press("Stop and save")
    tab.get_by_text("Stopped and saved").wait_for()
    thread.join(60)
    assert not thread.is_alive()
    trained = Head.load(out)
    assert len(live.sessions[0].staging.person.head) == len(trained)
    page.open("Save")
    with tab.expect_download() as download:
        page.press("Save file")
    assert download.value.path().stat().st_size > 10_000
    assert page.errors == []


def test_a_closed_browser_stops_nothing_and_another_may_come(live, tab, chromium, tmp_path):
    capture, _ = make_capture(tmp_path / "capture", sound=False)
    work = {"listener": live.listen, "observer": live.observe}
    thread = threading.Thread(target=train, args=(capture, tmp_path / "head", CONFIG), kwargs=work, daemon=True)
    thread.start()
    page = OpenedPage(tab)
    tab.wait_for_selector("#gh-bar")
    page.until(lambda: page.skin() > 0.1, "the first picture")
    tab.goto("about:blank")
    page.until(lambda: not live.watched, "the server to notice that the browser left")
    step = live.run.status.done
    page.until(lambda: live.run.status.done > step + 5, "training to go on unwatched")
    other = Page(chromium, live.url)
    other.tab.get_by_text("dB on").wait_for()
    assert other.errors == []
    live.run.stop()
    thread.join(60)
    assert not thread.is_alive()
    other.tab.close()
