"""Two pictures in one, against recorded frames and against other heads."""

import math
from dataclasses import replace

import numpy as np
import pytest
from support_head import make_actor
from support_reel import Reel

from gaussian_head import Actor
from gaussian_head.checks import InputError
from gaussian_head.playing.compare import RECORDED, Versus, across, canvas_size, combined, fitted, psnr
from gaussian_head.playing.footage import MISSING, Footage
from gaussian_head.playing.player import Player
from gaussian_head.playing.rivals import why_not_recorded
from gaussian_head.playing.shelf import Shelf
from gaussian_head.playing.stage import staged
from gaussian_head.playing.staging import Staging
from gaussian_head.playing.views import View, recorded_fov


@pytest.fixture
def shelf():
    shelf = Shelf(
        [make_actor(num_gaussians=400, size=64), make_actor(num_gaussians=300, size=64, seed=1, num_frames=40)]
    )
    first = shelf.get("head")
    shelf._loaded["head"] = replace(first, footage=Footage(capture=Reel(first.actor)))
    return shelf


@pytest.fixture
def scene(shelf):
    person = shelf.get("head")
    return Staging(person=person, performance=person.clip, size=64)


def front(head, aspect=1.0):
    return View(wxyz=(1.0, 0, 0, 0), position=(0.0, 0, 0), fov=recorded_fov(head), aspect=aspect)


def test_combined_pictures_are_what_they_say():
    a, b = np.full((4, 6, 3), 100, np.uint8), np.full((4, 6, 3), 90, np.uint8)
    assert combined(a, b, "side").shape == (4, 12, 3)
    wipe = combined(a, b, "wipe", 0.5)
    assert (wipe[:, :3] == 100).all()
    assert (wipe[:, 3:] == 90).all()
    assert (combined(a, b, "wipe", 7.0) == 100).all()
    assert (combined(b, a, "difference") == 40).all()
    assert (combined(np.zeros_like(a), a, "difference") == 255).all()
    with pytest.raises(ValueError, match="as large"):
        combined(a, b[:2], "side")
    with pytest.raises(ValueError, match="unknown"):
        combined(a, b, "blink")


def test_likeness_is_psnr():
    a = np.full((4, 4, 3), 100, np.uint8)
    assert psnr(a, a) == math.inf
    assert psnr(a, a + 10) == pytest.approx(20 * math.log10(25.5))


@pytest.mark.parametrize("aspect", [0.5, 1.0, 1.7, 99.0])
def test_a_fitted_picture_is_whole_centred_and_its_line_is_found(aspect):
    image = np.full((40, 60, 3), 200, np.uint8)
    canvas = fitted(image, aspect, (0.0, 0.0, 0.0))
    tall, wide, _ = canvas.shape
    assert (wide, tall) == canvas_size(60, 40, aspect)
    assert (canvas == 200).sum() == image.size
    columns = np.flatnonzero((canvas == 200).any((0, 2)))
    assert across(columns[0] / wide, 60, wide) == pytest.approx(0, abs=1e-6)
    assert across((columns[-1] + 1) / wide, 60, wide) == pytest.approx(1, abs=0.02)


def test_against_the_recorded_frame_the_camera_is_the_recording_one(scene):
    turned = replace(front(scene.person.head), position=(0.5, 0.1, 0.2))
    for t in (0, 20):
        result = staged(replace(scene, versus=Versus(mode="difference", other=RECORDED)), turned, t)
        assert result.image.max() <= 4 * 4 + 8
        assert result.image.mean() > 10
        assert result.likeness == pytest.approx(psnr(np.zeros(1), np.full(1, 4)), abs=1.0)


def test_side_by_side_shows_both_whole_and_a_wipe_its_line(scene):
    side = staged(replace(scene, versus=Versus(mode="side", other=RECORDED)), front(scene.person.head, 2.0), 5)
    assert side.image.shape == (64, 128, 3)
    assert side.labels == ("recorded", "rendered")
    difference = side.image[:, :64].astype(int) - side.image[:, 64:]
    assert np.median(difference) == 4
    wipe = staged(replace(scene, versus=Versus(mode="wipe", other=RECORDED, split=0.5)), front(scene.person.head), 5)
    plain = staged(scene, front(scene.person.head), 5).image.astype(int)
    assert np.median(wipe.image[:, :32] - plain[:, :32]) == 4
    assert np.abs(wipe.image[:, 32:] - plain[:, 32:]).max() <= 1
    assert wipe.split == 0.5


def test_the_likeness_is_the_same_however_the_two_are_shown(scene):
    window = front(scene.person.head, 1.2)
    shown = [staged(replace(scene, versus=Versus(mode=mode, other=RECORDED)), window, 5) for mode in ("side", "wipe")]
    assert shown[0].image.shape[1] < 2 * 64 < shown[1].image.shape[1] * 2
    assert shown[0].likeness == shown[1].likeness


def test_measurements_are_not_likened_to_a_photograph(scene):
    scene = replace(scene, versus=Versus(mode="side", other=RECORDED), look=replace(scene.look, mode="depth"))
    assert staged(scene, front(scene.person.head), 0).likeness is None


def test_another_head_is_compared_in_step(shelf):
    player = Player(shelf, start=None, size=64)
    player.compare("side", "head 2")
    assert len(player.staging.rival_performance.motion) == 50, "the first head's clip, carried over"
    result = staged(player.staging, front(player.staging.person.head, 2.0), 3)
    assert result.image.shape == (64, 128, 3)
    assert result.labels == ("head", "head 2")
    player.compare("difference", "head")
    assert staged(player.staging, front(player.staging.person.head), 3).image.max() == 0, "a head equals itself"
    player.compare(None)
    assert player.staging.versus is None


def test_recorded_frames_are_refused_with_the_reason(shelf):
    player = Player(shelf, start=None, size=64)
    assert why_not_recorded(player.staging) is None
    player.choose_person("head 2")
    assert why_not_recorded(player.staging) == MISSING
    with pytest.raises(InputError, match="no longer beside"):
        player.compare("wipe")
    player.choose_person("head")
    player.compare("wipe")
    player.split(0.2)
    assert player.staging.versus.split == 0.2
    other = replace(player.staging.person.clip, name="hello.wav")
    player.perform(other)
    assert player.staging.versus is None, "a voice has no recorded frames"
    assert "captured clip" in why_not_recorded(player.staging)


def test_footage_of_another_clip_or_a_damaged_one_is_told(tmp_path, caplog):
    replace(make_actor(num_gaussians=50, size=32), voice=None).save(tmp_path / "head")
    assert Footage.of(Actor.load(tmp_path / "head").clip).reason == MISSING
    (tmp_path / "capture").mkdir()
    clip = replace(Actor.load(tmp_path / "head").clip, capture_path=str(tmp_path / "capture"))
    assert "cannot be read" in Footage.of(clip).reason
    assert str(tmp_path) not in Footage.of(clip).reason
    with pytest.raises(InputError, match="cannot be read"):
        Footage.of(clip).frame(0, 8, 8)
