import builtins
import importlib.metadata
import subprocess
import sys

import pytest

from gaussian_head import doctor
from gaussian_head.doctor import Finding, diagnose


def by_name():
    return {finding.name: finding for finding in diagnose()}


def test_every_finding_says_something_and_every_lack_has_a_remedy():
    findings = diagnose()
    assert len({finding.name for finding in findings}) == len(findings) == 13
    for finding in findings:
        assert isinstance(finding, Finding)
        assert finding.detail
        assert finding.ok == (finding.remedy == "")


def test_what_the_tests_need_is_found():
    findings = by_name()
    for name in ("python", "torch", "tracking models", "phone recogniser", "video encoders"):
        assert findings[name].ok, findings[name]


def test_nothing_installed_is_reported_not_raised(monkeypatch):
    def missing(package):
        raise importlib.metadata.PackageNotFoundError(package)

    real = builtins.__import__

    def no_libraries(name, *args, **kwargs):
        if name.split(".")[0] in ("torch", "mediapipe", "open3d", "pocketsphinx", "av", "transformers"):
            raise ImportError(f"No module named {name!r}")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(builtins, "__import__", no_libraries)
    findings = by_name()
    for name in ("torch", "gpu", "compiled kernels", "tracking models", "open3d", "phone recogniser", "video encoders"):
        assert not findings[name].ok
        assert findings[name].remedy
    assert "pip install torch" in findings["torch"].remedy


def test_open3d_without_a_system_library_names_the_package(monkeypatch):
    real = doctor.importlib.import_module

    def broken(name, *args):
        if name == "open3d":
            raise OSError("libusb-1.0.so.0: cannot open shared object file: No such file or directory")
        return real(name, *args)

    monkeypatch.setattr(importlib.metadata, "version", lambda package: "0.19.0")
    monkeypatch.setattr(doctor.importlib, "import_module", broken)
    finding = by_name()["open3d"]
    assert not finding.ok
    assert finding.remedy == "apt-get install libusb-1.0-0"


def test_missing_tracking_model_is_named(monkeypatch, tmp_path):
    (tmp_path / "mediapipe").mkdir()
    (tmp_path / "mediapipe" / "__init__.py").touch()
    spec = importlib.util.spec_from_file_location("mediapipe", tmp_path / "mediapipe" / "__init__.py")
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: spec)
    finding = doctor._guarded("tracking models", doctor._mediapipe)
    assert not finding.ok
    assert "face_landmark_with_attention.tflite" in finding.detail


@pytest.mark.parametrize("free", [0.5, 100.0, None])
def test_memory(monkeypatch, free):
    monkeypatch.setattr(doctor, "_available_memory", lambda: free)
    assert doctor._guarded("memory", doctor._memory).ok == (free != 0.5)


def test_importing_the_doctor_loads_nothing():
    code = (
        "import sys, gaussian_head.doctor; "
        "print([m for m in ('torch', 'mediapipe', 'open3d', 'av', 'transformers') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = result.stdout.strip()
    assert loaded in ("[]", "['torch']")  # the package itself may name torch types
