"""What this installation has, what it lacks, and how to get it."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .conventions import HOW_TO_GET_PYTORCH3D
from .machine import available_memory, operating_system, processor

MIN_FREE_DISK = 2.0
"""GiB on the disk of the working folder; a one-minute capture and its head take about half of it."""
MIN_FREE_MEMORY = 2.0
"""GiB; training at 512 px stays below."""
MODULES = {
    "ai-edge-litert": "ai_edge_litert.interpreter",
    "opencv-python-headless": "cv2",
    "pillow": "PIL.Image",
    "scikit-image": "skimage",
}
"""What proves that a package loads, where it is not the module of the package's own name."""
DEBIAN_PACKAGES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11.so.6": "libx11-6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgomp.so.1": "libgomp1",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libstdc++.so.6": "libstdc++6",
    "libusb-1.0.so.0": "libusb-1.0-0",
    "libxcb.so.1": "libxcb1",
}
"""Where Debian and Ubuntu keep the libraries that compiled Python packages ask for."""


KERNELS_REMEDY = (
    "get a C++17 compiler and Python's headers (Debian: apt-get install g++ python3-dev), then install gaussian-head"
    " again: pip install --force-reinstall --no-deps -e . in the checkout"
)
"""How an installation comes by the compiled kernels."""


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


def _package() -> tuple[bool, str, str]:
    version = _version("gaussian-head")
    remedy = "install it: pip install -e . in the checkout"
    return version is not None, f"{version or 'not installed'}, loaded from {Path(__file__).parent}", remedy


def _python() -> tuple[bool, str, str]:
    ok = (3, 10) <= sys.version_info < (3, 15)
    return ok, f"{platform.python_version()} in {sys.prefix}", "make an environment with Python 3.10 to 3.14"


def _system() -> tuple[bool, str, str]:
    libc = " ".join(platform.libc_ver())
    return True, ", ".join(filter(None, (operating_system(), platform.machine(), libc, processor()))), ""


def _declared() -> list[str]:
    """Names of the packages that this one cannot do without, as its metadata says; the extras' are not among them."""
    lines = importlib.metadata.requires("gaussian-head") or ()
    return [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in lines if ";" not in line]


def _dependencies() -> tuple[bool, str, str]:
    found = {name: _version(name) for name in _declared()}
    missing = [name for name, version in found.items() if version is None]
    detail = ", ".join(f"{name} {version or 'missing'}" for name, version in found.items())
    return not missing, detail, f"pip install {' '.join(missing)}"


def _system_libraries() -> tuple[bool, str, str]:
    missing: dict[str, None] = {}
    for module in (MODULES.get(name, name) for name in _declared()):
        try:
            importlib.import_module(module)
        except (ImportError, OSError) as error:
            missing.update(dict.fromkeys(_missing_libraries(module, str(error))))
    if not missing:
        return True, "every compiled library loads", ""
    packages = " ".join(sorted({DEBIAN_PACKAGES.get(name, f"(the package with {name})") for name in missing}))
    return False, f"missing: {', '.join(missing)}", f"on Debian or Ubuntu: apt-get install {packages}"


def _missing_libraries(module: str, complaint: str) -> list[str]:
    """Shared libraries that ``module`` lacks: the one that the loader named first, then the others that ldd names."""
    named = re.findall(r"(lib\S+\.so[.\d]*): cannot open shared object file", complaint)
    spec = importlib.util.find_spec(module) if named else None
    ldd = shutil.which("ldd")
    if spec is not None and spec.origin is not None and ldd:
        for library in sorted(Path(spec.origin).parent.rglob("*.so*")):
            told = subprocess.run([ldd, str(library)], capture_output=True, text=True)
            named += re.findall(r"(lib\S+) => not found", told.stdout)
    return list(dict.fromkeys(named))


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
        card = f"{torch.cuda.get_device_name()}, {memory:.0f} GiB, compute capability {major}.{minor}"
        from .kernels import why_no_cuda

        reason = why_no_cuda()
        return reason is None, f"{card}{', cannot be used by the kernels' if reason else ''}", reason or ""
    built = torch.version.cuda
    reason = f"torch is built for CUDA {built} but sees no GPU" if built else "torch is a CPU build"
    return False, f"none: {reason}", "optional; for an NVIDIA GPU install a CUDA build of torch from pytorch.org"


