"""A fixed scene must keep its picture and its gradients, on every backend and in every release.

Run this file as a script to freeze them anew, from the float64 reference, after a change that was meant.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from raster_scenes import DIFFERENTIABLE, fixed_scene, placed

from gaussian_head.raster import rasterize

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
PICTURE, NUMBERS = GOLDEN / "raster.png", GOLDEN / "raster_gradients.json"
PSNR_DB = 60.0


def draw(backend: str, dtype: torch.dtype) -> tuple[np.ndarray, dict[str, list[float]]]:
    """Colour, alpha and depth side by side in 8 bits; per parameter its gradient's length and one projection."""
    scene = placed(fixed_scene(dtype=dtype), backend)
    for name in DIFFERENTIABLE:
        scene[name].requires_grad_()
    out = rasterize(**scene, backend=backend)
    rgb, alpha, depth = out.rgb[0], out.alpha[0, ..., None], out.depth[0, ..., None]
    (rgb.square().mean() + alpha.mean() + depth.square().mean() + out.extra.mean()).backward()
    panels = torch.cat([rgb, alpha.expand_as(rgb), (depth / 1.2).expand_as(rgb)], dim=1)
    picture = (panels.detach().clamp(0, 1) * 255).round().byte().cpu().numpy()
    numbers = {}
    for name in DIFFERENTIABLE:
        grad = scene[name].grad.double().cpu().flatten()
        along = torch.cos(torch.arange(grad.numel(), dtype=torch.float64))
        numbers[name] = [float(grad.norm()), float(grad @ along)]
    return picture, numbers


def test_the_picture_is_the_frozen_one(backend: str) -> None:
    picture, numbers = draw(backend, torch.float32)
    with Image.open(PICTURE) as image:
        frozen = np.asarray(image)
    assert picture.shape == frozen.shape
    error = np.square((picture.astype(float) - frozen) / 255).mean()
    psnr = -10 * math.log10(max(error, 1e-12))
    assert psnr > PSNR_DB, f"{psnr:.1f} dB to {PICTURE.name}"
    for name, (length, along) in json.loads(NUMBERS.read_text()).items():
        assert numbers[name][0] == pytest.approx(length, rel=1e-4), name
        assert numbers[name][1] == pytest.approx(along, abs=1e-4 * length), name


def test_the_frozen_picture_shows_something() -> None:
    with Image.open(PICTURE) as image:
        frozen = np.asarray(image).astype(float)
    assert frozen.shape == (96, 3 * 96, 3)
    assert frozen.std() > 20


def freeze() -> None:
    picture, numbers = draw("reference", torch.float64)
    Image.fromarray(picture).save(PICTURE, optimize=True)
    NUMBERS.write_text(json.dumps(numbers, indent=2) + "\n")


if __name__ == "__main__":
    freeze()
