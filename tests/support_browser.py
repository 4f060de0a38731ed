"""A real browser on the viewer: headless Chromium, and a tab that is polled instead of slept on."""

import io
import shutil
import time
from contextlib import contextmanager

import numpy as np
from PIL import Image

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
"""The browser that the tests drive, if there is one."""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
WIDTH, HEIGHT = 1264, 560


def require_chromium() -> None:
    """Skip the test, with the reason, where a browser cannot be driven."""
    import pytest

    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium on the path")


@contextmanager
def headless_chromium():
    """Chromium as playwright drives it; the test is skipped, with the reason, where there is none."""
    require_chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as session:
        browser = session.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield browser
        browser.close()


class Page:
    """A tab on the viewer, with polling instead of sleeping."""

    def __init__(self, browser, url):
        self.tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, accept_downloads=True)
        self.errors: list[str] = []
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))
        self.tab.set_default_timeout(120_000)
        self.tab.goto(f"{url}?fixedDpr=.25")
        self.tab.wait_for_selector("#gh-bar")
        self.until(lambda: self.skin() > 0.15, "skin-coloured pixels in the middle of the picture")

    def pixels(self):
        """Middle of the 3D view, clear of player and notifications."""
        clip = {"x": 330, "y": 150, "width": 240, "height": 280}
        return np.array(Image.open(io.BytesIO(self.tab.screenshot(clip=clip))).convert("RGB")).astype(int)

    def skin(self):
        r, g, b = np.moveaxis(self.pixels(), -1, 0)
        return float(((r > 120) & (r > g + 15) & (g > b)).mean())

    def until(self, condition, what, seconds=120.0):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"waited {seconds} s in vain for {what}"
            time.sleep(0.1)

    def settled(self):
        """The picture once it has stopped changing."""
        last = self.pixels()
        for _ in range(60):
            time.sleep(0.4)
            now = self.pixels()
            if np.abs(now - last).mean() < 0.02:
                return now
            last = now
        raise AssertionError("the picture never comes to rest")

    def differs(self, before, at_least, what):
        self.until(lambda: np.abs(self.pixels() - before).mean() > at_least, what)

    def state(self):
        return self.tab.evaluate("window.gaussianHead.state()")

    def open(self, name):
        self.tab.get_by_role("tab", name=name).click()

    def press(self, name):
        self.tab.get_by_role("button", name=name, exact=True).click()


class OpenedPage(Page):
    """A tab that somebody else has opened, perhaps before there is anything to see."""

    def __init__(self, tab):
        self.tab, self.errors = tab, []
        tab.on("pageerror", lambda error: self.errors.append(str(error)))
