"""A head of Gaussians that never moved is found wherever it lies, bound, and moves; what is no head is refused."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import gaussian_head
from gaussian_head.actor import Actor, speak
from gaussian_head.adopting.looking import moved
from gaussian_head.checks import InputError
from gaussian_head.demo.voice import speak as sentence
from gaussian_head.face import UNITS
from gaussian_head.gaussians import Gaussians
from gaussian_head.io import write_compressed_ply, write_ply, write_splat, write_spz
from gaussian_head.media import read_photograph
from gaussian_head.metrics import psnr
from gaussian_head.photo.building import build
from gaussian_head.photo.view import prepare
from gaussian_head.rendering.ends import rest_moment
from gaussian_head.rendering.frames import render_gaussians, render_moment
from gaussian_head.transforms import quat_to_rotmat, rotvec_to_quat


@pytest.fixture(scope="module")
def splats(tmp_path_factory) -> Gaussians:
    """A head that never moved, with hair, neck and shoulders."""
    data = pytest.importorskip("skimage.data")
    path = tmp_path_factory.mktemp("photo") / "me.png"
    Image.fromarray(np.ascontiguousarray(data.astronaut()[0:400, 30:430])).save(path)
    head = build([prepare(read_photograph(path), size=256)], steps=40).actor.head
    gaussians = head.gaussians_at(rest_moment(head))
    return replace(gaussians, quats=torch.nn.functional.normalize(gaussians.quats, dim=1))


PLACED = (-1.9, 0.7, 2.2), (5.0, -40.0, 3.0), 37.0
"""A rotation vector, a place and a size in which nobody would look for a head first."""


@pytest.fixture(scope="module")
def rigged(splats, tmp_path_factory):
    folder = tmp_path_factory.mktemp("rigged")
    turn = quat_to_rotmat(rotvec_to_quat(torch.tensor(PLACED[0])))
    write_ply(folder / "there.ply", moved(splats, turn, torch.tensor(PLACED[1]), PLACED[2]))
    gaussian_head.import_capture(folder / "there.ply", folder / "head", rig=True, size=256)
    return folder


def picture(actor: Actor, **units) -> torch.Tensor:
    rest = rest_moment(actor.head)
    moment = replace(actor.clip.motion.at(0), units=rest.units.clone(), gaze=rest.gaze)
    for name, weight in units.items():
        moment.units[UNITS.index(name)] = weight
    return render_moment(actor.head, moment, actor.head.camera, background=actor.head.background).rgb


def test_it_is_found_in_any_place_size_and_orientation(splats, rigged):
    told = json.loads((rigged / "head" / "adopted.json").read_text())
    assert told["landmarks_off_mm"] < 4
    assert told["scale"] / PLACED[2] == pytest.approx(1, abs=0.12)
    turn = quat_to_rotmat(rotvec_to_quat(torch.tensor(PLACED[0])))
    between = torch.tensor(told["rotation"]).T @ turn
    assert math.degrees(math.acos(min(1.0, (float(between.trace()) - 1) / 2))) < 15
    assert (rigged / "head" / "report.png").stat().st_size > 50_000
    kept = told["gaussians"]
    assert kept["bound"] > 0.8 * kept["came"]
    assert kept["mouth added"] > 1000


def test_at_rest_it_looks_as_it_came(splats, rigged):
    told = json.loads((rigged / "head" / "adopted.json").read_text())
    actor = Actor.load(rigged / "head")
    place = torch.tensor(told["rotation"]), torch.tensor(told["translation"]), told["scale"]
    turn = quat_to_rotmat(rotvec_to_quat(torch.tensor(PLACED[0])))
    came = moved(splats, turn, torch.tensor(PLACED[1]), PLACED[2])
    in_head = moved(came, place[0].T, -place[0].T @ place[1] / place[2], 1 / place[2])
    pose = actor.clip.motion.at(0).head
    camera, view = actor.head.camera, torch.eye(4)
    view[:3, :3], view[:3, 3] = quat_to_rotmat(pose.quats), pose.positions
    whole = render_gaussians(in_head, camera.with_view(view), background=actor.head.background).rgb
    assert psnr(picture(actor), whole) > 26
    assert psnr(picture(actor), whole) > psnr(picture(actor, jawOpen=0.8), whole) + 2


def test_units_move_what_they_name(rigged):
    actor = Actor.load(rigged / "head")
    rest = picture(actor)
    jaw, blink = ((picture(actor, **units) - rest).abs().mean(-1) for units in ({"jawOpen": 0.6}, BLINK))
    rows = torch.arange(256.0)[:, None]
    below, above = (float((change * rows).sum() / change.sum()) for change in (jaw, blink))
    assert below > above + 15
    assert picture(actor, jawOpen=0.6).sub(rest).abs().max() > 0.2


BLINK = {"eyeBlinkLeft": 0.8, "eyeBlinkRight": 0.8}


def test_it_speaks_at_once(rigged):
    actor = Actor.load(rigged / "head")
    said = sentence(3.0, 25.0, seed=1)
    motion = speak(actor, said.samples)
    assert len(motion) == 75
    opening = motion.units[:, UNITS.index("jawOpen")]
    assert opening.max() > 0.05
    assert opening.min() < 0.02


def chair(n: int = 6000) -> Gaussians:
    """A seat, a back and four legs."""
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(n, 3, generator=generator) - 0.5
    part = torch.arange(n) % 6
    points[part == 0, 1] *= 0.05
    points[part == 1, 2] = 0.5 + 0.05 * points[part == 1, 2]
    points[part == 1, 1] -= 0.5
    for k in range(4):
        leg = part == 2 + k
        points[leg] = points[leg] * torch.tensor([0.08, 1.0, 0.08])
        points[leg] += torch.tensor([0.45 * (-1) ** k, 0.5, 0.45 * (-1) ** (k // 2)])
    return Gaussians(
        means=points,
        quats=torch.randn(n, 4, generator=generator),
        scales=torch.full((n, 3), 0.012),
        opacities=torch.full((n,), 0.9),
        colors=torch.tensor([0.45, 0.30, 0.18]).repeat(n, 1),
    )


def test_what_is_no_head_is_refused(splats, tmp_path, monkeypatch):
    monkeypatch.setattr("gaussian_head.adopting.looking.ROLLS", 2)
    write_spz(tmp_path / "chair.spz", chair())
    with pytest.raises(InputError, match=r"no face was found in chair\.spz, from whichever side"):
        gaussian_head.import_capture(tmp_path / "chair.spz", tmp_path / "head", rig=True)
    write_splat(tmp_path / "few.splat", Gaussians(**{k: v[:500] for k, v in vars(chair()).items()}))
    with pytest.raises(InputError, match="holds 500 Gaussians that can be seen; a head takes 2000"):
        gaussian_head.import_capture(tmp_path / "few.splat", tmp_path / "head", rig=True)
    write_compressed_ply(tmp_path / "still.ply", chair())
    with pytest.raises(InputError, match="give --rig to let them speak"):
        gaussian_head.import_capture(tmp_path / "still.ply", tmp_path / "head")
    with pytest.raises(InputError, match="is a folder; --rig takes a file"):
        gaussian_head.import_capture(tmp_path, tmp_path / "head", rig=True)
    assert not (tmp_path / "head").exists()


def test_a_head_that_is_there_is_not_lost(rigged):
    with pytest.raises(InputError, match="holds a head, which would be replaced"):
        gaussian_head.import_capture(rigged / "there.ply", rigged / "head", rig=True)
