"""Which device works: the CPU, or a CUDA device that the compiled kernels can run on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch

from ..checks import InputError
from ._door import compiled

CPU = torch.device("cpu")
_asked = ["auto"]


def why_no_cuda(index: int | None = None) -> str | None:
    """Why no CUDA device can be used here, with what to do about it; None where one can.

    Args:
        index: of the device, the current one where absent.
    """
    module = compiled()
    if module is None:
        return "the compiled kernels are not built; get a C++ compiler, nvcc and Python's headers, and install again."
    if not module.has_cuda:
        return (
            "the kernels are built without CUDA; put nvcc on the path and install again with your GPU's architecture: "
            "CUDAARCHS=90 pip install --force-reinstall --no-deps -e . (86: RTX 30, 89: RTX 40, 90: H100, 120: RTX 50)."
        )
    if torch.version.cuda is None:
        return "this torch is a CPU build; install a CUDA build of it by the selector on pytorch.org."
    if not torch.cuda.is_available():
        return f"torch is built for CUDA {torch.version.cuda} but sees no GPU; nvidia-smi says whether the driver does."
    if index is not None and index >= torch.cuda.device_count():
        return f"there is no GPU {index}; this machine shows {torch.cuda.device_count()}, counted from 0."
    return _trouble(torch.cuda.current_device() if index is None else index)


@cache
def _trouble(index: int) -> str | None:
    """What the driver and the architecture of a GPU make impossible."""
    module = compiled()
    assert module is not None
    return module.cuda.trouble(index) or None


def device_named(name: str | torch.device) -> torch.device:
    """The device that ``auto``, ``cpu``, ``cuda`` or ``cuda:1`` means here; ``auto`` is CUDA where that can run.

    Raises:
        InputError: there is no such device, or nothing can run on it; the message says why and what to do.
    """
    if isinstance(name, torch.device):
        return name
    if name == "auto":
        return torch.device("cpu" if why_no_cuda() else "cuda")
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda") or (number and not (kind == "cuda" and number.isdecimal())):
        raise InputError(f"device {name!r} came; auto, cpu, cuda, or cuda:1 for the second GPU, was wanted.")
    reason = why_no_cuda(int(number) if number else None) if kind == "cuda" else None
    if reason:
        raise InputError(f"device {name!r} cannot be used: {reason} Or take --device cpu.")
    return torch.device(name)


@contextmanager
def drawing_on(name: str) -> Iterator[torch.device]:
    """Everything that draws a head draws it on this device while the context lasts, in all threads of the process.

    Raises:
        InputError: as ``device_named``.
    """
    device, before = device_named(name), _asked[0]
    _asked[0] = name
    try:
        yield device
    finally:
        _asked[0] = before


def drawing_device() -> torch.device:
    """Where heads are drawn: as ``drawing_on`` said last, else on CUDA where that can run."""
    return device_named(_asked[0])
