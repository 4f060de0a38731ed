"""Files read by programs that share no line with this project.

splat-transform and the Khronos validator come from npm: `npm install @playcanvas/splat-transform gltf-validator`, and
name their `node_modules` in $NODE_PATH. nerfstudio's reader comes in the wheel of `nerfstudio` and needs `tensorboard`
beside it. Without them those tests are skipped.
"""

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from plyfile import PlyData
from support_capture import make_capture

from gaussian_head import export
from gaussian_head.camera import Camera
from gaussian_head.capture import Capture
from gaussian_head.exporting import FORMATS
from gaussian_head.io.ply import read_ply
from gaussian_head.raster import rasterize_view
from gaussian_head.transforms import quat_multiply, rotmat_to_quat

VALIDATE = """
const fs = require("fs");
require("gltf-validator").validateBytes(new Uint8Array(fs.readFileSync(process.argv[1])))
  .then((report) => console.log(JSON.stringify(report)));
"""


@pytest.fixture(scope="module")
def actor(tmp_path_factory):
    capture, actor = make_capture(tmp_path_factory.mktemp("person") / "capture", num_frames=12, size=64)
    return replace(actor, clip=replace(actor.clip, capture_path=str(capture.path)))


def node(package: str) -> Path:
    """The folder of an installed npm package; the test is skipped where there is none."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    for root in filter(None, os.environ.get("NODE_PATH", "").split(os.pathsep)):
        if (Path(root) / package).is_dir():
            return Path(root) / package
    pytest.skip(f"npm package {package} is not in $NODE_PATH")


def ran(*command: object) -> str:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("format", ["ply", "compressed-ply", "splat", "spz"])
def test_splat_transform_reads_every_file_of_gaussians(actor, tmp_path, format):
    program = node("@playcanvas/splat-transform") / "bin" / "cli.mjs"
    path = tmp_path / f"head{FORMATS[format].endings[0]}"
    export(actor, path, format=format, frame=3)
    ran("node", program, path, tmp_path / "read.csv")
    read = np.genfromtxt(tmp_path / "read.csv", delimiter=",", names=True)
    assert len(read) == len(actor.head)
    places = np.sort(np.stack([read[axis] for axis in "xyz"], 1), 0)
    ours = actor.head.gaussians(actor.clip.motion, 3).means.numpy()
    # It gives every format the axes of a PLY.
    spans = [np.ptp(points, axis=0) for points in (places, ours)]
    np.testing.assert_allclose(*spans, rtol=0.02)


@pytest.mark.parametrize(("format", "frame"), [("glb", None), ("mesh", 3)])
def test_the_khronos_validator_finds_no_fault(actor, tmp_path, format, frame):
    node("gltf-validator")
    path = tmp_path / "head.glb"
    export(actor, path, format=format, **({} if frame is None else {"frame": frame}))
    issues = json.loads(ran("node", "-e", VALIDATE, path))["issues"]
    assert issues["numErrors"] == issues["numWarnings"] == 0, issues["messages"][:5]


def test_plyfile_reads_the_gaussians_and_trimesh_the_faces(actor, tmp_path):
    export(actor, tmp_path / "head.ply", frame=3)
    vertices = PlyData.read(tmp_path / "head.ply")["vertex"]
    assert vertices.count == len(actor.head)
    ours = actor.head.gaussians(actor.clip.motion, 3)
    np.testing.assert_allclose(vertices["x"], ours.means[:, 0], atol=1e-6)
    np.testing.assert_allclose(1 / (1 + np.exp(-np.asarray(vertices["opacity"]))), ours.opacities, atol=1e-4)
    for ending in ("obj", "glb"):
        export(actor, tmp_path / f"face.{ending}", format=ending, frame=3)
        mesh = trimesh.load(tmp_path / f"face.{ending}", force="mesh", process=False)
        eyes = 32
        assert len(mesh.faces) == len(Capture.load(actor.clip.capture_path).shape.triangles) + eyes
        assert np.ptp(np.asarray(mesh.visual.to_color().vertex_colors)[:, 0]) > 20


def off(first: torch.Tensor, second: torch.Tensor) -> float:
    """Root of the mean square difference of two pictures."""
    return float((first - second).square().mean().sqrt())


@pytest.mark.parametrize(
    "settings", [{}, {"orientation_method": "none", "center_method": "none", "auto_scale_poses": False}]
)
def test_nerfstudio_reads_cameras_and_pictures_that_fit_the_exported_gaussians(actor, tmp_path, settings):
    parsers = pytest.importorskip("nerfstudio.data.dataparsers.nerfstudio_dataparser", reason="nerfstudio is not there")
    from nerfstudio.data.datasets.base_dataset import InputDataset

    export(actor, tmp_path / "transforms.json", format="transforms-json", frame=3, camera="orbit")
    export(actor, tmp_path / "head.ply", frame=3)
    config = parsers.NerfstudioDataParserConfig(data=tmp_path, eval_mode="all", **settings)
    read = config.setup().get_dataparser_outputs("train")
    pictures, there, size = InputDataset(read), read.dataparser_transform, read.dataparser_scale
    ours = read_ply(tmp_path / "head.ply")
    quats = quat_multiply(rotmat_to_quat(there[:, :3]).expand(len(ours), 4), ours.quats)
    means = (ours.means @ there[:, :3].T + there[:, 3]) * size
    placed = replace(ours, means=means, quats=quats, scales=ours.scales * size)
    own, another = [], []
    for t, to_world in enumerate(read.cameras.camera_to_worlds):
        opengl = torch.cat([to_world, torch.tensor([[0.0, 0.0, 0.0, 1.0]])])
        viewmat = torch.linalg.inv(opengl @ torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0])))
        camera = Camera(viewmat=viewmat, K=read.cameras.get_intrinsics_matrices()[t], width=64, height=64)
        drawn = rasterize_view(placed, camera).rgb[0]
        shown = [pictures.get_image_float32(n) for n in (t, (t + len(pictures) // 3) % len(pictures))]
        right, wrong = (off(drawn, picture[..., :3] * picture[..., 3:]) for picture in shown)
        own.append(right)
        another.append(wrong)
    assert len(own) == len(actor.clip.motion)
    assert max(own) < 0.002
    assert max(own) < min(another) / 10
