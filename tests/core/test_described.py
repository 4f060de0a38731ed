"""What a notebook shows of our values is short, true, and for a frame the picture."""

import io

import numpy as np
import torch
from PIL import Image

from gaussian_head import Camera, Frame, Gaussians


def test_arrays_are_told_by_type_and_shape() -> None:
    camera = Camera.from_focal(800.0, 64, 48)
    assert repr(camera) == "Camera(viewmat=float32[4, 4], K=float32[3, 3], width=64, height=48)"
    many = torch.zeros(5, 3)
    gaussians = Gaussians(means=many, quats=torch.zeros(5, 4), scales=many, opacities=many[:, 0], colors=many)
    assert "means=float32[5, 3]" in repr(gaussians)
    assert len(repr(gaussians)) < 200


def test_a_frame_shows_itself() -> None:
    rgb = torch.rand(12, 20, 3)
    frame = Frame(rgb=rgb, alpha=rgb[..., 0], depth=rgb[..., 0], extra=torch.zeros(12, 20, 0))
    shown = np.asarray(Image.open(io.BytesIO(frame._repr_png_())))
    assert np.abs(shown / 255 - rgb.numpy()).max() <= 0.5 / 255 + 1e-6
    assert repr(frame).startswith("Frame(rgb=float32[12, 20, 3]")
