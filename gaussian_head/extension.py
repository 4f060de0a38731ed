"""The compiled extension, loaded on first use."""

from __future__ import annotations

from types import ModuleType
from typing import cast


def kernels() -> ModuleType | None:
    """The compiled module ``gaussian_head._kernels``, or None where this installation has none."""
    try:
        from . import _kernels  # pyright: ignore[reportAttributeAccessIssue]  # a plain import: torch.compile follows it
    except ImportError:
        return None
    return cast(ModuleType, _kernels)
