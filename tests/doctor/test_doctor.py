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
    for name in ("python", "torch", "face nets", "phone recogniser", "video encoders"):
        assert findings[name].ok, findings[name]


def test_nothing_installed_is_reported_not_raised(monkeypatch, tmp_path):
    def missing(package):
        raise importlib.metadata.PackageNotFoundError(package)

    real = builtins.__import__

    def no_libraries(name, *args, **kwargs):
        if name.split(".")[0] in ("torch", "ai_edge_litert", "open3d", "av", "transformers"):
            raise ImportError(f"No module named {name!r}")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("gaussian_head.carried._place._folders", lambda: [tmp_path])
    monkeypatch.setattr(builtins, "__import__", no_libraries)
    findings = by_name()
    for name in ("torch", "gpu", "compiled kernels", "face nets", "open3d", "phone recogniser", "video encoders"):
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


def test_missing_nets_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr("gaussian_head.carried._place._folders", lambda: [tmp_path])
    finding = doctor._guarded("face nets", doctor._face_nets)
    assert not finding.ok
    assert "face_landmarks.tflite" in finding.detail
    assert finding.remedy


@pytest.mark.parametrize("free", [0.5, 100.0, None])
def test_memory(monkeypatch, free):
    monkeypatch.setattr(doctor, "_available_memory", lambda: free)
    assert doctor._guarded("memory", doctor._memory).ok == (free != 0.5)


def test_importing_the_doctor_loads_nothing():
    code = (
        "import sys, gaussian_head.doctor; "
        "print([m for m in ('torch', 'ai_edge_litert', 'open3d', 'av', 'transformers') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = result.stdout.strip()
    assert loaded in ("[]", "['torch']")  # the package itself may name torch types
