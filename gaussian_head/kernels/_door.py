"""How tensors cross into the extension, which links no torch: as views of the same memory."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any, cast

import torch
from torch import Tensor

from ..checks import InputError

KINDS = {torch.float32: "float32", torch.int32: "int32"}
"""Numbers that kernels take, by the name that crosses."""


def compiled() -> ModuleType | None:
    """The module ``gaussian_head._kernels``, or None where this installation has none; loaded on first use."""
    try:
        from .. import _kernels  # pyright: ignore[reportAttributeAccessIssue]  # a plain import: torch.compile follows it
    except ImportError:
        return None
    return cast(ModuleType, _kernels)


def on(device: torch.device) -> Any:
    """The functions and classes for tensors of a device; only where ``covers`` said that there are any."""
    module = compiled()
    assert module is not None
    return module.cuda if device.type == "cuda" else module


def covers(*tensors: Tensor, cuda: bool = True) -> bool:
    """True where kernels are there for these tensors: float32 on one CPU, or with ``cuda`` on one CUDA device.

    Tensors that a tracer looks into are not covered.
    """
    if torch.compiler.is_compiling():
        return False
    module, device = compiled(), tensors[0].device
    if module is None or not (device.type == "cpu" or (cuda and device.type == "cuda" and module.has_cuda)):
        return False
    plain = (Tensor, torch.nn.Parameter)
    return all(t.dtype == torch.float32 and t.device == device and type(t) in plain for t in tensors)


def lane(device: torch.device) -> int:
    """What kernels run on: a number of CPU threads, or torch's current CUDA stream."""
    return torch.cuda.current_stream(device).cuda_stream if device.type == "cuda" else torch.get_num_threads()


def view(tensor: Tensor | None) -> Any:
    """The same memory: CPU tensors as numpy arrays, those of CUDA as address, device, kind and sizes.

    Torch's own protocol for the latter (DLPack) takes 4 µs a tensor, and asks for a stream that a captured one must not
    wait for.

    Raises:
        ValueError: a tensor on CUDA is neither float32 nor int32, or not contiguous.
    """
    if tensor is None:
        return None
    if not is_cuda(tensor.device):
        return tensor.detach().numpy()
    if tensor.dtype not in KINDS or not tensor.is_contiguous():
        raise ValueError(
            f"a tensor of {tensor.dtype} with strides {tensor.stride()} came; float32 in a row was wanted."
        )
    return (tensor.data_ptr(), max(tensor.get_device(), 0), KINDS[tensor.dtype], *tensor.shape)


def made(name: str, device: torch.device, *values: Any) -> Any:
    """An object of the extension's class ``name`` over tensors (None where it may be) and other values.

    Raises:
        InputError: the values do not belong together.
    """
    try:
        held = getattr(on(device), name)(*_crossing(values))
    except ValueError as error:
        raise InputError(str(error)) from error
    if values and is_cuda(device):
        held.kept = values  # it has their addresses only
    return held


def call(name: str, device: torch.device, *values: Any) -> Any:
    """What the kernel ``name`` gives for tensors and other values, run on the device's lane.

    Raises:
        InputError: the values do not belong together, or are more than a kernel can count.
    """
    run = getattr(on(device), name)
    try:
        try:
            return run(*_crossing(values), lane(device))
        except RuntimeError as error:
            if not (is_cuda(device) and "out of memory" in str(error)):
                raise
            torch.cuda.empty_cache()  # the kernels' scratch memory is not torch's: let it have what torch only keeps
            return run(*_crossing(values), lane(device))
    except ValueError as error:
        raise InputError(str(error)) from error


def is_cuda(device: torch.device) -> bool:
    """Whether a device is one of CUDA."""
    return device.type == "cuda"


def _crossing(values: Sequence[Any]) -> list[Any]:
    return [view(value) if isinstance(value, Tensor) else value for value in values]