def _kernels() -> tuple[bool, str, str]:
    if importlib.util.find_spec("gaussian_head._kernels") is None:
        return False, "not built; the slow torch reference is used", KERNELS_REMEDY
    with suppress(ImportError):
        importlib.import_module("torch")  # a CUDA build of it that comes after kernels with CUDA ends the process
    kernels = importlib.import_module("gaussian_head._kernels")
    cuda = "with CUDA" if kernels.has_cuda else "without CUDA"
    return True, f"CPU instruction set {kernels.instruction_set()}, {cuda}", ""


def without_kernels() -> str:
    """What to say before slow work where the kernels were not built; "" where they were."""
    ok, detail, remedy = _kernels()
    return "" if ok else f"the compiled kernels are {detail}, a hundred times slower and more; {remedy}."


def _gsplat() -> tuple[bool, str, str]:
    version = _version("gsplat")
    remedy = "optional, an alternative GPU rasterizer: pip install 'gaussian-head[gsplat]'"
    return version is not None, version or "not installed", remedy


def _pytorch3d() -> tuple[bool, str, str]:
    version = _version("pytorch3d")
    if version is None:
        return (
            False,
            "not installed; `track --refine photometric` draws meshes itself",
            f"optional: {HOW_TO_GET_PYTORCH3D}",
        )
    importlib.import_module("pytorch3d.renderer.mesh.rasterize_meshes")  # built for this torch, or it fails here
    return True, f"{version}, draws meshes of `track --refine photometric` on a GPU", ""


def _live() -> tuple[bool, str, str]:
    versions = {name: _version(name) for name in ("aiohttp", "aiortc", "prometheus-client")}
    missing = [name for name, version in versions.items() if version is None]
    detail = f"without {', '.join(missing)}" if missing else f"aiortc {versions['aiortc']}"
    return not missing, detail, "optional, heads that talk in real time: pip install 'gaussian-head[live]'"


def _development() -> tuple[bool, str, str]:
    tools = ("pytest", "hypothesis", "playwright", "ruff", "pyright", "clang-format")
    missing = [name for name in tools if _version(name) is None]
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    detail = f"{'without ' + ', '.join(missing) if missing else 'all tools'}; browser: {browser or 'none'}"
    remedy = (
        "optional, to test and change the toolkit: pip install 'gaussian-head[dev]', for tests of pages Chromium too"
    )
    return not missing and browser is not None, detail, remedy


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
        return (
            False,
            "transformers is not installed",
            "optional, speech encoders with weights: pip install 'gaussian-head[speech]'",
        )
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
    free = available_memory()
    if free is None:
        return True, "unknown on this system", ""
    return free >= MIN_FREE_MEMORY, f"{free:.1f} GiB available", f"close programs: {MIN_FREE_MEMORY:g} GiB are wanted"


_CHECKS: dict[str, Callable[[], tuple[bool, str, str]]] = {
    "gaussian-head": _package,
    "python": _python,
    "system": _system,
    "dependencies": _dependencies,
    "system libraries": _system_libraries,
    "torch": _torch,
    "gpu": _gpu,
    "compiled kernels": _kernels,
    "face nets": _face_nets,
    "phone recogniser": _phone_model,
    "video encoders": _encoders,
    "extra: gsplat": _gsplat,
    "optional: pytorch3d": _pytorch3d,
    "extra: speech": _speech,
    "extra: live": _live,
    "extra: dev": _development,
    "disk": _disk,
    "memory": _memory,
}
