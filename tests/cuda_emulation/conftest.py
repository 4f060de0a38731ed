"""The CUDA kernels on an emulated device, in place of the CPU kernels where a test asks for `emulated`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import ModuleType

import cuda_emulation_build
import pytest


@pytest.fixture(scope="session")
def device() -> ModuleType:
    """The module that runs the CUDA sources on the CPU; $GH_EMULATION_SANITIZE=1 takes the sanitized build."""
    reason = cuda_emulation_build.missing()
    if reason:
        pytest.skip(reason)
    sanitize = os.environ.get("GH_EMULATION_SANITIZE") == "1"
    return cuda_emulation_build.load(cuda_emulation_build.build(sanitize=sanitize))


@pytest.fixture(params=[0, 1, 7], ids=["lowest thread first", "highest thread first", "shuffled threads"])
def emulated(
    request: pytest.FixtureRequest, device: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModuleType]:
    """``backend="cpu"`` now runs the CUDA kernels, in each order of threads."""
    from gaussian_head.kernels import _door

    if _door.compiled() is None:
        pytest.skip("this installation has no compiled kernels")
    monkeypatch.setattr(_door, "on", lambda _: cuda_emulation_build.StandIn(device))
    device.use_order(request.param)
    yield device
    device.use_order(0)
