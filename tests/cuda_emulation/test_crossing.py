"""On a CUDA device the arrays cross as torch tensors, not as numpy arrays: the same numbers must arrive."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import cuda_emulation_build
import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "gpu"))
from gpu_cases import CASES

from gaussian_head.kernels import _door
from gaussian_head.raster import frames, native

DEVICE_FREE = [name for name in CASES if name not in ("large", "deformation")]


@pytest.mark.parametrize("name", DEVICE_FREE)
def test_cases_of_the_gpu_tests(device: ModuleType, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    want = CASES[name]("cpu")
    monkeypatch.setattr(_door, "on", lambda _: cuda_emulation_build.StandIn(device))
    monkeypatch.setattr(_door, "view", lambda tensor: None if tensor is None else tensor.detach())
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
