import builtins
import importlib
import importlib.metadata
import importlib.util
import platform
import subprocess
import sys
from types import ModuleType

import pytest
from packaging.requirements import Requirement

from gaussian_head import doctor
from gaussian_head.doctor import Finding, diagnose


def by_name():
    return {finding.name: finding for finding in diagnose()}


def test_every_finding_says_something_and_every_lack_has_a_remedy():
    findings = diagnose()
    assert len({finding.name for finding in findings}) == len(findings)
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
        if name.split(".")[0] in ("torch", "ai_edge_litert", "av", "transformers"):
            raise ImportError(f"No module named {name!r}")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("gaussian_head.carried._place._folders", lambda: [tmp_path])
    monkeypatch.setattr(builtins, "__import__", no_libraries)
    findings = by_name()
    for name in ("torch", "gpu", "compiled kernels", "dependencies", "face nets", "phone recogniser", "video encoders"):
        assert not findings[name].ok
        assert findings[name].remedy
    assert "pip install torch" in findings["torch"].remedy


def test_every_missing_system_library_is_named_with_its_package(monkeypatch, tmp_path):
    """The loader names the first only; ldd knows the others."""
    compiled = tmp_path / "cv2" / "cv2.abi3.so"
    compiled.parent.mkdir()
    compiled.touch()
    ldd = tmp_path / "ldd"
    ldd.write_text(
        "#!/bin/sh\necho 'libGL.so.1 => not found'; echo 'libEGL.so.1 => not found'; echo 'libz.so => /lib/z'"
    )
    ldd.chmod(0o755)
    real = doctor.importlib.import_module

    def broken(name, *args):
        if name == "cv2":
            raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")
        return real(name, *args)

    spec = importlib.util.spec_from_file_location("cv2", tmp_path / "cv2" / "__init__.py")
    monkeypatch.setattr(doctor, "_declared", lambda: ["numpy", "opencv-python-headless"])
    monkeypatch.setattr(doctor.importlib, "import_module", broken)
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: spec)
    monkeypatch.setattr(doctor.shutil, "which", lambda name: str(ldd))
    finding = by_name()["system libraries"]
    assert not finding.ok
    assert finding.detail == "missing: libGL.so.1, libEGL.so.1"
    assert finding.remedy.endswith("apt-get install libegl1 libgl1")


def test_a_bug_report_has_what_it_needs():
    findings = by_name()
    assert platform.machine() in findings["system"].detail
    assert platform.python_version() in findings["python"].detail
    assert importlib.metadata.version("numpy") in findings["dependencies"].detail
    assert {"extra: gsplat", "extra: speech", "extra: live", "extra: dev"} <= set(findings)


def test_pytorch3d_is_named_with_what_it_serves(monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda package: None)
    finding = doctor._guarded("optional: pytorch3d", doctor._pytorch3d)
    assert not finding.ok
    assert "draws meshes itself" in finding.detail
    assert "git+https" in finding.remedy
    monkeypatch.setattr(doctor, "_version", lambda package: "0.7.9")
    monkeypatch.setitem(sys.modules, "pytorch3d", None)  # as one that was built for another torch
    assert not doctor._guarded("optional: pytorch3d", doctor._pytorch3d).ok
    for name in ("pytorch3d", "pytorch3d.renderer", "pytorch3d.renderer.mesh"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "pytorch3d.renderer.mesh.rasterize_meshes", ModuleType("rasterize_meshes"))
    finding = doctor._guarded("optional: pytorch3d", doctor._pytorch3d)
    assert finding.ok
    assert finding.detail.startswith("0.7.9, draws meshes of `track --refine photometric` on a GPU")


def test_the_doctor_looks_at_every_declared_dependency():
    declared = [Requirement(line) for line in importlib.metadata.requires("gaussian-head") or ()]
    names = [r.name for r in declared if r.marker is None]
    assert len(names) > 10
    assert [word.split()[0] for word in by_name()["dependencies"].detail.split(", ")] == names
    for name in names:
        importlib.import_module(doctor.MODULES.get(name, name))


def test_missing_nets_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr("gaussian_head.carried._place._folders", lambda: [tmp_path])
    finding = doctor._guarded("face nets", doctor._face_nets)
    assert not finding.ok
    assert "face_landmarks.tflite" in finding.detail
    assert finding.remedy


@pytest.mark.parametrize("free", [0.5, 100.0, None])
def test_memory(monkeypatch, free):
    monkeypatch.setattr(doctor, "available_memory", lambda: free)
    assert doctor._guarded("memory", doctor._memory).ok == (free != 0.5)


def test_importing_the_doctor_loads_nothing():
    code = (
        "import sys, gaussian_head.doctor; "
        "print([m for m in ('torch', 'ai_edge_litert', 'av', 'transformers') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = result.stdout.strip()
    assert loaded in ("[]", "['torch']")  # the package itself may name torch types
