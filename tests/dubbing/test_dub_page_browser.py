"""The pages of a dub in a real browser: the wipe, both sounds, where it was changed, and the reach of the lips."""

from pathlib import Path

import numpy as np
import pytest
from support_dub import synthetic, write_film
from test_dub import hum, staged

from gaussian_head.dubbing import Wish, dub

pytestmark = pytest.mark.browser
LOADED = (
    "document.querySelectorAll('video').length && [...document.querySelectorAll('video')].every(v => v.readyState > 1)"
)


@pytest.fixture(scope="module")
def dubbed(tmp_path_factory):
    """A folder with ``out.mp4``, its page and the page on which lips are tried."""
    folder = tmp_path_factory.mktemp("dub")
    actor = synthetic(num_frames=30)
    sound = 0.2 * np.sin(np.arange(19200) / 5).astype(np.float32)
    film = write_film(folder / "film.mp4", actor, sound)
    with pytest.MonkeyPatch.context() as patch:
        staged(patch, actor, film)
        audio = hum(folder / "new.wav", 1.2)
        dub(film, folder / "out.mp4", audio=audio)
        dub(film, folder / "out.mp4", audio=audio, wish=Wish(trial=True))
    return folder / "out_dub"


@pytest.fixture
def opened(chromium):
    """Opens a file in a tab whose errors fail the test."""
    errors: list[str] = []
    tab = chromium.new_page()
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("requestfailed", lambda request: errors.append(request.url))
    tab.set_default_timeout(60_000)

    def go(path: Path):
        tab.goto(path.as_uri())
        tab.wait_for_function(LOADED)
        return tab

    yield go
    tab.close()
    assert not errors


def test_recording_and_dub_lie_under_one_wipe_with_both_sounds(opened, dubbed):
    tab = opened(dubbed / "index.html")
    recorded, new, mask = (f"document.querySelectorAll('video')[{k}]" for k in range(3))
    size = "(v => [v.getBoundingClientRect().width, v.getBoundingClientRect().left])"
    assert tab.evaluate(f"{size}({recorded})") == tab.evaluate(f"{size}({new})")
    tab.locator("#at").fill("20")
    assert "20%" in tab.evaluate(f"getComputedStyle({new}).clipPath")
    assert [tab.evaluate(f"{video}.muted") for video in (recorded, new, mask)] == [True, False, True]
    tab.locator("#old").check()
    assert [tab.evaluate(f"{video}.muted") for video in (recorded, new, mask)] == [False, True, True]
    assert not tab.locator("video.mask").is_visible()
    tab.locator("#mask").check()
    assert tab.locator("video.mask").is_visible()
    tab.locator("#play").click()
    tab.wait_for_function(f"{recorded}.currentTime > .3 && {new}.currentTime > .3 && {mask}.currentTime > .3")
    assert abs(tab.evaluate(f"{recorded}.currentTime - {new}.currentTime")) < 0.3
    assert all(tab.evaluate("[...document.images].map(image => image.naturalWidth > 0)"))


def test_the_reach_of_the_lips_is_tried_with_a_slider(opened, dubbed):
    tab = opened(dubbed / "trial.html")
    shown = "[...document.querySelectorAll('video')].findIndex(v => !v.hidden)"
    assert tab.evaluate(shown) == 2
    tab.evaluate("document.querySelectorAll('video')[2].currentTime = .4")
    tab.locator("#lips").fill("1.5")
    assert tab.evaluate(shown) == 3
    assert tab.locator("#at").inner_text() == "1.5"
    assert tab.evaluate("document.querySelectorAll('video')[3].currentTime") == pytest.approx(0.4, abs=0.05)
