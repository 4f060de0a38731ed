"""The emulated device under AddressSanitizer and UndefinedBehaviorSanitizer: no report, no access out of bounds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import cuda_emulation_build
import pytest

HERE = Path(__file__).parent
TESTS = ("test_emulator.py", "test_raster.py", "test_frames.py", "test_head.py")
REPORTS = ("ERROR: AddressSanitizer", "runtime error:")


def sanitizer_libraries() -> str | None:
    """What must be loaded before Python for sanitized modules, or None where GCC has none."""
    compiler = shutil.which("g++")
    if compiler is None:
        return None
    paths = []
    for name in ("libasan.so", "libubsan.so"):
        run = subprocess.run([compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True)
        paths.append(run.stdout.strip())
    return " ".join(paths) if all(map(os.path.isabs, paths)) else None


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
def test_no_report_from_the_sanitizers(tmp_path: Path) -> None:
    libraries = sanitizer_libraries()
    reason = cuda_emulation_build.missing() or (None if libraries else "no libasan of g++")
    if reason or libraries is None:
        pytest.skip(f"the emulation cannot be sanitized here: {reason}")
    environment = os.environ | {
        "GH_EMULATION_SANITIZE": "1",
        "LD_PRELOAD": libraries,
        "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0",
    }
    root = HERE.parents[1]
    options = ["-x", "-s", "-k", "lowest or emulator", "-p", "no:cacheprovider", "--rootdir", str(root)]
    command = [sys.executable, "-m", "pytest", "-c", str(root / "pyproject.toml"), *options]
    command += [str(HERE / name) for name in TESTS]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    output = run.stdout + run.stderr
    assert run.returncode == 0, output[-8000:]
    assert "passed" in output or "100%" in output, output[-2000:]
    assert not any(word in output for word in REPORTS), output[-8000:]
