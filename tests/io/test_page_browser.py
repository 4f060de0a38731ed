"""The page in headless Chromium, opened as a file: what is seen, heard and done there."""

import dataclasses
import io
import time

import numpy as np
import pytest
import torch
from PIL import Image
from support_head import make_head, make_motion

from gaussian_head.io.baked_make import bake
from gaussian_head.io.page import write_page
from gaussian_head.motion import Performance
from gaussian_head.rendering import orbit_view, render_frame, render_gaussians

MOTION = make_motion()
pytestmark = pytest.mark.browser
SIZE = 192


@pytest.fixture(scope="module")
def head():
    """1500 Gaussians with turning, growing, view-dependent ones among them."""
    head, generator = make_head(num_gaussians=1500, size=SIZE), torch.Generator().manual_seed(3)

    def noise(tensor, size):
        return size * torch.randn(tensor.shape, generator=generator)

    branches = tuple(
        dataclasses.replace(
            b,
            log_scales=b.log_scales + noise(b.log_scales, 0.5),
            stretch=noise(b.stretch, 0.02) if b.name == "face" else b.stretch,
            shN=noise(b.shN, 0.15),
            logit_opacities=b.logit_opacities + noise(b.logit_opacities, 2.0),
            opacity_uses=torch.arange(3) if b.name == "face" else b.opacity_uses,
            opacity_basis=noise(torch.zeros(len(b), 3), 0.4) if b.name == "face" else b.opacity_basis,
        )
        for b in head.branches
    )
    return head.with_branches(branches)


@pytest.fixture(scope="module")
def baked(head):
    tone = 0.2 * np.sin(2 * np.pi * 330 * np.arange(2 * 16000) / 16000)
    return bake(head, Performance(motion=MOTION, samples=tone.astype(np.float32)))


class Page:
    """A tab on the page, with polling instead of sleeping."""

    def __init__(self, browser, path, *, size=(640, 480), hash="", init=None):
        self.tab = browser.new_page(viewport={"width": size[0], "height": size[1]})
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))
        self.tab.on("console", lambda m: m.type == "error" and self.errors.append(m.text))
        self.tab.on("request", lambda request: self.requests.append(request.url))
        self.tab.set_default_timeout(60_000)
        if init:
            self.tab.add_init_script(init)
        self.tab.goto(f"{path.as_uri()}{hash}")

    def ready(self):
        self.until(lambda: self.tab.evaluate("!!window.gaussianHead && gaussianHead.drawn > 0"), "the first picture")
        return self

    def until(self, condition, what, seconds=60.0):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"waited {seconds} s in vain for {what}"
            time.sleep(0.05)

    def state(self):
        return self.tab.evaluate("gaussianHead.state()")

    def pixels(self):
        """What the canvas shows, ``[H, W, 3]``, once nothing moves any more."""
        box = self.tab.locator("#picture").bounding_box()
        self.until(lambda: not self.tab.evaluate("gaussianHead.dirty || gaussianHead.wasMoving"), "the last picture")
        last = None
        for _ in range(100):
            picture = Image.open(io.BytesIO(self.tab.screenshot(clip=box))).convert("RGB")
            now = np.asarray(picture).astype(int)
            if last is not None and (now == last).all():
                return now
            last = now
            time.sleep(0.1)
        raise AssertionError("the picture never comes to rest")

    def bare(self, seconds=0.0, yaw=0.0, pitch=0.0):
        self.tab.evaluate(f"gaussianHead.seek({seconds}); gaussianHead.look({yaw}, {pitch})")
        return self.pixels()


