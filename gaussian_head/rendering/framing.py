"""Pictures of any size and shape: the head keeps its proportions, whatever stands behind it is never stretched."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..camera import Camera
from ..checks import InputError
from ..smoothing import smoothstep

SMALLEST, LARGEST = 16, 8192
"""Pixels a side of a picture may have."""
BLURS = ((0.03, 0.03), (0.12, 0.15))
"""Beyond the recorded sides the plate is blurred over the first share of the height, fully after the second."""
DISSOLVED, DARKER = 0.7, 0.8
"""Heights beyond the recorded sides at which nothing is left of the plate but its mean colour, and how dark that is."""


def picture_size(size: int | str | None, camera: Camera) -> tuple[int, int]:
    """Width and height in pixels that ``size`` means.

    Args:
        size: a height, which keeps the recorded shape; ``"WIDTHxHEIGHT"``; or None for the recorded size.
        camera: the recording camera.

    Raises:
        InputError: neither, or out of range.
    """
    if size is None:
        return camera.width, camera.height
    parts = str(size).lower().split("x")
    if len(parts) > 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise InputError(f"size {size!r} is not a size; a height (720) or WIDTHxHEIGHT (1280x720) was wanted.")
    height = int(parts[-1])
    width = int(parts[0]) if len(parts) == 2 else round(camera.width * height / camera.height)
    if not all(SMALLEST <= side <= LARGEST for side in (width, height)):
        raise InputError(f"size {size} is {width}x{height}; {SMALLEST} to {LARGEST} pixels a side are wanted.")
    return width, height


def framed(camera: Camera, width: int, height: int) -> Camera:
    """The same view in another picture: the recorded height fills the height, the sides show more or less.

    Pixels stay square, so a wide picture shows more of the room to both sides and a tall one crops them.
    """
    scale = height / camera.height
    K = camera.K.clone()
    K[:2] *= scale
    K[0, 2] += (width - camera.width * scale) / 2
    return Camera(viewmat=camera.viewmat, K=K, width=width, height=height)


def fit_background(background: Tensor, camera: Camera) -> Tensor:
    """A plate ``[H, W, 3]`` that fills the camera's picture by height, as ``framed`` does; a colour ``[3]`` passes.

    Where the picture is wider than the plate, its borders go on out of focus; where it is narrower, its sides are
    cropped. It is never stretched.
    """
    if background.ndim == 1 or background.shape[:2] == (camera.height, camera.width):
        return background
    scale = camera.height / background.shape[0]
    inside = max(round(background.shape[1] * scale), 1)
    plate = _resized(background, inside, camera.height)
    start = (camera.width - inside) // 2
    if start <= 0:
        return plate[:, -start : camera.width - start].contiguous()
    x = (torch.arange(camera.width) - start + 0.5) / inside * 2 - 1
    y = (torch.arange(camera.height) + 0.5) / camera.height * 2 - 1
    wide = _surround(background, torch.stack(torch.meshgrid(x, y, indexing="xy"), -1))
    wide[:, start : start + inside] = plate
    return wide


def plate_through(plate: Tensor, camera: Camera, recorded: Camera) -> Tensor:
    """A plate as it stands behind any picture: still on the screen like a studio's, as large as the field of view says.

    Through the recording camera it is the plate itself. Beyond its sides it goes on out of focus, and farther out it
    dissolves into its own mean colour, so that nothing is seen twice.

    Args:
        plate: ``[H, W, 3]`` in [0, 1].
        camera: the view.
        recorded: the camera that recorded the plate.

    Returns:
        ``[camera.height, camera.width, 3]``.
    """
    K, K0 = camera.K, recorded.K
    x = (torch.arange(camera.width) + 0.5 - K[0, 2]) / K[0, 0] * K0[0, 0] + K0[0, 2]
    y = (torch.arange(camera.height) + 0.5 - K[1, 2]) / K[1, 1] * K0[1, 1] + K0[1, 2]
    grid = torch.stack(torch.meshgrid(x / recorded.width * 2 - 1, y / recorded.height * 2 - 1, indexing="xy"), -1)
    return _surround(plate, grid) if (grid.abs() > 1).any() else _sampled(plate, grid, "reflection")


def _surround(plate: Tensor, grid: Tensor) -> Tensor:
    """``plate`` at ``grid [h, w, 2]``, [-1, 1] within it; beyond, its borders, ever softer and into the mean colour."""
    heights = (grid.abs() - 1).clamp(min=0) / 2 * torch.tensor([plate.shape[1] / plate.shape[0], 1.0])
    beyond = heights.norm(dim=-1, keepdim=True)
    filled = _sampled(plate, grid, "reflection")
    for share, within in BLURS:
        soft = _sampled(_out_of_focus(plate, share), grid, "border")
        filled = torch.lerp(filled, soft, smoothstep((beyond / within).clamp(max=1)))
    far = smoothstep((beyond / DISSOLVED).clamp(max=1))
    return torch.lerp(filled, DARKER * plate.mean((0, 1)), far)


def _sampled(plate: Tensor, grid: Tensor, beyond: str) -> Tensor:
    """``plate`` at ``grid [h, w, 2]``, as ``grid_sample`` goes on beyond its borders."""
    image = plate.permute(2, 0, 1)[None]
    found = torch.nn.functional.grid_sample(image, grid[None], padding_mode=beyond, align_corners=False)
    return found[0].permute(1, 2, 0)


def cover(picture: np.ndarray, width: int, height: int) -> Tensor:
    """A picture ``[H, W, 3]`` u8 as a background ``[height, width, 3]`` in [0, 1]: scaled until it covers, centred."""
    values = torch.from_numpy(picture).float() / 255
    H, W = values.shape[:2]
    scale = max(width / W, height / H)
    big = _resized(values, max(round(W * scale), width), max(round(H * scale), height))
    top, left = (big.shape[0] - height) // 2, (big.shape[1] - width) // 2
    return big[top : top + height, left : left + width].contiguous()


def _out_of_focus(picture: Tensor, share: float) -> Tensor:
    """``[H, W, 3]`` blurred over about that share of its height."""
    H, W = picture.shape[:2]
    pixels = max(round(share * H), 1)
    small = torch.nn.functional.avg_pool2d(picture.permute(2, 0, 1)[None], pixels, ceil_mode=True)
    for _ in range(2):
        small = torch.nn.functional.avg_pool2d(small, 3, stride=1, padding=1, count_include_pad=False)
    return torch.nn.functional.interpolate(small, size=(H, W), mode="bicubic").clamp(0, 1)[0].permute(1, 2, 0)


def _resized(picture: Tensor, width: int, height: int) -> Tensor:
    if picture.shape[:2] == (height, width):
        return picture
    resized = torch.nn.functional.interpolate(
        picture.permute(2, 0, 1)[None], size=(height, width), mode="bilinear", antialias=True
    )
    return resized[0].permute(1, 2, 0).contiguous()
