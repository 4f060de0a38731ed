"""Compiles the CUDA sources for the emulated device, with the bindings, into a Python module.

Objects are kept by the content of everything they are made from, so a second run builds nothing.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).resolve().parent
KERNELS = HERE.parents[1] / "cuda_ext"
NAME = "_cuda_emulation"
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer", "-g1")


def missing() -> str | None:
    """Why the emulation cannot be built here, or None."""
    if not sys.platform.startswith("linux"):
        return "the emulation switches stacks the Linux way"
    if not compiler():
        return "no C++ compiler (g++ or $CXX) is here"
    if importlib.util.find_spec("nanobind") is None:
        return "nanobind is not installed (pip install nanobind)"
    return None


def compiler() -> str | None:
    """The C++ compiler: $CXX or g++."""
    return shutil.which(os.environ.get("CXX", "g++"))


VARIANTS = {"": (), "inexact": ("-mfma", "-ffp-contract=fast", "-DGH_EMULATION_ULP=2")}
"""How a real device's numbers may differ: products and sums rounded once, functions off by some units."""


def flags(sanitize: bool, variant: str = "") -> list[str]:
    """Options of every translation unit."""
    import nanobind

    return [
        "-std=c++17",
        "-O1",
        "-fPIC",
        "-fvisibility=hidden",
        "-fno-math-errno",
        "-fno-strict-aliasing",
        "-Wall",
        "-Wextra",
        "-Wno-maybe-uninitialized",
        "-Wno-unknown-pragmas",
        "-U_FORTIFY_SOURCE",
        "-DGH_ISA=device",
        "-DGH_CUDA_EMULATION",
        f"-DNB_DOMAIN=gh_emulation{variant}",  # variants do not take each other's objects
        *(SANITIZE if sanitize else ()),
        *VARIANTS[variant],
        f"-I{HERE / 'include'}",
        f"-I{nanobind.include_dir()}",
        f"-I{Path(nanobind.source_dir()).parent / 'ext' / 'robin_map' / 'include'}",
        f"-I{sysconfig.get_path('include')}",
    ]


def sources() -> list[Path]:
    """The kernels, their bindings, the emulator and nanobind itself."""
    import nanobind

    ours = [*sorted(KERNELS.glob("cuda/*.cu")), *sorted(KERNELS.glob("bind/cuda*.cpp")), *sorted(HERE.glob("*.cpp"))]
    return [*ours, Path(nanobind.source_dir()) / "nb_combined.cpp"]


def _compile(source: Path, folder: Path, options: list[str]) -> Path:
    target = folder / f"{source.stem}{source.suffix.replace('.', '_')}.o"
    quiet = ["-w", "-fno-strict-aliasing"] if source.name == "nb_combined.cpp" else ["-Werror"]
    command = [str(compiler()), *options, *quiet, "-x", "c++", "-c", str(source), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{source.name} does not compile:\n{done.stderr[-6000:]}")
    return target


def _digest(paths: list[Path], options: list[str]) -> str:
    found = hashlib.sha256(repr((options, compiler(), sys.version)).encode())
    for path in sorted(paths):
        found.update(str(path).encode() + path.read_bytes())
    return found.hexdigest()[:16]


def _cache() -> Path:
    """This user's folder of built modules; those not made or used for two weeks are removed."""
    cache = Path(tempfile.gettempdir()) / f"gaussian_head_emulation_{os.getuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    if cache.stat().st_uid != os.getuid():
        raise RuntimeError(f"{cache} belongs to another user; remove it.")
    for folder in cache.iterdir():
        if folder.stat().st_mtime < time.time() - 14 * 24 * 3600:
            shutil.rmtree(folder, ignore_errors=True)
    return cache


def build(*, sanitize: bool = False, variant: str = "") -> Path:
    """The compiled module's file; made now unless its sources are unchanged.

    Args:
        sanitize: with the address and undefined-behaviour sanitizers.
        variant: of VARIANTS.

    Raises:
        RuntimeError: a source does not compile.
    """
    options = flags(sanitize, variant)
    units = sources()
    headers = [*KERNELS.rglob("*.h"), *KERNELS.rglob("*.cuh"), *HERE.rglob("*.h"), *HERE.rglob("*.cuh")]
    cache = _cache()
    folder = cache / _digest([*units, *headers], options)
    module = folder / f"{NAME}.so"
    if module.exists():
        os.utime(folder)
        return module
    folder.mkdir(parents=True, exist_ok=True)
    stable = units[-1]  # nanobind: compiled once for all versions of our own sources
    kept = cache / _digest([stable], options)
    kept.mkdir(exist_ok=True)
    os.utime(kept)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        jobs = [pool.submit(_compile, unit, folder, options) for unit in units[:-1]]
        library = next(iter(kept.glob("*.o")), None) or _compile(stable, kept, options)
        objects = [*(job.result() for job in jobs), library]
    fresh = folder / f"{NAME}.{os.getpid()}"
    link = [str(compiler()), "-shared", *(SANITIZE if sanitize else ()), *map(str, objects), "-o", str(fresh)]
    done = subprocess.run(link, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"linking the emulation failed:\n{done.stderr[-3000:]}")
    fresh.replace(module)
    return module


class StandIn:
    """The emulated device's functions, and the CPU's where a device has none."""

    def __init__(self, device: ModuleType) -> None:
        self._device = device

    def __getattr__(self, name: str) -> object:
        from gaussian_head.kernels import compiled

        found = getattr(self._device if hasattr(self._device, name) else compiled(), name)
        return partial(_kept, found) if isinstance(found, type) and hasattr(self._device, name) else found


def _kept(made: type, *values: object) -> object:
    """An object that has the addresses of arrays only, and the arrays beside it."""
    held: Any = made(*values)
    if values:
        held.kept = values
    return held


def load(path: Path) -> ModuleType:
    """The module of a file that ``build`` made."""
    spec = importlib.util.spec_from_file_location(NAME, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
