"""Cameras, backdrops, modes and files, without any browser."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from support_head import make_actor, make_motion

from gaussian_head.head import PARTS
from gaussian_head.playing.pictures import Look, backdrop, cutout, picture, shown, styled
from gaussian_head.playing.shelf import Shelf
from gaussian_head.playing.stage import staged
from gaussian_head.playing.staging import Staging
from gaussian_head.playing.views import PRESETS, View, camera_of, placement, recorded_fov
from gaussian_head.rendering import render_frame
from gaussian_head.transforms import rotmat_to_quat

MOTION = make_motion()


@pytest.fixture(scope="module")
def shelf():
    return Shelf([make_actor(num_gaussians=400, size=64)])


@pytest.fixture(scope="module")
def head(shelf):
    return shelf.get("head").head


@pytest.fixture
def scene(shelf):
    person = shelf.get("head")
    return Staging(person=person, performance=person.clip, size=64)


def front_view(head, aspect=1.0):
    return View(wxyz=(1.0, 0.0, 0.0, 0.0), position=(0.0, 0.0, 0.0), fov=recorded_fov(head), aspect=aspect)


def test_what_draws_the_head_as_trained_draws_no_other_look(scene):
    person, view = scene.person, front_view(scene.person.head)
    asked = []

    def draw(moment, camera, background):
        asked.append(camera.height)
        return person.draw(moment, camera, background)

    camera = camera_of(view, person.head, 64)
    looks = [Look(), Look(mode="depth"), Look(parts=frozenset({"face"})), Look(splat_scale=0.5)]
    for look in looks:
        with_it, without = (shown(person.head, MOTION, 4, camera, look, draw=d).image for d in (draw, None))
        assert np.array_equal(with_it, without)
    assert asked == [64]
    asked.clear()
    watched = replace(person)
    watched.__dict__["draw"] = draw
    staged(replace(scene, person=watched), view, 0)
    assert asked == [64]


def test_the_front_preset_is_the_recording_camera(head):
    place = placement(head)
    np.testing.assert_allclose(place.position, 0, atol=1e-6)
    np.testing.assert_allclose(place.look_at[:2], 0, atol=1e-6)
    camera = camera_of(front_view(head), head, head.camera.height)
    torch.testing.assert_close(camera.K, head.camera.K, atol=1e-3, rtol=1e-5)
    torch.testing.assert_close(camera.viewmat, head.camera.viewmat)


@pytest.mark.parametrize("name", list(PRESETS))
def test_presets_keep_the_distance_and_see_the_head(head, name):
    place = placement(head, *PRESETS[name])
    assert np.linalg.norm(place.position - head.centre.numpy()) == pytest.approx(float(head.centre.norm()), rel=1e-4)
    forward = (place.look_at - place.position) / np.linalg.norm(place.look_at - place.position)
    right = np.cross([0.0, 1.0, 0.0], forward)
    right /= np.linalg.norm(right)
    rotation = torch.tensor(np.stack([right, np.cross(forward, right), forward], axis=1)).float()
    view = View(
        wxyz=tuple(rotmat_to_quat(rotation).tolist()), position=tuple(place.position), fov=place.fov, aspect=1.3
    )
    x, y = camera_of(view, head, 64).project(head.centre)
    assert 0.3 * 83 < x < 0.7 * 83
    assert 0.3 * 64 < y < 0.7 * 64


@pytest.mark.parametrize(("fov", "aspect"), [(1e-9, 1.0), (3.2, 1.0), (0.4, 0.0), (0.4, 99.0)])
def test_extreme_views_give_a_usable_camera(head, fov, aspect):
    view = View(wxyz=(1.0, 0.0, 0.0, 0.0), position=(0.0, 0.0, 0.0), fov=fov, aspect=aspect)
    camera = camera_of(view, head, 64)
    assert camera.width % 2 == camera.height % 2 == 0
    assert 16 <= camera.width <= 256
    assert bool(torch.isfinite(camera.K).all())


def test_the_plate_fits_the_recording_camera_exactly_and_is_seen_only_once(head):
    plate = torch.full((64, 64, 3), 0.5)
    plate[:, 56:58] = 1.0  # a lamp near the border
    marked = replace(head, background=plate)
    torch.testing.assert_close(backdrop(marked, head.camera, Look()), plate, atol=1e-4, rtol=0)
    wide = backdrop(marked, camera_of(front_view(head, 3.0), head, 64), Look())
    assert wide.shape == (64, 192, 3)
    torch.testing.assert_close(wide[:, 64:128], plate, atol=1e-2, rtol=0)
    assert float(wide[32, 120].mean()) > 0.95
    assert float(wide[:, 128:].max()) < 0.8, "its mirror image beyond the border"
    assert 0.75 < float(wide[:, 185:].mean() / plate.mean()) < 1, "the mean colour, a little darker"


def test_modes_show_what_they_say(head):
    motion, camera = MOTION, head.camera
    rgb = picture(head, motion, 0, camera, Look())
    frame = render_frame(head, motion, 0, camera, background=head.background)
    assert np.abs(rgb.astype(int) - frame.rgb.clamp(0, 1).mul(255).round().int().numpy()).max() <= 1
    alpha = picture(head, motion, 0, camera, Look(mode="alpha"))
    assert alpha[30, 32].min() > 240
    assert alpha[2, 2].max() < 15
    depth = picture(head, motion, 0, camera, Look(mode="depth")).astype(int)
    assert depth[30, 32].sum() > depth[30, 21].sum() + 60, "the nose is nearer, so brighter, than the cheek's edge"
    parts = picture(head, motion, 0, camera, Look(mode="parts"))
    assert parts[20, 32].argmax() == 0
    assert parts[60, 32].argmax() == 2


def test_hidden_parts_are_gone_in_pictures_and_in_exported_heads(head):
    camera, look = head.camera, Look(parts=frozenset(PARTS) - {"torso"}, plate=False)
    shown = picture(head, MOTION, 0, camera, look)
    np.testing.assert_allclose(shown[62, 32], np.array(look.color) * 255, atol=2)
    again = render_frame(styled(head, look), MOTION, 0, camera, background=torch.tensor(look.color))
    assert np.abs(again.rgb.clamp(0, 1).mul(255).int().numpy() - shown.astype(int)).max() <= 2


def test_a_cutout_over_its_backdrop_is_the_picture(head):
    look = Look(plate=False, color=(0.2, 0.4, 0.6))
    over = cutout(head, MOTION, 3, head.camera, look).astype(float) / 255
    alpha = over[..., 3:]
    composed = 255 * (over[..., :3] * alpha + (1 - alpha) * np.array(look.color))
    shown = picture(head, MOTION, 3, head.camera, look)
    assert np.abs(composed - shown).max() < 4


def test_heads_are_told_apart_by_the_folder_that_names_them(tmp_path):
    shelf = Shelf([tmp_path / "anna" / "head", tmp_path / "ben" / "head", tmp_path / "other", tmp_path / "x" / "other"])
    assert shelf.names == ("anna", "ben", "other", "other 2")
