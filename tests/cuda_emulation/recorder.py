"""What ``torch.cuda.graph`` does, on the emulated device: torch's operations and the kernels' calls by their addresses.

A launch repeats them on the very tensors that they had, whatever Python would have given them meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import cuda_emulation_build
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

WAITS = ("_local_scalar_dense", "nonzero", "equal", "masked_select", "_unique2", "is_nonzero")
SHAPES = ("squeeze_", "unsqueeze_", "t_", "transpose_", "as_strided_", "detach_")
"""Operations in place that change no number."""
Call = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any], Any]


class _Operations(TorchDispatchMode):
    """Notes torch's operations; one that makes the host wait fails, as in a captured stream."""

    def __init__(self, calls: list[Call]) -> None:
        super().__init__()
        self._calls = calls

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, kwargs = func._schema.name.removeprefix("aten::"), kwargs or {}
        if name in WAITS:
            raise RuntimeError(f"{name} waits for a stream that is captured")
        held = _as_they_are((args, kwargs))
        out = func(*args, **kwargs)
        writes = any(one.alias_info is not None and one.alias_info.is_write for one in func._schema.arguments)
        aliases = any(one.alias_info is not None for one in func._schema.returns)
        if (writes and name not in SHAPES) or not (writes or aliases or name.startswith(("empty", "new_empty"))):
            self._calls.append((func, *held, None if writes else _as_they_are(out)))
        return out


def _as_they_are(values: Any) -> Any:
    """Other tensors of the same memory: the shape of these may change later."""
    return tree_map(lambda one: one.detach() if isinstance(one, Tensor) else one, values)


class Kernels:
    """The emulated kernels; calls are noted while something is recorded."""

    noting: list[Call] | None = None

    def __init__(self, device: ModuleType) -> None:
        self._stand_in = cuda_emulation_build.StandIn(device)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._stand_in, name)
        if not name[0].islower():
            return found

        def run(*values: Any) -> Any:
            if Kernels.noting is not None:
                Kernels.noting.append((found, values, {}, None))
            return found(*values)

        return run


class Recorder:
    """In place of ``training.graphs.Recorder``."""

    device: ModuleType
    recorded = 0

    def __init__(self, _: torch.device) -> None:
        self._calls: list[Call] = []
        self._done = False

    def run(self, work: Callable[[], Tensor | None]) -> Tensor | None:
        return work()

    def record(self, work: Callable[[], Tensor | None]) -> Tensor | None:
        """Do it and note it: the first launch, which follows at once, has nothing left to do."""
        self._calls, self._done, Recorder.recorded = [], True, Recorder.recorded + 1
        before = self.device.waits(), self.device.allocations()
        self.device.use_capture(True)
        Kernels.noting = self._calls
        try:
            with _Operations(self._calls):
                return work()
        finally:
            Kernels.noting = None
            self.device.use_capture(False)
            assert (self.device.waits(), self.device.allocations()) == before

    @torch.no_grad()
    def replay(self) -> None:
        if not self._done:
            for run, values, named, out in self._calls:
                fresh = run(*values, **named)
                for old, new in zip(tree_leaves(out), tree_leaves(fresh), strict=True) if out is not None else ():
                    if isinstance(old, Tensor):
                        old.copy_(new)
        self._done = False

    def forget(self) -> None:
        self._calls = []
        self.device.forget_graphs()
