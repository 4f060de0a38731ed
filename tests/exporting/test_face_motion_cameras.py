"""The tracked face, motions and camera paths as files of other programs, read back."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image
from support_capture import make_capture
from support_head import make_actor

from gaussian_head import export
from gaussian_head.checks import InputError
from gaussian_head.face import UNITS
from gaussian_head.io import read_motion, write_motion
from gaussian_head.motion.edit import resample
from gaussian_head.rendering import load_path, orbit
from gaussian_head.transforms import pose_apply

FLIP = np.array([1, -1, -1])


@pytest.fixture(scope="module")
def captured(tmp_path_factory):
    capture, actor = make_capture(tmp_path_factory.mktemp("capture") / "capture", num_frames=12, size=64)
    return capture, replace(actor, clip=replace(actor.clip, capture_path=str(capture.path)))


def tracked_corners(capture, t):
    motion = capture.motion
    vertices = capture.shape.posed(capture.code[t])
    return pose_apply(motion.head.quats[t], motion.head.positions[t], vertices).numpy()[capture.shape.triangles]


def test_obj_of_a_frame_is_the_tracked_face(captured, tmp_path):
    capture, actor = captured
    export(actor, tmp_path / "face.obj", format="obj", frame=7)
    mesh = trimesh.load(tmp_path / "face.obj", process=False)
    tracked = tracked_corners(capture, 7) * FLIP
    assert len(mesh.faces) == len(tracked) + 32  # the eyes
    np.testing.assert_allclose(mesh.triangles[: len(tracked)], tracked, atol=1e-6)


def test_obj_of_every_frame_is_a_folder(captured, tmp_path):
    capture, actor = captured
    export(actor, tmp_path / "faces", format="obj", frames="::5")
    names = json.loads((tmp_path / "faces" / "sequence.json").read_text())["files"]
    assert len(names) == 3
    mesh = trimesh.load(tmp_path / "faces" / names[2], process=False)
    tracked = tracked_corners(capture, 10) * FLIP
    np.testing.assert_allclose(mesh.triangles[: len(tracked)], tracked, atol=1e-6)
    assert mesh.visual.material.image.size[0] > 100


def test_glb_carries_every_channel_and_frame(captured, tmp_path):
    capture, actor = captured
    export(actor, tmp_path / "face.glb", format="glb", frames="2:8")
    scene = trimesh.load(tmp_path / "face.glb")
    (mesh,) = scene.geometry.values()
    neutral = capture.shape.posed(capture.shape.code_map.bias)
    places = neutral.numpy()[capture.shape.triangles.reshape(-1)] * FLIP
    np.testing.assert_allclose(mesh.vertices[mesh.faces].reshape(-1, 3)[: len(places)], places, atol=1e-6)
    assert mesh.visual.material.baseColorTexture.size[0] > 100
    data = (tmp_path / "face.glb").read_bytes()
    document = json.loads(data[20 : 20 + int.from_bytes(data[12:16], "little")])
    assert document["meshes"][0]["extras"]["targetNames"] == [*UNITS, *actor.head.code_map.names]
    counts = {
        channel["target"]["path"]: document["accessors"][document["animations"][0]["samplers"][i]["output"]]["count"]
        for i, channel in enumerate(document["animations"][0]["channels"])
    }
    assert counts == {"weights": 6 * (52 + len(actor.head.code_map.names)), "translation": 6, "rotation": 6}


def test_the_face_needs_its_capture(captured, tmp_path):
    capture, actor = captured
    lost = replace(actor, clip=replace(actor.clip, capture_path=str(tmp_path / "moved")))
    with pytest.raises(InputError, match="--capture"):
        export(lost, tmp_path / "face.obj", format="obj")
    export(lost, tmp_path / "face.obj", format="obj", capture=capture.path)
    assert (tmp_path / "face.obj").exists()


def test_motion_json_reads_back_and_names_units(captured, tmp_path):
    _, actor = captured
    export(actor, tmp_path / "m.json", format="motion-json", frames="3:9")
    read = read_motion(tmp_path / "m.json")
    assert torch.equal(read.gaze, actor.clip.motion.gaze[3:9])
    data = json.loads((tmp_path / "m.json").read_text())
    assert set(data["units"]) == {"time", *data["columns"]}
    assert data["units"]["head_x"] == "m"
    assert data["units"]["gaze_down"] == "rad"
    assert data["units"]["time"] == "s"


def test_an_exported_motion_drives_a_head_again(captured, tmp_path):
    _, actor = captured
    export(actor, tmp_path / "m.json", format="motion-json", pose="still")
    export(actor, tmp_path / "m.csv", format="motion-csv", motion=tmp_path / "m.json")
    rows = list(csv.DictReader((tmp_path / "m.csv").open(newline="")))
    assert len(rows) == len(actor.clip.motion)
    assert {row["head_qw"] for row in rows} == {"1"}
    assert float(rows[4]["jawOpen"]) == pytest.approx(float(actor.clip.motion.control("jawOpen")[4]), rel=1e-6)


def test_camera_paths_read_back_as_what_render_takes(tmp_path):
    actor = make_actor(10, num_gaussians=50, size=64)
    export(actor, tmp_path / "path.json", format="cameras-json", camera="orbit")
    wanted = orbit(actor.head, 10, fps=actor.clip.motion.fps)
    for read, camera in zip(
        load_path(tmp_path / "path.json", actor.head, 10, fps=actor.clip.motion.fps), wanted, strict=True
    ):
        torch.testing.assert_close(read.viewmat, camera.viewmat, atol=1e-5, rtol=0)


def test_cameras_keep_step_with_a_motion_of_another_rate(tmp_path):
    actor = make_actor(10, num_gaussians=50, size=64)
    write_motion(tmp_path / "m.json", resample(actor.clip.motion, 50.0))
    export(actor, tmp_path / "path.json", format="cameras-json", motion=tmp_path / "m.json")
    keys = json.loads((tmp_path / "path.json").read_text())["keyframes"]
    assert keys[-1]["time"] == pytest.approx((len(keys) - 1) / 50.0)
    turned = orbit(actor.head, len(keys), fps=50.0)[-1].viewmat
    torch.testing.assert_close(torch.tensor(keys[-1]["viewmat"]), turned)


def test_transforms_json_projects_like_the_camera(tmp_path):
    actor = make_actor(10, num_gaussians=50, size=64)
    export(actor, tmp_path / "transforms.json", format="transforms-json", camera="orbit")
    data = json.loads((tmp_path / "transforms.json").read_text())
    assert len(data["frames"]) == 10
    pictures = [Image.open(tmp_path / frame["file_path"]) for frame in data["frames"]]
    assert {(picture.mode, picture.size) for picture in pictures} == {("RGBA", (data["w"], data["h"]))}
    assert np.asarray(pictures[0])[..., 3].max() > 200
    assert np.abs(np.asarray(pictures[0]).astype(int) - np.asarray(pictures[4])).max() > 20, "another side is seen"
    point = actor.head.centre + torch.tensor([0.02, -0.05, -0.08])
    for frame, camera in zip(data["frames"], orbit(actor.head, 10, fps=actor.clip.motion.fps), strict=True):
        pose = torch.tensor(frame["transform_matrix"], dtype=torch.float64)
        x, y, z = pose[:3, :3].T @ (point.double() - pose[:3, 3])
        assert z < 0  # OpenGL looks along -z
        seen = [frame["fl_x"] * x / -z + frame["cx"], frame["fl_y"] * -y / -z + frame["cy"]]
        np.testing.assert_allclose(seen, camera.project(point), atol=1e-3)


def test_names_must_end_as_the_format_does(tmp_path):
    actor = make_actor(5, num_gaussians=50)
    with pytest.raises(InputError, match=r"ends in \.spz"):
        export(actor, tmp_path / "a.ply", format="spz")
    with pytest.raises(InputError, match=r"ends in \.csv"):
        export(actor, tmp_path / "a.json", format="motion-csv")
    assert not list(tmp_path.iterdir())
