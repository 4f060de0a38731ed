import csv
import json
import struct

import numpy as np
import pytest
import torch
import trimesh

from gaussian_head.checks import InputError
from gaussian_head.io.gltf import write_animated_glb
from gaussian_head.io.mesh import write_mesh
from gaussian_head.io.motion_file import read_motion, write_motion
from gaussian_head.motion import SEMANTIC_CHANNELS, Motion, Pose
from gaussian_head.transforms import quat_normalize, quat_to_rotmat

VERTICES = torch.tensor([[0.0, 0, 0], [0.1, 0, 0], [0, 0.2, 0], [0, 0, 0.3]])
TRIANGLES = torch.tensor([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
FLIP = np.array([1, -1, -1])


def make_motion(T=6, seed=0):
    g = torch.Generator().manual_seed(seed)
    channels = (*SEMANTIC_CHANNELS, "lip_0")
    return Motion(
        fps=25.0,
        head=Pose(quats=quat_normalize(torch.randn(T, 4, generator=g)), positions=torch.randn(T, 3, generator=g)),
        torso=Pose(quats=quat_normalize(torch.randn(T, 4, generator=g)), positions=torch.randn(T, 3, generator=g)),
        expression=torch.randn(T, len(channels), generator=g),
        channels=channels,
    )


@pytest.mark.parametrize("suffix", [".obj", ".glb", ".ply", ".stl"])
def test_mesh_reads_back_with_axes_turned(tmp_path, suffix):
    write_mesh(tmp_path / f"face{suffix}", VERTICES, TRIANGLES)
    mesh = trimesh.load(tmp_path / f"face{suffix}", force="mesh")
    assert len(mesh.faces) == 4
    corners = np.asarray(VERTICES)[np.asarray(TRIANGLES)] * FLIP
    np.testing.assert_allclose(np.sort(mesh.triangles.reshape(-1, 3), 0), np.sort(corners.reshape(-1, 3), 0), atol=1e-6)
    original = trimesh.Trimesh(VERTICES, TRIANGLES, process=False).volume
    assert mesh.volume == pytest.approx(original, abs=1e-7)  # half a turn: neither mirrored nor inside out


def test_bad_meshes(tmp_path):
    with pytest.raises(InputError, match=r"\.fbx"):
        write_mesh(tmp_path / "face.fbx", VERTICES, TRIANGLES)
    with pytest.raises(InputError, match="do not index the 3"):
        write_mesh(tmp_path / "face.obj", VERTICES[:3], TRIANGLES)
    assert not list(tmp_path.iterdir())


def read_glb(path):
    data = path.read_bytes()
    magic, version, total = struct.unpack_from("<4sII", data)
    assert (magic, version, total) == (b"glTF", 2, len(data))
    length, kind = struct.unpack_from("<I4s", data, 12)
    assert kind == b"JSON"
    document = json.loads(data[20 : 20 + length])
    size, kind = struct.unpack_from("<I4s", data, 20 + length)
    assert kind == b"BIN\0"
    blob = data[28 + length :]
    assert len(blob) == size == document["buffers"][0]["byteLength"]
    assert size % 4 == 0

    def array(index):
        accessor = document["accessors"][index]
        view = document["bufferViews"][accessor["bufferView"]]
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor["type"]]
        dtype = {5126: "<f4", 5125: "<u4"}[accessor["componentType"]]
        values = np.frombuffer(blob, dtype, accessor["count"] * width, view["byteOffset"]).reshape(-1, width)
        if "min" in accessor:
            np.testing.assert_array_equal(values.min(0), np.float32(accessor["min"]))
        return values

    return document, array


def test_animated_glb_plays_the_motion(tmp_path):
    motion = make_motion()
    basis = torch.randn(9, 4, 3, generator=torch.Generator().manual_seed(1)) * 0.01
    write_animated_glb(tmp_path / "face.glb", VERTICES, basis, TRIANGLES, motion)
    document, array = read_glb(tmp_path / "face.glb")
    primitive = document["meshes"][0]["primitives"][0]
    assert document["meshes"][0]["extras"]["targetNames"] == list(motion.channels)
    base = array(primitive["attributes"]["POSITION"])
    targets = np.stack([array(target["POSITION"]) for target in primitive["targets"]])
    animation = document["animations"][0]
    curves = {c["target"]["path"]: array(animation["samplers"][c["sampler"]]["output"]) for c in animation["channels"]}
    times = array(animation["samplers"][0]["input"])[:, 0]
    np.testing.assert_allclose(times, np.arange(6) / 25, atol=1e-6)
    for t in (0, 3, 5):
        shape = base + np.einsum("k,klc->lc", curves["weights"].reshape(6, 9)[t], targets)
        x, y, z, w = curves["rotation"][t]
        rotation = quat_to_rotmat(torch.tensor([w, x, y, z])).numpy()
        played = shape @ rotation.T + curves["translation"][t]
        face = VERTICES + torch.einsum("k,klc->lc", motion.expression[t], basis)
        world = face @ quat_to_rotmat(motion.head.quats[t]).T + motion.head.positions[t]
        np.testing.assert_allclose(played, world.numpy() * FLIP, atol=1e-5)
    assert len(trimesh.load(tmp_path / "face.glb", force="mesh").faces) == 4


def test_animated_glb_can_keep_the_head_still(tmp_path):
    motion = make_motion()
    write_animated_glb(tmp_path / "face.glb", VERTICES, torch.zeros(9, 4, 3), TRIANGLES, motion, world=False)
    animation = read_glb(tmp_path / "face.glb")[0]["animations"][0]
    assert [c["target"]["path"] for c in animation["channels"]] == ["weights"]
    with pytest.raises(InputError, match="9 channels"):
        write_animated_glb(tmp_path / "bad.glb", VERTICES, torch.zeros(3, 4, 3), TRIANGLES, motion)


def test_motion_json_round_trip(tmp_path):
    motion = make_motion()
    write_motion(tmp_path / "m.json", motion)
    read = read_motion(tmp_path / "m.json")
    assert read.fps == motion.fps
    assert read.channels == motion.channels
    for name, values in motion.tensors().items():
        assert torch.equal(read.tensors()[name], values)


def test_motion_csv(tmp_path):
    motion = make_motion()
    write_motion(tmp_path / "m.csv", motion)
    with open(tmp_path / "m.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    assert float(rows[3]["time"]) == pytest.approx(0.12)
    assert float(rows[3]["jaw_open"]) == pytest.approx(motion.channel("jaw_open")[3].item(), rel=1e-6)
    assert float(rows[5]["torso_qz"]) == pytest.approx(motion.torso.quats[5, 3].item(), rel=1e-6)


def test_bad_motion_files(tmp_path):
    with pytest.raises(InputError, match=r"\.bvh"):
        write_motion(tmp_path / "m.bvh", make_motion())
    write_motion(tmp_path / "m.json", make_motion())
    data = json.loads((tmp_path / "m.json").read_text())
    del data["columns"]["jaw_open"]
    (tmp_path / "short.json").write_text(json.dumps(data))
    (tmp_path / "other.json").write_text('{"format": "x", "version": 1}')
    (tmp_path / "text.json").write_text("hello")
    for name, words in (
        ("short", "jaw_open"),
        ("other", r"^[^:]*other\.json: it is 'x' version 1"),
        ("text", "text.json is no JSON"),
    ):
        with pytest.raises(InputError, match=words):
            read_motion(tmp_path / f"{name}.json")