@pytest.fixture(scope="module")
def path(baked, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "talk.html"
    write_page(path, baked, title="A talk")
    return path


@pytest.fixture(scope="module")
def page(chromium, path):
    page = Page(chromium, path).ready()
    yield page
    page.tab.close()


@pytest.fixture(autouse=True)
def at_rest(page):
    """Every test starts in front, paused, at the first frame, and may leave no error in the page."""
    page.tab.evaluate("gaussianHead.clock.pause(); gaussianHead.seek(0); gaussianHead.look(0)")
    yield
    assert page.errors == []


def decibels(a, b):
    return 10 * np.log10(255**2 / np.square(a - b).mean())


@pytest.mark.parametrize(("frame", "yaw", "pitch"), [(0, 0.0, 0.0), (13, 0.0, 0.0), (30, 0.4, 0.15), (49, -0.7, -0.2)])
def test_the_picture_is_the_rasterizers(chromium, path, head, frame, yaw, pitch):
    page = Page(chromium, path, size=(SIZE, SIZE), hash="#bare").ready()
    shown = page.bare(frame / 25, yaw, pitch)
    assert page.state()["size"] == [SIZE, SIZE]
    page.tab.close()
    camera = orbit_view(head, yaw, pitch)
    rgb = render_gaussians(head.gaussians(MOTION, frame), camera, background=head.background).rgb
    ours = (rgb.clamp(0, 1) * 255).numpy()
    assert decibels(shown, ours) > 48


@pytest.mark.parametrize(("yaw", "least"), [(0.0, 48), (0.2, 45), (0.6, 45)])
def test_colours_beside_the_one_camera_that_filmed_are_the_rasterizers(chromium, head, tmp_path, yaw, least):
    filmed = dataclasses.replace(head, one_view=True)
    write_page(tmp_path / "talk.html", bake(filmed, Performance(motion=MOTION)))
    page = Page(chromium, tmp_path / "talk.html", size=(SIZE, SIZE), hash="#bare").ready()
    shown = page.bare(0.0, yaw)
    page.tab.close()
    plate = filmed.background
    ours, continued = (
        render_frame(one, MOTION, 0, orbit_view(one, yaw), background=plate).rgb.clamp(0, 1).numpy() * 255
        for one in (filmed, head)
    )
    assert decibels(shown, ours) > least
    assert yaw == 0 or decibels(shown, continued) < decibels(shown, ours) - 3


def test_one_silent_frame_without_view_dependence_or_mouth(chromium, head, tmp_path):
    """The least that a head may have: SH of degree 0, a branch without Gaussians, no sound, no second frame."""
    face, mouth, torso = (dataclasses.replace(b, shN=b.shN[:, :0]) for b in head.branches)
    empty = dataclasses.replace(mouth, **{name: tensor[:0] for name, tensor in mouth.tensors().items()})
    least = head.with_branches((face, empty, torso))
    write_page(tmp_path / "talk.html", bake(least, Performance(motion=MOTION.select(slice(20, 21)))))
    page = Page(chromium, tmp_path / "talk.html", size=(SIZE, SIZE), hash="#bare").ready()
    shown = page.bare(0.0, 0.2)
    assert page.errors == []
    page.tab.close()
    gaussians = least.gaussians(MOTION, 20)
    rgb = render_gaussians(gaussians, orbit_view(least, 0.2), background=least.background).rgb
    assert decibels(shown, (rgb.clamp(0, 1) * 255).numpy()) > 48


def test_nothing_is_requested_but_the_file(page, path):
    assert {url for url in page.requests if not url.startswith(("blob:", "data:"))} == {path.as_uri()}
    assert page.tab.title() == "A talk"


def test_play_runs_with_the_sound_and_pause_stops(page):
    before = page.pixels()
    page.tab.get_by_role("button", name="Play", exact=True).first.click()
    page.until(lambda: page.state()["sound"]["time"] > 0.3, "the sound to run")
    page.until(lambda: page.state()["frame"] > 5, "the picture to follow")
    state = page.state()
    assert abs(state["time"] - state["sound"]["time"]) < 0.25
    page.tab.get_by_role("button", name="Pause").click()
    stopped = page.state()
    assert not stopped["playing"]
    assert np.abs(page.pixels() - before).mean() > 0.1
    assert page.state()["time"] == stopped["time"]


def test_it_loops_or_ends(page):
    page.tab.evaluate("gaussianHead.seek(1.8); gaussianHead.controls.toggle()")
    page.until(lambda: 0 < page.state()["time"] < 1.5, "a new round")
    page.tab.keyboard.press("l")
    assert not page.state()["loop"]
    page.tab.evaluate("gaussianHead.seek(1.8)")
    page.until(lambda: not page.state()["playing"], "the end")
    assert page.state()["frame"] == 49
    page.tab.keyboard.press("Space")
    page.until(lambda: 0 < page.state()["time"] < 1.5, "a start from the beginning")
    page.tab.keyboard.press("l")


def test_the_timeline_scrubs(page):
    before = page.pixels()
    box = page.tab.get_by_label("Timeline").bounding_box()
    page.tab.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert page.state()["time"] == pytest.approx(1.0, abs=0.06)
    assert np.abs(page.pixels() - before).mean() > 0.1


def test_dragging_turns_wheel_zooms_and_r_resets(page):
    front = page.pixels()
    page.tab.mouse.move(320, 200)
    page.tab.mouse.down()
    page.tab.mouse.move(380, 210, steps=5)
    page.tab.mouse.up()
    turned = page.pixels()
    view = page.state()["view"]
    assert view["yaw"] < -0.2
    assert view["pitch"] > 0.02
    assert np.abs(turned - front).mean() > 1
    assert not page.state()["playing"], "a drag is no tap"
    page.tab.mouse.wheel(0, -300)
    page.until(lambda: page.state()["view"]["zoom"] > 1.2, "the zoom")
    page.tab.keyboard.press("r")
    page.until(lambda: page.state()["view"]["yaw"] == 0, "the front view")
    assert page.state()["view"] == {"yaw": 0, "pitch": 0, "zoom": 1, "x": 0, "y": 0}
    assert np.abs(page.pixels() - front).mean() < 0.5


def test_two_fingers_zoom(page):
    page.tab.evaluate(
        """() => {
          const canvas = document.getElementById('picture'), box = canvas.getBoundingClientRect();
          canvas.setPointerCapture = () => {};
          const send = (type, id, x) => canvas.dispatchEvent(new PointerEvent(type, {
            pointerId: id, pointerType: 'touch', bubbles: true,
            clientX: box.left + x, clientY: box.top + box.height / 2}));
          send('pointerdown', 1, 200); send('pointerdown', 2, 260);
          send('pointermove', 1, 140); send('pointermove', 2, 320);
          send('pointerup', 1, 140); send('pointerup', 2, 320);
          delete canvas.setPointerCapture;
        }"""
    )
    page.until(lambda: page.state()["view"]["zoom"] == pytest.approx(3.0, abs=0.01), "the zoom")
    assert not page.state()["playing"]


def test_keys_step_mute_and_change_the_background(page):
    page.tab.keyboard.press("ArrowRight")
    page.tab.keyboard.press("ArrowRight")
    page.until(lambda: page.state()["frame"] == 2, "the third frame")
    page.tab.keyboard.press("ArrowLeft")
    page.until(lambda: page.state()["frame"] == 1, "the second frame")
    page.tab.keyboard.press("m")
    assert page.state()["sound"]["muted"]
    page.tab.keyboard.press("m")
    with_plate = page.pixels()
    page.tab.keyboard.press("b")
    corner = np.abs(page.pixels() - with_plate)[60:100, :60].mean()
    assert corner > 10
    page.tab.keyboard.press("b")


def test_a_tap_plays_and_the_line_on_top_can_be_hidden(page):
    caption = page.tab.get_by_text("Synthetic video")
    assert caption.is_visible()
    page.tab.get_by_label("Hide this line").click()
    assert not caption.is_visible()
    page.tab.keyboard.press("c")
    assert caption.is_visible()
    page.tab.mouse.click(250, 350)
    page.until(lambda: page.state()["playing"], "the tap to play")


def test_a_browser_without_webgl2_is_told(chromium, path):
    blind = "HTMLCanvasElement.prototype.getContext = () => null"
    page = Page(chromium, path, init=blind)
    page.until(lambda: page.tab.get_by_text("WebGL2 is not available").is_visible(), "the message")
    assert page.errors == []
    page.tab.close()


def test_a_sound_that_cannot_be_played_is_replaced_by_silence(chromium, baked, tmp_path):
    tensors = dict(baked.tensors) | {"sound": np.frombuffer(b"this is no sound at all" * 20, np.uint8)}
    write_page(tmp_path / "talk.html", dataclasses.replace(baked, tensors=tensors))
    page = Page(chromium, tmp_path / "talk.html").ready()
    page.until(lambda: page.state()["sound"] is None, "the sound to be given up")
    assert page.tab.get_by_text("cannot play the sound").is_visible()
    page.tab.keyboard.press("Space")
    page.until(lambda: page.state()["time"] > 0.3, "the picture to run")
    assert not page.tab.locator("#mute").is_visible()
    page.tab.close()


def test_a_damaged_page_says_so(chromium, path, tmp_path):
    text = path.read_text(encoding="utf-8")
    middle = len(text) // 2
    (tmp_path / "talk.html").write_text(text[:middle] + "AAAAAAAA" + text[middle + 8 :], encoding="utf-8")
    page = Page(chromium, tmp_path / "talk.html")
    page.until(lambda: page.tab.get_by_text("cannot be shown").is_visible(), "the message")
    page.tab.close()


def test_a_slow_machine_moves_smaller_pictures_and_rests_on_full_ones(page):
    full = page.state()["size"]
    slow = """() => {
      const draw = gaussianHead.renderer.draw;
      gaussianHead.renderer.draw = function (...given) {
        const end = performance.now() + 90;
        draw.apply(this, given);
        while (performance.now() < end);
      };
      gaussianHead.controls.toggle();
    }"""
    page.tab.evaluate(slow)
    page.until(lambda: page.state()["size"][0] < 0.8 * full[0], "a smaller picture")
    page.tab.evaluate("delete gaussianHead.renderer.draw; gaussianHead.controls.toggle()")
    page.until(lambda: page.state()["size"] == full, "the full picture")


def test_a_lost_context_comes_back(page):
    before = page.pixels()
    page.tab.evaluate("window.loss = gaussianHead.renderer.gl.getExtension('WEBGL_lose_context'); loss.loseContext()")
    page.until(lambda: page.tab.evaluate("gaussianHead.lost"), "the loss")
    page.tab.evaluate("loss.restoreContext()")
    page.until(lambda: not page.tab.evaluate("gaussianHead.lost"), "the return")
    page.until(lambda: np.abs(page.pixels() - before).mean() < 0.5, "the picture")
