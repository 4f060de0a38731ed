"""Cameras that other tools calibrated."""

import json
import math

import pytest
import torch

from gaussian_head.capture import read_cameras
from gaussian_head.checks import InputError

SIDE = [[0.0, 0.0, 1.0, 2.0], [0.0, 1.0, 0.0, 0.1], [-1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
"""A camera two metres to the right that looks along -x, camera to world, OpenGL axes."""


def test_transforms_of_nerf_tools(tmp_path):
    frames = [{"file_path": "images/left.png", "transform_matrix": SIDE}]
    said = {"w": 640, "h": 480, "camera_angle_x": 2 * math.atan(0.5), "frames": frames}
    (tmp_path / "transforms.json").write_text(json.dumps(said))
    for where in (tmp_path, tmp_path / "transforms.json"):
        camera = read_cameras(where)["left"]
        assert torch.allclose(camera.K, torch.tensor([[640.0, 0, 320], [0, 640, 240], [0, 0, 1]]))
        assert torch.allclose(camera.position, torch.tensor([2.0, 0.1, 0.0]), atol=1e-6)
        assert torch.allclose(camera.project(torch.tensor([0.0, 0.1, 0.0])), torch.tensor([320.0, 240.0]))
        above = camera.project(torch.tensor([0.0, 0.6, 0.0]))
        assert float(above[1]) < 240


def test_a_model_of_colmap(tmp_path):
    (tmp_path / "cameras.txt").write_text(
        "# cameras\n1 PINHOLE 640 480 700 710 320 240\n2 OPENCV 8 6 9 9 4 3 .01 0 0 0\n"
    )
    (tmp_path / "images.txt").write_text(
        "# two lines each\n1 1 0 0 0 .1 .2 .3 1 front.jpg\n\n2 1 0 0 0 0 0 1 2 b.jpg\n5 5 -1\n"
    )
    cameras = read_cameras(tmp_path)
    assert list(cameras) == ["front", "b"]
    assert torch.allclose(cameras["front"].viewmat[:3, 3], torch.tensor([0.1, 0.2, 0.3]))
    assert float(cameras["front"].K[1, 1]) == 710
    (tmp_path / "cameras.txt").write_text("1 OPENCV 640 480 700 710 320 240 .4 0 0 0\n2 PINHOLE 8 6 9 9 4 3\n")
    with pytest.raises(InputError, match="bends lines"):
        read_cameras(tmp_path)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"frames": []}, "names no pictures"),
        ({"w": 4, "h": 4, "frames": [{"file_path": "a", "transform_matrix": SIDE}]}, "fl_x is missing"),
        ({"w": 4, "h": 4, "fl_x": 5, "frames": [{"file_path": "a", "transform_matrix": [[1]]}]}, "no 4x4 rotation"),
        ({"w": 4}, "frames"),
    ],
)
def test_damaged_transforms(tmp_path, said, words):
    (tmp_path / "transforms.json").write_text(json.dumps(said))
    with pytest.raises(InputError, match=words):
        read_cameras(tmp_path)
    with pytest.raises(InputError, match="holds no cameras"):
        read_cameras(tmp_path / "elsewhere")
