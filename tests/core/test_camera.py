"""Projection and resizing of the pinhole camera."""

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
