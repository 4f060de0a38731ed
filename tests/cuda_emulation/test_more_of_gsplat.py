"""Absolute screen gradients and covariances as input, by the CUDA sources on the emulated device."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from test_frames import clip, in_one_launch  # noqa: F401 - a fixture
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "raster"))
from raster_scenes import random_scene
from test_absgrad import drawn as drawn_with_absgrad
from test_covariances import IMAGES, drawn, with_covariances

from gaussian_head import InputError
from gaussian_head.raster import rasterize
from gaussian_head.raster.frames import rasterize_frames


def doubled(scene: dict) -> dict:
    return {name: v.double() if isinstance(v, Tensor) else v for name, v in scene.items()}


@pytest.mark.parametrize(
    "options",
    [{}, {"cameras": 2, "extra": 4}, {"channels": 1}, {"size": (16, 16), "num": 700, "max_opacity": 1.0}],
    ids=["plain", "two cameras, most channels", "one channel", "several batches, finished early"],
)
def test_absolute_gradients_match_the_reference(emulated: ModuleType, options: dict) -> None:
    scene = random_scene(**options)
    before = emulated.launches()
    have, want = drawn_with_absgrad(scene, "cpu"), drawn_with_absgrad(doubled(scene), "reference")
    assert emulated.launches() > before
    for a, b in zip(have, want, strict=True):
        assert (a.double() - b).norm() <= 2e-4 * b.norm()
    assert have[1].sum() > 1.2 * have[0].abs().sum()


def test_asking_for_them_changes_no_bit_of_the_others(emulated: ModuleType) -> None:
    grads = []
    for columns in (2, 4):
        scene, probe = random_scene(200, extra=2), torch.zeros(1, 200, columns, requires_grad=True)
        scene["means"].requires_grad_()
        rasterize(**scene, probe=probe, backend="cpu").rgb.square().sum().backward()
        grads.append((scene["means"].grad, probe.grad[..., :2]))
    for a, b in zip(*grads, strict=True):
        assert torch.equal(a, b)


def test_more_channels_than_one_pass_takes_are_refused(emulated: ModuleType) -> None:
    scene = random_scene(20, extra=5)
    scene["means"].requires_grad_()
    with pytest.raises(InputError, match="absgrad came with 8 channels"):
        rasterize(**scene, absgrad=True, backend="cpu").rgb.sum().backward()


def test_covariances_match_the_reference(emulated: ModuleType) -> None:
    scene = with_covariances(random_scene(200, cameras=2, extra=1))
    have, want = drawn(scene, "cpu"), drawn(doubled(scene), "reference")
    for name in IMAGES:
        a, b = getattr(have[0], name).double(), getattr(want[0], name)
        assert (a - b).norm() <= 1e-4 * b.norm() + 1e-6, name
    for name, grad in want[1].items():
        assert (have[1][name].double() - grad).norm() <= 2e-3 * grad.norm(), name


@pytest.mark.usefixtures("in_one_launch")
def test_a_batch_of_frames_takes_both(emulated: ModuleType) -> None:
    scene = clip()
    each = [with_covariances({n: scene[n][f] for n in ("quats", "scales")})["covars"] for f in range(3)]
    probes = []
    for form in ({}, {"quats": None, "scales": None, "covars": torch.stack(each)}):
        probe = torch.zeros(3, 120, 4, requires_grad=True)
        rasterize_frames(**(scene | form), probe=probe).rgb.square().sum().backward()
        probes.append(probe.grad)
    assert probes[0][..., 2:].min(dim=1).values.max() >= 0
    assert (probes[1] - probes[0]).norm() <= 1e-3 * probes[0].norm()
