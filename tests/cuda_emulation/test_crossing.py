"""On a CUDA device the arrays cross as addresses, not as numpy arrays: the same numbers must arrive."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import cuda_emulation_build
import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "gpu"))
from gpu_cases import CASES, cameras, head_branches, moments

from gaussian_head import sh
from gaussian_head.checks import InputError
from gaussian_head.head.cuda_render import HeadRenderer
from gaussian_head.kernels import _door
from gaussian_head.raster import frames, native

DEVICE_FREE = [name for name in CASES if name not in ("large", "deformation")]


@pytest.mark.parametrize("name", DEVICE_FREE)
def test_cases_of_the_gpu_tests(device: ModuleType, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    want = CASES[name]("cpu")
    monkeypatch.setattr(_door, "on", lambda _: cuda_emulation_build.StandIn(device))
    monkeypatch.setattr(_door, "is_cuda", lambda _: True)
    monkeypatch.setattr(sh, "_can_fuse", lambda *_: False)  # there is no kernel of it there
    monkeypatch.setattr(frames, "_one_by_one", native.rasterize)
    before = device.launches()
    have = CASES[name]("cpu")
    assert device.launches() > before
    assert want.keys() == have.keys()
    for key, tensor in want.items():
        if key != "radii":
            assert (have[key] - tensor).norm() <= 1e-4 * tensor.norm() + 1e-9, key
        else:
            assert tensor.numel() == 0 or (tensor - have[key]).abs().max() <= 1
    assert all(torch.isfinite(tensor).all() for tensor in have.values())


def test_what_crosses_as_an_address_is_kept_and_checked(device: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_door, "on", lambda _: cuda_emulation_build.StandIn(device))
    monkeypatch.setattr(_door, "is_cuda", lambda _: True)
    cpu = torch.device("cpu")
    images = [torch.zeros(1, 4, 5, 3), torch.zeros(1, 4, 5), torch.zeros(1, 4, 5), torch.zeros(1, 4, 5, 0)]
    held = _door.made("Outputs", cpu, *images)
    assert all(a is b for a, b in zip(held.kept, images, strict=True))
    with pytest.raises(InputError, match=r"float32 in a row was wanted"):
        _door.made("Outputs", cpu, images[0].transpose(1, 2), *images[1:])
    with pytest.raises(InputError, match=r"a tensor of torch.float64"):
        _door.made("Outputs", cpu, images[0].double(), *images[1:])
    with pytest.raises(TypeError, match="incompatible"):
        _door.made("Outputs", cpu, images[0].int(), *images[1:])


def test_a_head_is_drawn_alike_however_its_arrays_cross(device: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_door, "on", lambda _: cuda_emulation_build.StandIn(device))
    branches, (coefficients, poses), (viewmats, Ks) = (
        head_branches("cpu", 200),
        moments("cpu", 2),
        cameras("cpu", 2, 48),
    )
    want = HeadRenderer(branches=branches).render(coefficients, poses, viewmats, Ks, 48, 48)
    monkeypatch.setattr(_door, "is_cuda", lambda _: True)
    have = HeadRenderer(branches=branches).render(coefficients, poses, viewmats, Ks, 48, 48)
    assert have.rgb.std() > 0.01
    for name in ("rgb", "alpha", "depth"):
        assert torch.equal(getattr(have, name), getattr(want, name)), name
