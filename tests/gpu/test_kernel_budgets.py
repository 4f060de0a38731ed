"""Registers of the CUDA kernels, told by the compiler alone: none spills, and none takes more than it did."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from kernel_budgets import CUDA, compiled_kernels, parsed

BUDGETS = json.loads(Path(__file__).with_name("registers.json").read_text())
SOURCES = ("rasterizer.cu", "deform.cu", "ssim.cu")
TOLD = """
ptxas info    : Compiling entry function '_ZN2gh6device11blend_tilesILi5EEEvNS_9CudaSceneE' for 'sm_90'
ptxas info    : Function properties for _ZN2gh6device11blend_tilesILi5EEEvNS_9CudaSceneE
    16 bytes stack frame, 12 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 32 registers, used 1 barriers, 13312 bytes smem
ptxas info    : Compiling entry function '_ZN3cub6detail4scanEv' for 'sm_90'
ptxas info    : Function properties for _ZN3cub6detail4scanEv
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 32 registers
"""


def test_what_the_compiler_tells_is_read() -> None:
    (kernel,) = parsed(TOLD)
    assert (kernel.name, kernel.registers, kernel.spilled, kernel.shared) == ("blend_tiles<5>", 32, 24, 13312)


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="nvcc is not on the path")
@pytest.mark.parametrize("arch", BUDGETS)
@pytest.mark.parametrize("source", SOURCES)
def test_no_kernel_spills_or_outgrows_its_budget(source: str, arch: str) -> None:
    kernels = compiled_kernels(source, arch)
    budget = BUDGETS[arch][source]
    assert {kernel.name for kernel in kernels} == set(budget), "a kernel came or went: measure registers.json again"
    assert not [kernel for kernel in kernels if kernel.spilled]
    assert not [kernel for kernel in kernels if kernel.registers > budget[kernel.name]]


@pytest.mark.skipif(shutil.which("nvcc") is None or shutil.which("cmake") is None, reason="nvcc or cmake is not here")
def test_a_build_with_fast_mathematics_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("nanobind")
    flags = ["-DGH_CUDA=ON", "-DGH_CARRY=OFF", "-DCMAKE_CUDA_ARCHITECTURES=90", "-DCMAKE_CUDA_FLAGS=--use_fast_math"]
    command = ["cmake", "-S", str(CUDA.parent), "-B", str(tmp_path), f"-DPython_EXECUTABLE={sys.executable}", *flags]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode
    assert "loses NaN" in done.stderr
