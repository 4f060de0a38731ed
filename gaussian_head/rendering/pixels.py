"""Rendered frames as the 8-bit pictures that encoders take."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..gaussians import Frame

FAINT = 1 / 512
"""Opacity below which a pixel's own colour gives way to that of its surroundings."""
AROUND = 16
"""Pixels over which surroundings are averaged."""


def to_uint8(frame: Frame) -> np.ndarray:
    """Rendered colour as ``[H, W, 3]`` uint8."""
    return (frame.rgb * 255).add_(0.5).clamp_(0, 255).to(torch.uint8).cpu().numpy()


def to_rgba8(frame: Frame) -> np.ndarray:
    """A frame that was rendered over nothing as ``[H, W, 4]`` uint8 with straight (not premultiplied) opacity.

    Where hardly anything covers a pixel, its colour comes from what is around it, so that a lossy codec does not
    draw a dark edge around the person; far away it is black.
    """
    rgb, alpha = frame.rgb, frame.alpha[..., None].clamp(0, 1)
    around = _around(torch.cat([rgb, alpha], 2))
    straight = (rgb + FAINT * around[..., :3]) / (alpha + FAINT * around[..., 3:] + 1e-7)
    picture = torch.cat([straight.clamp(0, 1), alpha], 2)
    return (picture * 255 + 0.5).to(torch.uint8).cpu().numpy()


def _around(picture: Tensor) -> Tensor:
    """``[H, W, D]`` averaged over the surroundings of every pixel."""
    H, W = picture.shape[:2]
    small = torch.nn.functional.avg_pool2d(picture.permute(2, 0, 1)[None], AROUND, ceil_mode=True)
    small = torch.nn.functional.avg_pool2d(small, 3, stride=1, padding=1, count_include_pad=False)
    return torch.nn.functional.interpolate(small, size=(H, W), mode="bilinear")[0].permute(1, 2, 0)
