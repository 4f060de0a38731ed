"""The compiled extension, loaded on first use."""

from __future__ import annotations

import functools
import importlib
from types import ModuleType


@functools.cache
def kernels() -> ModuleType | None:
    """The compiled module ``gaussian_head._kernels``, or None where this installation has none."""
    try:
        return importlib.import_module("gaussian_head._kernels")
    except ImportError:
        return None
