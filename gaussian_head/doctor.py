"""What this installation has, what it lacks, and how to get it."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MIN_FREE_DISK = 2.0
"""GiB on the disk of the working folder; a one-minute capture and its head take about half of it."""
MIN_FREE_MEMORY = 2.0
"""GiB; training at 512 px stays below."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    name: str
    """What was looked at."""
    ok: bool
    """True if nothing needs to be done."""
    detail: str
    """What was found."""
    remedy: str = ""
    """How to get what is missing; empty where nothing is."""


def diagnose() -> list[Finding]:
    """Look at everything the toolkit may use; never raises, loads each library only as far as needed."""
    return [_guarded(name, check) for name, check in _CHECKS.items()]


def _guarded(name: str, check: Callable[[], tuple[bool, str, str]]) -> Finding:
    try:
        ok, detail, remedy = check()
    except Exception as error:  # a broken installation fails in any way; the doctor reports it
        ok, detail = False, f"{type(error).__name__}: {error}".splitlines()[0]
        remedy = "reinstall the package: pip install --force-reinstall --no-deps <package>"
    return Finding(name=name, ok=ok, detail=detail, remedy="" if ok else remedy)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _python() -> tuple[bool, str, str]:
    ok = (3, 10) <= sys.version_info < (3, 15)
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return ok, detail, "make an environment with Python 3.10 to 3.14"


def _torch() -> tuple[bool, str, str]:
    if _version("torch") is None:
        return False, "not installed", "pip install torch"
    import torch

    return True, f"{torch.__version__}, {torch.get_num_threads()} threads on {os.cpu_count()} cores", ""


def _gpu() -> tuple[bool, str, str]:
    import torch

    if torch.cuda.is_available():
        major, minor = torch.cuda.get_device_capability()
        memory = torch.cuda.get_device_properties(0).total_memory / 2**30
        return True, f"{torch.cuda.get_device_name()}, {memory:.0f} GiB, compute capability {major}.{minor}", ""
    built = torch.version.cuda
    reason = f"torch is built for CUDA {built} but sees no GPU" if built else "torch is a CPU build"
    return False, f"none: {reason}", "optional; for an NVIDIA GPU install a CUDA build of torch from pytorch.org"


def _kernels() -> tuple[bool, str, str]:
    if importlib.util.find_spec("gaussian_head._kernels") is None:
        remedy = "install a C++17 compiler and CMake, then: pip install --force-reinstall --no-deps gaussian-head"
        return False, "not built; the slow torch reference is used", remedy
    kernels = importlib.import_module("gaussian_head._kernels")
    cuda = "with CUDA" if kernels.has_cuda else "without CUDA"
    return True, f"CPU instruction set {kernels.instruction_set()}, {cuda}", ""


def _gsplat() -> tuple[bool, str, str]:
    version = _version("gsplat")
    remedy = "optional, an alternative GPU rasterizer: pip install 'gaussian-head[gsplat]'"
    return version is not None, version or "not installed", remedy


def _pytorch3d() -> tuple[bool, str, str]:
    version = _version("pytorch3d")
    return version is not None, version or "not installed", "optional; nothing in this toolkit needs it"


def _face_nets() -> tuple[bool, str, str]:
    version = _version("ai-edge-litert")
    if version is None:
        return False, "ai-edge-litert, which runs them, is not installed", "pip install ai-edge-litert"
    return _carried(f"ai-edge-litert {version}", ".tflite")


def _phone_model() -> tuple[bool, str, str]:
    return _carried("acoustic model", "sphinx_")


def _carried(what: str, part: str) -> tuple[bool, str, str]:
    """Whether the carried files with ``part`` in their names are here."""
    from .carried import missing_files

    missing = [name for name in missing_files() if part in name]
    remedy = "fetched when first needed, which takes pip and a connection; or reinstall gaussian-head"
    return not missing, f"{what}, {'without ' + ', '.join(missing) if missing else 'all files present'}", remedy


def _open3d() -> tuple[bool, str, str]:
    version = _version("open3d")
    if version is None:
        return False, "not installed", "pip install open3d"
    try:
        importlib.import_module("open3d")
    except (ImportError, OSError) as error:
        packages = {"libusb": "libusb-1.0-0", "libGL": "libgl1", "libgomp": "libgomp1", "libX11": "libx11-6"}
        wanted = next((package for library, package in packages.items() if library in str(error)), None)
        remedy = f"apt-get install {wanted}" if wanted else "pip install --force-reinstall open3d"
        return False, f"{version} does not load: {str(error).splitlines()[0]}", remedy
    return True, version, ""


def _encoders() -> tuple[bool, str, str]:
    version = _version("av")
    if version is None:
        return False, "PyAV is not installed", "pip install av"
    from av.codec import Codec

    missing = []
    for name in ("libx264", "aac"):
        try:
            Codec(name, "w")
        except ValueError:
            missing.append(name)
    remedy = "pip install --force-reinstall --only-binary av av (PyPI's wheels carry both)"
    return not missing, f"PyAV {version}, {'without ' + ', '.join(missing) if missing else 'libx264 and aac'}", remedy


def _speech() -> tuple[bool, str, str]:
    version = _version("transformers")
    if version is None:
        return False, "transformers is not installed", "optional: pip install 'gaussian-head[speech]'"
    from .speech.transformer import TRANSFORMERS

    cache = Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface"))
    hub = Path(os.environ.get("HF_HUB_CACHE", cache / "hub"))
    found = [
        name
        for name, model in TRANSFORMERS.items()
        if any(hub.glob(f"models--{model.replace('/', '--')}/snapshots/*/*"))
    ]
    detail = f"transformers {version}, weights here: {', '.join(found) or 'none'}"
    model = TRANSFORMERS["hubert"]
    return bool(found), detail, f"optional: hf download {model} (the default encoder needs no weights)"


def _disk() -> tuple[bool, str, str]:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    return free >= MIN_FREE_DISK, f"{free:.1f} GiB free here", f"free {MIN_FREE_DISK:g} GiB or write to another disk"


def _memory() -> tuple[bool, str, str]:
    free = _available_memory()
    if free is None:
        return True, "unknown on this system", ""
    return free >= MIN_FREE_MEMORY, f"{free:.1f} GiB available", f"close programs: {MIN_FREE_MEMORY:g} GiB are wanted"


def _available_memory() -> float | None:
    """GiB that can still be had, within the limit of the container if there is one; None where nobody says."""
    found = []
    meminfo = Path("/proc/meminfo")
    if meminfo.is_file():
        fields = dict(line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line)
        if "MemAvailable" in fields:
            found.append(int(fields["MemAvailable"].split()[0]) / 2**20)
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.is_file() and used.is_file() and limit.read_text().strip().isdigit():
        found.append((int(limit.read_text()) - int(used.read_text())) / 2**30)
    return min(found) if found else None


_CHECKS: dict[str, Callable[[], tuple[bool, str, str]]] = {
    "python": _python,
    "torch": _torch,
    "gpu": _gpu,
    "compiled kernels": _kernels,
    "gsplat": _gsplat,
    "pytorch3d": _pytorch3d,
    "face nets": _face_nets,
    "open3d": _open3d,
    "phone recogniser": _phone_model,
    "video encoders": _encoders,
    "speech transformers": _speech,
    "disk": _disk,
    "memory": _memory,
}
