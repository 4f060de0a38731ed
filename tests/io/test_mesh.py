import csv
import json
import struct

import numpy as np
import pytest
import torch
import trimesh

from gaussian_head.capture import FaceShape
from gaussian_head.checks import InputError
from gaussian_head.face import UNITS, with_looks
from gaussian_head.io.gltf import write_animated_glb
from gaussian_head.io.mesh import write_mesh
from gaussian_head.io.motion_file import read_motion, write_motion
from gaussian_head.motion import CodeMap, Motion, Pose
from gaussian_head.transforms import quat_normalize, quat_to_rotmat

VERTICES = torch.tensor([[0.0, 0, 0], [0.1, 0, 0], [0, 0.2, 0], [0, 0, 0.3]])
TRIANGLES = torch.tensor([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
FLIP = np.array([1, -1, -1])


def make_motion(T=6, seed=0):
    g = torch.Generator().manual_seed(seed)
    gaze = 0.2 * torch.randn(T, 2, generator=g)
    return Motion(
        fps=25.0,
        head=Pose(quats=quat_normalize(torch.randn(T, 4, generator=g)), positions=torch.randn(T, 3, generator=g)),
        torso=Pose(quats=quat_normalize(torch.randn(T, 4, generator=g)), positions=torch.randn(T, 3, generator=g)),
        units=with_looks(torch.rand(T, 52, generator=g), gaze),
        gaze=gaze,
        residual=torch.randn(T, 9, generator=g),
        basis_id="a",
    )


def make_face(seed=1):
    g = torch.Generator().manual_seed(seed)
    code_map = CodeMap(
        names=tuple(f"lip_{i}" for i in range(9)),
        weights=torch.randn(54, 9, generator=g),
        bias=torch.randn(9, generator=g),
        bounds=torch.tensor([-99.0, 99.0])[:, None].repeat(1, 9),
        basis_id="a",
    )
    basis = torch.randn(9, 4, 3, generator=g) * 0.01
    return FaceShape(vertices=VERTICES, basis=basis, triangles=TRIANGLES, code_map=code_map)


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
    motion, face = make_motion(), make_face()
    write_animated_glb(tmp_path / "face.glb", face, motion)
    document, array = read_glb(tmp_path / "face.glb")
    primitive = document["meshes"][0]["primitives"][0]
    names = document["meshes"][0]["extras"]["targetNames"]
    assert names == [*UNITS, *face.code_map.names]
    base = array(primitive["attributes"]["POSITION"])
    targets = np.stack([array(target["POSITION"]) for target in primitive["targets"]])
    animation = document["animations"][0]
    curves = {c["target"]["path"]: array(animation["samplers"][c["sampler"]]["output"]) for c in animation["channels"]}
    times = array(animation["samplers"][0]["input"])[:, 0]
    np.testing.assert_allclose(times, np.arange(6) / 25, atol=1e-6)
    for t in (0, 3, 5):
        shape = base + np.einsum("k,klc->lc", curves["weights"].reshape(6, 52 + 9)[t], targets)
        x, y, z, w = curves["rotation"][t]
        rotation = quat_to_rotmat(torch.tensor([w, x, y, z])).numpy()
        played = shape @ rotation.T + curves["translation"][t]
        np.testing.assert_allclose(played, face.in_world(motion.at(t)).numpy() * FLIP, atol=1e-5)
    assert len(trimesh.load(tmp_path / "face.glb", force="mesh").faces) == 4
    np.testing.assert_allclose(curves["weights"].reshape(6, 52 + 9)[:, :52], motion.units, atol=1e-6)
    for name in ("jawOpen", "mouthSmileLeft"):
        alone = base + 0.1 * targets[names.index(name)]
        asked = face.code_map.bias + 0.1 * face.code_map.weights[UNITS.index(name)]
        np.testing.assert_allclose(alone, face.posed(asked).numpy() * FLIP, atol=1e-5)


def test_animated_glb_can_keep_the_head_still(tmp_path):
    motion = make_motion()
    write_animated_glb(tmp_path / "face.glb", make_face(), motion, world=False)
    animation = read_glb(tmp_path / "face.glb")[0]["animations"][0]
    assert [c["target"]["path"] for c in animation["channels"]] == ["weights"]
    with pytest.raises(InputError, match="no frame"):
        write_animated_glb(tmp_path / "bad.glb", make_face(), motion.select(slice(0, 0)))


def test_motion_json_round_trip(tmp_path):
    motion = make_motion()
    write_motion(tmp_path / "m.json", motion)
    read = read_motion(tmp_path / "m.json")
    assert read.fps == motion.fps
    assert read.basis_id == motion.basis_id
    for name, values in motion.tensors().items():
        assert torch.equal(read.tensors()[name], values)


def test_motion_csv(tmp_path):
    motion = make_motion()
    write_motion(tmp_path / "m.csv", motion)
    with open(tmp_path / "m.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    assert float(rows[3]["time"]) == pytest.approx(0.12)
    assert float(rows[3]["jawOpen"]) == pytest.approx(motion.control("jawOpen")[3].item(), rel=1e-6)
    assert float(rows[5]["torso_qz"]) == pytest.approx(motion.torso.quats[5, 3].item(), rel=1e-6)
    read = read_motion(tmp_path / "m.csv")
    assert read.fps == 25
    assert read.basis_id == ""
    for name, values in motion.tensors().items():
        torch.testing.assert_close(read.tensors()[name], values)


def without(data, name):
    del data["columns"][name]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: without(d, "jawOpen"), r"\['jawOpen'\] are missing"),
        (lambda d: d["columns"].update(jaw_open=d["columns"]["jawOpen"]), r"\['jaw_open'\] are unknown"),
        (lambda d: d["columns"]["gaze_down"].__setitem__(4, float("nan")), "column gaze_down is nan in frame 4"),
        (lambda d: d["columns"]["jawOpen"].pop(), "jawOpen has shape"),
        (lambda d: d.update(version=1), "version 1; version 2 was wanted"),
        (lambda d: d.update(format="x"), "not a motion file \\('x'\\)"),
        (lambda d: d.update(fps=0), "fps is 0"),
    ],
)
def test_bad_motion_files(tmp_path, change, words):
    write_motion(tmp_path / "m.json", make_motion())
    data = json.loads((tmp_path / "m.json").read_text())
    change(data)
    (tmp_path / "m.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match=words):
        read_motion(tmp_path / "m.json")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.replace("jawOpen", "jaw_open"), "are missing"),
        (lambda t: t.replace("0.120000", "0.140000"), "column time: seconds in even steps"),
        (lambda t: t.replace("0.120000", "soon"), "line 5: could not convert"),
        (lambda t: t.rsplit(",", 1)[0], "line 7: 77 values came; 78"),
    ],
)
def test_bad_motion_tables(tmp_path, change, words):
    write_motion(tmp_path / "m.csv", make_motion())
    (tmp_path / "m.csv").write_text(change((tmp_path / "m.csv").read_text()))
    with pytest.raises(InputError, match=words):
        read_motion(tmp_path / "m.csv")


def test_other_files_are_no_motion(tmp_path):
    with pytest.raises(InputError, match=r"\.bvh"):
        write_motion(tmp_path / "m.bvh", make_motion())
    (tmp_path / "text.json").write_text("{hello")
    with pytest.raises(InputError, match="is no JSON"):
        read_motion(tmp_path / "text.json")
    (tmp_path / "text.json").write_text("hello")
    with pytest.raises(InputError, match="columns Timecode"):
        read_motion(tmp_path / "text.json")
