"""Projection and resizing of the pinhole camera."""

import numpy as np
import torch

from gaussian_head.camera import Camera


def test_projection_and_resizing_agree():
    camera = Camera.from_focal(800.0, 512, 384, cx=250.0, cy=200.0)
    point = torch.tensor([0.1, -0.05, 2.0])
    torch.testing.assert_close(camera.project(point), torch.tensor([290.0, 180.0]))
    half = camera.resized(256, 192)
    torch.testing.assert_close(half.project(point), torch.tensor([145.0, 90.0]))


def test_position_is_the_camera_centre():
    view = torch.eye(4)
    view[:3, 3] = torch.tensor([1.0, 2.0, 3.0])
    camera = Camera.from_focal(100.0, 8, 8).with_view(view)
    torch.testing.assert_close(camera.position, torch.tensor([-1.0, -2.0, -3.0]))


def test_a_turned_camera_sees_its_picture_turned():
    view = torch.eye(4)
    view[:3, 3] = torch.tensor([0.1, -0.2, 2.0])
    camera = Camera.from_focal(90.0, 64, 48, 30.0, 20.0).with_view(view)
    points = torch.tensor([[0.05, 0.1, 0.3], [-0.2, 0.15, 0.0]])
    for quarters in range(4):
        picture = np.zeros((48, 64, 2), bool)
        for k, (x, y) in enumerate(camera.project(points).tolist()):
            picture[int(y), int(x), k] = True
        rows, columns, which = np.nonzero(np.rot90(picture, quarters))
        turned = camera.turned(quarters)
        assert (turned.height, turned.width) == np.rot90(picture, quarters).shape[:2]
        seen = turned.project(points)[torch.from_numpy(which)].numpy()
        assert np.array_equal(np.floor(seen), np.stack([columns, rows], 1)), quarters
