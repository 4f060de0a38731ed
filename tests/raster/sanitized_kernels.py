"""A pytest plugin: kernels from the file in $GAUSSIAN_HEAD_TEST_KERNELS take the place of the installed ones."""

from __future__ import annotations

import importlib.util
import os
import sys

import gaussian_head

NAME = "gaussian_head._kernels"

spec = importlib.util.spec_from_file_location(NAME, os.environ["GAUSSIAN_HEAD_TEST_KERNELS"])
assert spec is not None
assert spec.loader is not None
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
sys.modules[NAME] = module
gaussian_head._kernels = module  # type: ignore[attr-defined]


def pytest_sessionfinish() -> None:
    from gaussian_head.kernels import compiled

    assert compiled() is module, "the tests ran on other kernels than they were given"
