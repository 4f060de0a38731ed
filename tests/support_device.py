"""A torch device of its own, ``emulated``: its numbers lie in the CPU's memory, but who mixes it with the CPU fails.

What runs on it runs on CUDA as far as torch's own operations go: no tensor is left behind on the CPU, and every time
the host reads a number, it is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_flatten, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = "emulated"
MOVES = ("aten::_to_copy", "aten::copy_", "aten::set_.source_Tensor", "aten::resize_", "aten::_local_scalar_dense")
READS = ("aten::_local_scalar_dense", "aten::nonzero", "aten::equal", "aten::masked_select", "aten::_unique2")
reads: Counter[str] = Counter()
"""How often the host waited for a number, by operation; moves to the CPU count as ``to cpu``."""


class OnDevice(Tensor):
    """A tensor of the emulated device."""

    raw: Tensor

    @staticmethod
    def __new__(cls, raw: Tensor) -> OnDevice:
        made = Tensor._make_wrapper_subclass(
            cls,
            raw.size(),
            strides=raw.stride(),
            storage_offset=raw.storage_offset(),
            dtype=raw.dtype,
            device=torch.device(NAME, 0),
        )
        made.raw = raw
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return run(func, args, kwargs or {})


class Factories(TorchDispatchMode):
    """While it is entered, tensors can be made on the emulated device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        there = getattr(kwargs.get("device"), "type", None) == NAME
        return run(func, args, kwargs) if there or OnDevice in types else func(*args, **kwargs)


def run(func: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """An operation on the emulated device; RuntimeError where its tensors lie on two devices."""
    name = func._schema.name if not func._overloadname or func._overloadname == "default" else func.name()  # type: ignore[attr-defined]
    base = func._schema.name  # type: ignore[attr-defined]
    flat = [value for value in tree_flatten((args, kwargs))[0] if isinstance(value, Tensor)]
    ours = [value for value in flat if isinstance(value, OnDevice)]
    strangers = [value for value in flat if not isinstance(value, OnDevice) and value.ndim]
    if ours and strangers and base not in MOVES and name not in MOVES and not _cpu_index(base, args):
        raise RuntimeError(f"{name} mixes devices: {NAME} {ours[0].shape} and cpu {strangers[0].shape}")
    if base in READS:
        reads[base] += 1
    target = kwargs.get("device")
    to_host = base == "aten::_to_copy" and target is not None and target.type == "cpu"
    to_host |= base == "aten::copy_" and not isinstance(args[0], OnDevice)
    reads["to cpu"] += to_host
    reads["from cpu"] += bool(strangers) and (base == "aten::copy_" or (base == "aten::_to_copy" and not to_host))
    reads["from numbers"] += base == "aten::lift_fresh"  # torch.tensor and new_tensor: a copy from the CPU too
    plain = dict(kwargs)
    if target is not None:
        plain["device"] = torch.device("cpu")
    plain.pop("pin_memory", None)
    out = func(*tree_map(_raw, args), **tree_map(_raw, plain))
    if to_host:
        return args[0] if base == "aten::copy_" else out
    wrapped = tree_map(lambda value: OnDevice(value) if isinstance(value, Tensor) else value, out)
    return return_and_correct_aliasing(func, args, kwargs, wrapped) if ours else wrapped


def _raw(value: Any) -> Any:
    return value.raw if isinstance(value, OnDevice) else value


def _cpu_index(base: str, args: Any) -> bool:
    """Indexing by a tensor of the CPU is allowed on CUDA too; it costs a copy and is counted as one."""
    return base in ("aten::index.Tensor",)


def _made(op: str) -> Callable[..., Tensor]:
    def make(*args: Any, device: Any = None, pin_memory: Any = None, **kwargs: Any) -> Tensor:
        return OnDevice(getattr(torch.ops.aten, op)(*args, device="cpu", **kwargs))

    return make


def _copy_from(source: Tensor, target: Tensor, non_blocking: bool = False) -> Tensor:
    _raw(target).copy_(_raw(source))
    return target


_library: list[torch.library.Library] = []


def install() -> torch.device:
    """The device, registered once."""
    if not _library:
        _setup_privateuseone_for_python_backend(NAME)
        _library.append(torch.library.Library("aten", "IMPL"))
        for op, overload in (("empty_strided", ""), ("empty", ".memory_format")):
            _library[0].impl(op + overload, _made(op), "PrivateUse1")
        _library[0].impl("_copy_from", _copy_from, "PrivateUse1")
    return torch.device(NAME, 0)
