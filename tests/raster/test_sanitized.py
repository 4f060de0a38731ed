"""The CPU kernels built with AddressSanitizer and UndefinedBehaviorSanitizer pass their tests without a report."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTED = ("tests/raster", "tests/head/test_fused.py", "tests/metrics/test_ssim_fused.py", "tests/core/test_sh_fused.py")
LEFT_OUT = ("test_compile", "test_sanitized", "test_determinism", "test_gradients", "test_strategy")
"""Nothing new to the kernels' memory, and slow under sanitizers."""
REPORTS = ("AddressSanitizer", "runtime error:", "UndefinedBehaviorSanitizer")


def sanitizer_libraries() -> str | None:
    """Paths of libasan.so of the machine's GCC and of the library whose exceptions it watches, or None."""
    compiler = shutil.which("gcc")
    if compiler is None:
        return None
    paths = []
    for name in ("libasan.so", "libstdc++.so.6"):
        found = subprocess.run([compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True)
        paths.append(found.stdout.strip())
    return " ".join(paths) if all(map(os.path.isabs, paths)) else None


@pytest.fixture(scope="module")
def library() -> str:
    missing = [tool for tool in ("cmake", "ninja") if shutil.which(tool) is None]
    missing += [] if importlib.util.find_spec("nanobind") else ["nanobind"]
    path = sanitizer_libraries()
    if missing or path is None:
        pytest.skip(f"sanitized kernels cannot be built here: no {', '.join(missing) or 'libasan of GCC'}")
    return path


@pytest.fixture(scope="module")
def sanitized(library: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension, built with sanitizers."""
    build = tmp_path_factory.mktemp("sanitized")
    configure = ["cmake", "-S", str(ROOT / "cuda_ext"), "-B", str(build), "-G", "Ninja", "-DGH_CUDA=OFF"]
    configure += ["-DGH_SANITIZE=ON", "-DCMAKE_CXX_COMPILER=g++", f"-DPython_EXECUTABLE={sys.executable}"]
    for command in (configure, ["cmake", "--build", str(build)]):
        run = subprocess.run(command, capture_output=True, text=True)
        assert run.returncode == 0, (run.stdout + run.stderr)[-4000:]
    (module,) = build.glob("_kernels*.so")
    assert b"__asan_report_load" in module.read_bytes()
    return module


def first_report(output: str) -> str:
    """The beginning of the first report and the test that was running."""
    lines = output.splitlines()
    start = next(i for i, line in enumerate(lines) if any(word in line for word in REPORTS))
    return "\n".join(lines[max(0, start - 3) : start + 25])


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_report_from_the_sanitizers(library: str, sanitized: Path, tmp_path: Path) -> None:
    python_path = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {
        "LD_PRELOAD": library,
        "ASAN_OPTIONS": "detect_leaks=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "GAUSSIAN_HEAD_TEST_KERNELS": str(sanitized),
        "PYTHONPATH": os.pathsep.join(python_path),
    }
    tests = [str(ROOT / path) for path in TESTED]
    skipped = [f"--ignore={ROOT / 'tests/raster' / name}.py" for name in LEFT_OUT]
    options = ["-p", "sanitized_kernels", "-p", "no:cacheprovider", "-x", "-sv", "--backend", "cpu", "-m", "not slow"]
    place = ["--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml")]
    command = [sys.executable, "-m", "pytest", *tests, *skipped, *options, *place]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    output = run.stdout + run.stderr
    assert not any(word in output for word in REPORTS), first_report(output)
    assert run.returncode == 0, output[-4000:]
