"""`gaussian-head edit` from the command line, and changes by name."""

import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from support_head import make_actor, make_motion

from gaussian_head import Actor, InputError, edit
from gaussian_head.cli import main
from gaussian_head.conventions import FACE, HAIR
from gaussian_head.editing import REGIONS, Recolour, frame_to_paint, recoloured
from gaussian_head.editing.recolour import regions_of
from gaussian_head.face import UNITS
from gaussian_head.media.image import read_image, write_image
from gaussian_head.rendering import render_frame
from gaussian_head.transforms import rotvec_to_quat


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("head") / "head"
    replace(make_actor(6, num_gaussians=1500, size=96), voice=None).save(folder)
    return folder


def run(monkeypatch, *arguments) -> int:
    monkeypatch.setattr(sys, "argv", ["gaussian-head", "edit", *map(str, arguments)])
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_save_paint_and_edit_give_a_head_that_loads(saved, tmp_path, monkeypatch):
    assert run(monkeypatch, saved, "--frame", 2, "--save", tmp_path / "f.png") == 0
    picture = read_image(tmp_path / "f.png").copy()
    picture[40:48, 40:50] = [20, 160, 60]
    write_image(tmp_path / "green.png", picture)
    assert run(monkeypatch, saved, "--frame", 2, "--image", tmp_path / "green.png", "--out", tmp_path / "new") == 0
    before, after = Actor.load(saved), Actor.load(tmp_path / "new")
    assert torch.equal(after.clip.motion.units, before.clip.motion.units)
    rgb = render_frame(after.head, after.clip.motion, 2, background=after.head.background).rgb[42:46, 42:48]
    assert (rgb.mean((0, 1)) * 255 - torch.tensor([20.0, 160.0, 60.0])).abs().max() < 20


def test_without_a_frame_one_is_chosen_that_shows_most(saved, tmp_path, monkeypatch, capsys):
    clip = Actor.load(saved).clip
    assert run(monkeypatch, saved, "--save", tmp_path / "f.png") == 0
    chosen = frame_to_paint(clip.motion, clip.num_train)
    assert f"frame {chosen}" in capsys.readouterr().out
    assert run(monkeypatch, saved, "--save", tmp_path / "same.png", "--frame", chosen) == 0
    picture = read_image(tmp_path / "f.png").copy()
    assert np.array_equal(picture, read_image(tmp_path / "same.png"))
    picture[40:48, 40:50] = [20, 160, 60]
    write_image(tmp_path / "green.png", picture)
    assert run(monkeypatch, saved, "--image", tmp_path / "green.png", "--out", tmp_path / "new") == 0


def test_the_frame_chosen_faces_as_the_head_mostly_does_with_a_shut_mouth():
    motion = make_motion(40)
    quats = rotvec_to_quat(torch.tensor([[0.0, 0.4, 0.0]]).repeat(40, 1))
    quats[30:] = rotvec_to_quat(torch.tensor([[0.0, 0.1, 0.0]]))
    quats[31] *= -1  # the same turn
    units = torch.zeros(40, len(UNITS))
    units[:, UNITS.index("jawOpen")] = 0.5
    units[[12, 33], UNITS.index("jawOpen")] = 0.0
    motion = replace(motion, head=replace(motion.head, quats=quats), units=units)
    assert frame_to_paint(motion, 40) == 12
    assert frame_to_paint(motion, 10) < 10


def test_a_head_is_replaced_only_where_it_is_said(saved, tmp_path, monkeypatch, capsys):
    assert run(monkeypatch, saved, "--exposure", 0.5, "--out", tmp_path / "new") == 0
    assert run(monkeypatch, saved, "--exposure", 0.5, "--out", tmp_path / "new") == 2
    assert "--overwrite" in capsys.readouterr().err
    assert run(monkeypatch, saved, "--exposure", 0.5, "--out", tmp_path / "new", "--overwrite") == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--out", "new"), "nothing to change was named"),
        ((), "give --save for the picture to paint on, or --out"),
        (("--save", "f.jpg"), "name a .png file"),
        (("--frame", "6", "--save", "f.png"), "frame"),
        (("--yaw", "80", "--save", "f.png"), "yaw"),
        (("--recolour", "hair", "--out", "new"), "is no region and colour"),
        (("--recolour", "teeth:red", "--out", "new"), "there are hair, skin, clothes"),
        (("--recolour", "hair:reddish", "--out", "new"), "colour 'reddish' is unknown"),
        (("--recolour", "hair:red", "--out", "new"), "stands in the capture, which was moved away"),
        (("--image", "none.png", "--out", "new"), "none.png"),
        (("--image", "a.png", "b.png", "--frame", "0", "1", "2", "--out", "new"), "2 pictures and 3 of --frame"),
        (("--exposure", "9", "--out", "new"), "exposure"),
        (("--strength", "2", "--image", "none.png", "--out", "new"), "strength"),
    ],
)
def test_mistakes_end_in_one_line(saved, tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, saved, *arguments) == 2
    assert words in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_it_is_a_function_too(saved, tmp_path):
    said = []
    actor = edit(saved, tmp_path / "new", tint="#ff8080", listener=said.append)
    assert (tmp_path / "new" / "model").is_dir()
    assert said
    assert actor.head.branch("face").sh0.shape == Actor.load(saved).head.branch("face").sh0.shape


def test_exposure_is_in_stops_and_shapes_stay():
    actor = make_actor(4, num_gaussians=1000, size=64)
    brighter = recoloured(actor.head, Recolour(exposure=-1.0), actor.clip.motion)
    dark, light = (render_frame(head, actor.clip.motion, 0).rgb for head in (brighter, actor.head))
    assert torch.allclose(dark, light / 2, atol=2e-3)
    for old, new in zip(actor.head.branches, brighter.branches, strict=True):
        assert all(torch.equal(getattr(new, n), t) for n, t in old.tensors().items() if n not in ("sh0", "shN"))


def test_regions_without_a_capture_are_refused():
    actor = make_actor(4, num_gaussians=400, size=64)
    with pytest.raises(InputError, match="moved away"):
        recoloured(actor.head, Recolour(regions={"hair": (1.0, 0.0, 0.0)}), actor.clip.motion)


def test_ears_and_forehead_among_the_hair_are_skin():
    actor = make_actor(20, num_gaussians=1500, size=128)
    labels = np.full((128, 128), FACE, np.uint8)
    labels[:64] = HAIR
    image = np.full((128, 128, 3), (200, 150, 130), np.uint8)
    image[:40] = (30, 20, 15)
    frame = SimpleNamespace(labels=labels, image=image)
    capture: Any = SimpleNamespace(train_frames=torch.arange(1), frame=lambda t: frame)
    face = regions_of(actor.head, actor.clip.motion, capture)[0]
    seen = actor.head.camera.project(actor.head.gaussians_at(actor.clip.motion.at(0)).means[: len(face)])[:, 1]
    assert (face[seen < 36] == REGIONS.index("hair")).float().mean() > 0.9
    assert (face[(seen > 44) & (seen < 60)] == REGIONS.index("skin")).float().mean() > 0.9


def test_a_picture_of_random_pixels_never_crashes(saved, tmp_path, monkeypatch, capsys):
    noise = np.random.default_rng(1).integers(0, 256, (96, 96, 3), np.uint8)
    write_image(tmp_path / "noise.png", noise)
    assert run(monkeypatch, saved, "--image", tmp_path / "noise.png", "--out", tmp_path / "new") == 2
    assert "noise.png" in capsys.readouterr().err
