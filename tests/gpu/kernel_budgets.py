"""Registers, spills and shared memory of every CUDA kernel, as ptxas tells them for an architecture."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

CUDA = Path(__file__).resolve().parents[2] / "cuda_ext" / "cuda"
OWN = re.compile(r"2gh\d")
"""In a mangled name: a kernel of ours, not one of CUB's."""
TOLD = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) .*?Used (\d+) registers", re.DOTALL)


@dataclass(frozen=True)
class Kernel:
    """What one kernel takes."""

    name: str
    """Without namespaces, template arguments kept: ``blend_tiles<5>``."""
    registers: int
    spilled: int
    """Bytes stored to and loaded from local memory for want of registers."""
    stack: int
    """Bytes."""
    shared: int
    """Bytes of static shared memory."""


def compiled_kernels(source: str, arch: str, folder: Path | None = None) -> list[Kernel]:
    """The kernels of ``cuda_ext/cuda/<source>`` for an architecture such as ``90``; the cubin goes to ``folder``.

    Raises:
        RuntimeError: nvcc refuses the source.
    """
    with tempfile.TemporaryDirectory() as temporary:
        target = (folder or Path(temporary)) / f"{Path(source).stem}.sm_{arch}.cubin"
        command = ["nvcc", "-std=c++17", "-O3", "-cubin", f"-arch=sm_{arch}", "-DGH_ISA=device", "-Xptxas=-v"]
        done = subprocess.run([*command, str(CUDA / source), "-o", str(target)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{source} does not compile for sm_{arch}:\n{done.stderr[-4000:]}")
    return parsed(done.stderr)


def parsed(told: str) -> list[Kernel]:
    """Our kernels in what ``ptxas -v`` said."""
    found = []
    for block in told.split("Compiling entry function '")[1:]:
        mangled = block.split("'", 1)[0]
        if not OWN.search(mangled) or "cub" in mangled:
            continue
        stack, stores, loads, used = (int(number) for number in TOLD.search(block).groups())  # type: ignore[union-attr]
        shared = re.search(r"(\d+) bytes smem", block)
        found.append(
            Kernel(
                name=plain_name(mangled),
                registers=used,
                spilled=stores + loads,
                stack=stack,
                shared=int(shared.group(1)) if shared else 0,
            )
        )
    return sorted(found, key=lambda kernel: kernel.name)


def plain_name(mangled: str) -> str:
    """``_ZN2gh6device11blend_tilesILi5EEEv...`` as ``blend_tiles<5>``."""
    parts, rest = [], mangled.split("2gh", 1)[1]
    while match := re.match(r"(\d+)", rest):
        length = int(match.group(1))
        begin = match.end()
        parts.append(rest[begin : begin + length])
        rest = rest[begin + length :]
    arguments = re.match(r"I((?:L[ib]\d+E)+)E", rest)
    values = re.findall(r"L[ib](\d+)E", arguments.group(1)) if arguments else []
    return parts[-1] + (f"<{', '.join(values)}>" if values else "")


def main() -> None:
    """Print what the named architectures take, one line a kernel."""
    if not shutil.which("nvcc"):
        raise SystemExit("nvcc is not on the path")
    for arch in sys.argv[1:] or ["90"]:
        for source in ("rasterizer.cu", "deform.cu", "ssim.cu"):
            for kernel in compiled_kernels(source, arch, Path.cwd()):
                sys.stdout.write(f"{arch} {kernel}\n")


if __name__ == "__main__":
    main()
