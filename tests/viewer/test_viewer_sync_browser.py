"""Sound and picture in a real browser: which frame is on screen is read from the screen itself."""

import numpy as np
import pytest
from fake_browser import wav_bytes
from gaussian_head.viewer import serve, worker
from support_browser import Page
from support_head import make_actor

from gaussian_head.playing import stage

pytestmark = pytest.mark.browser
BITS = 10
READ = """() => {
  const screen = document.querySelector('#gh-screen'), ink = screen.getContext('2d'), samples = [];
  window.ghSamples = samples;
  const look = () => {
    const state = gaussianHead.state();
    if (state.playing) {
      const { data } = ink.getImageData(0, screen.height - 4, screen.width, 1);
      let frame = 0;
      for (let bit = 0; bit < BITS; bit++) {
        if (data[4 * Math.floor((bit + 0.5) * screen.width / BITS)] > 128) frame |= 1 << bit;
      }
      samples.push([state.t, frame]);
    }
    requestAnimationFrame(look);
  };
  look();
}""".replace("BITS", str(BITS))


def stamped(staged):
    """``staged`` with the frame's number as black and white squares along the lower edge."""

    def draw(scene, view, t, *arguments, **options):
        result = staged(scene, view, t, *arguments, **options)
        columns = np.arange(result.image.shape[1]) * BITS // result.image.shape[1]
        result.image[-8:] = (((t >> columns) & 1) * 255)[None, :, None]
        return result

    return draw


@pytest.fixture(scope="module")
def viewer():
    handle = serve([make_actor(num_gaussians=1500, size=128)], port=0, size=160, block=False)
    yield handle
    handle.stop()


@pytest.fixture
def page(chromium, viewer, monkeypatch):
    monkeypatch.setattr(worker, "staged", stamped(stage.staged))
    page = Page(chromium, viewer.url)
    yield page
    page.tab.close()
    page.until(lambda: not viewer.sessions, "the server to notice that the browser left")
    assert page.errors == []


@pytest.mark.parametrize("speed", ["1", "0.5"])
def test_the_frame_on_screen_is_the_one_that_is_heard(page, tmp_path, speed):
    """Median under 60 ms over all refreshes of the screen, frames standing still included."""
    path = tmp_path / "hello.wav"
    path.write_bytes(wav_bytes(12.0))
    page.tab.locator("input[type=file]").first.set_input_files(str(path))
    page.until(lambda: page.state()["hasSound"] and page.state()["name"] == "hello.wav", "the sound to arrive")
    page.tab.get_by_label("Speed").select_option(speed)
    page.settled()
    page.press("Play")
    page.until(lambda: page.state()["t"] > 1.0, "the sound to run in")
    page.tab.evaluate(READ)
    page.until(lambda: page.tab.evaluate("ghSamples.length") > 200, "two hundred refreshes")
    page.press("Pause")
    samples = np.array(page.tab.evaluate("ghSamples"))
    fps, duration = 25.0, page.state()["duration"]
    error = samples[:, 0] - (samples[:, 1] + 0.5) / fps
    error -= np.round(error / duration) * duration
    error /= float(speed)
    shown = len(np.unique(samples[:, 1]))
    print(  # noqa: T201
        f"speed {speed}: median {np.median(error):+.3f} s, 5 % {np.quantile(error, 0.05):+.3f}, "
        f"95 % {np.quantile(error, 0.95):+.3f}, {shown} frames in {np.ptp(samples[:, 0]):.1f} s"
    )
    assert shown > 10
    assert abs(float(np.median(error))) < 0.06
