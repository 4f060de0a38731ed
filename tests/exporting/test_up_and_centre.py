"""Which way is up in a file and what its origin is: chosen in the same way for every format that has a place."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import trimesh
from plyfile import PlyData
from support_capture import make_capture

from gaussian_head import export
from gaussian_head.capture import Capture
from gaussian_head.checks import InputError
from gaussian_head.exporting.placing import placing
from gaussian_head.head import rotate_sh1
from gaussian_head.io.baked import read_baked
from gaussian_head.io.ply import read_ply
from gaussian_head.io.splat import read_splat
from gaussian_head.io.spz import read_spz
from gaussian_head.rendering import orbit_view, render_gaussians


@pytest.fixture(scope="module")
def actor(tmp_path_factory):
    capture, actor = make_capture(tmp_path_factory.mktemp("person") / "capture", num_frames=12, size=64)
    generator = torch.Generator().manual_seed(5)
    shone = [replace(b, shN=torch.randn(len(b), 3, 3, generator=generator) * 0.2) for b in actor.head.branches]
    head = actor.head.with_branches(tuple(shone))
    return replace(actor, head=head, clip=replace(actor.clip, capture_path=str(capture.path)))


def by_hand(points, up, origin):
    """World points as a file holds them."""
    x, y, z = (points - origin).T
    return np.stack({"camera": (x, y, z), "y": (x, -y, -z), "z": (x, z, -y)}[up], 1)


@pytest.mark.parametrize("up", ["camera", "y", "z"])
@pytest.mark.parametrize("format", ["ply", "splat", "spz", "obj"])
def test_every_format_has_the_same_axes_and_origin_when_asked(actor, tmp_path, format, up):
    path = tmp_path / f"head.{format}"
    export(actor, path, format=format, frame=3, up=up, centre=True)
    ours = actor.head.gaussians(actor.clip.motion, 3).means.numpy()
    if format == "obj":
        shape = Capture.load(actor.clip.capture_path).shape
        ours = shape.in_world(actor.clip.motion.at(3)).numpy()[shape.triangles.flatten()]
        found = np.asarray(trimesh.load(path, process=False).triangles).reshape(-1, 3)[: len(ours)]
    else:
        found = {"ply": read_ply, "splat": read_splat, "spz": read_spz}[format](path).means.numpy()
        if format == "spz":
            found = found * [1, -1, -1]  # the reader turns the file's axes to ours
    wanted = by_hand(ours, up, actor.head.centre.numpy())
    np.testing.assert_allclose(np.sort(found, 0), np.sort(wanted, 0), atol=2e-5)


@pytest.mark.parametrize("up", ["y", "z"])
def test_moved_gaussians_look_the_same_to_a_camera_that_moved_along(actor, up):
    head = actor.head
    place = placing("down", up, head.centre)
    gaussians, camera = head.gaussians(actor.clip.motion, 4), orbit_view(head, 0.5, 0.2)
    still = render_gaussians(gaussians, camera)
    moved = render_gaussians(place.gaussians(gaussians), place.camera(camera))
    torch.testing.assert_close(moved.rgb, still.rgb, atol=2e-4, rtol=0)
    assert (place.gaussians(gaussians).means - gaussians.means).abs().max() > 0.1


def test_a_baked_sequence_is_moved_with_its_camera(actor, tmp_path):
    for name, options in {"still": {}, "moved": {"up": "z", "centre": True}}.items():
        export(actor, tmp_path / f"{name}.ghb", frames=":", precision="float32", **options)
    still, moved = (read_baked(tmp_path / f"{name}.ghb") for name in ("still", "moved"))
    place = placing("down", "z", actor.head.centre)
    torch.testing.assert_close(moved.gaussians(5).means, place.points(still.gaussians(5).means), atol=1e-5, rtol=0)
    np.testing.assert_allclose(moved.header["centre"], 0, atol=1e-6)
    for baked in (still, moved):
        camera = torch.tensor(baked.header["camera"]["viewmat"]).view(4, 4)
        seen = baked.gaussians(5).means @ camera[:3, :3].T + camera[:3, 3]
        torch.testing.assert_close(seen, still.gaussians(5).means, atol=1e-5, rtol=0)


def test_cameras_move_with_the_world(actor, tmp_path):
    for name, options in {"still": {}, "moved": {"up": "y", "centre": True}}.items():
        export(actor, tmp_path / f"{name}.json", format="cameras-json", frames=":3", **options)
    still, moved = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("still", "moved"))
    centre = actor.head.centre.double().numpy()
    for before, after in zip(still["keyframes"], moved["keyframes"], strict=True):
        old, new = (np.linalg.inv(key["viewmat"]) for key in (before, after))
        np.testing.assert_allclose(new[:3, 3], (old[:3, 3] - centre) * [1, -1, -1], atol=1e-6)
        np.testing.assert_allclose(new[:3, :3], np.diag([1, -1, -1]) @ old[:3, :3], atol=1e-6)


def test_a_glb_keeps_the_axes_of_its_specification_and_takes_the_head_as_origin(actor, tmp_path):
    export(actor, tmp_path / "face.glb", frame=3, centre=True)
    places = trimesh.load(tmp_path / "face.glb", force="scene").graph
    document = json.loads((tmp_path / "face.glb").read_bytes()[20:].split(b"BIN\0")[0][:-4])
    kinds = [channel["target"]["path"] for channel in document["animations"][0]["channels"]]
    assert "translation" in kinds
    assert places is not None
    with pytest.raises(InputError, match="specification"):
        export(actor, tmp_path / "z.glb", frame=3, up="z")
    with pytest.raises(InputError, match="no axes or origin"):
        export(actor, tmp_path / "talk.html", frames=":", up="y")
    with pytest.raises(InputError, match="no axes or origin"):
        export(actor, tmp_path / "take.csv", format="arkit-csv", centre=True)


def test_what_one_camera_filmed_shows_its_colours_to_every_side(actor, tmp_path):
    filmed = replace(actor, head=replace(actor.head, one_view=True))
    export(filmed, tmp_path / "one.ply", frame=3)
    export(actor, tmp_path / "all.ply", frame=3)
    names = [p.name for p in PlyData.read(tmp_path / "one.ply")["vertex"].properties]
    assert sum(name.startswith("f_rest") for name in names) == 0
    assert sum(name.startswith("f_rest") for name in PlyData.read(tmp_path / "all.ply")["vertex"].data.dtype.names) == 9
    one, every = (read_ply(tmp_path / f"{name}.ply") for name in ("one", "all"))
    front = [render_gaussians(g, actor.head.camera).rgb for g in (one, every)]
    torch.testing.assert_close(front[0], front[1], atol=1e-4, rtol=0)
    aside = orbit_view(actor.head, math.radians(50))
    assert (render_gaussians(one, aside).rgb - render_gaussians(every, aside).rgb).abs().max() > 0.02


def test_turning_colours_is_turning_the_directions_that_see_them():
    generator = torch.Generator().manual_seed(1)
    sh = torch.randn(5, 3, 3, generator=generator)
    half = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    torch.testing.assert_close(rotate_sh1(sh, half), sh * torch.tensor([-1.0, -1.0, 1.0])[:, None])
