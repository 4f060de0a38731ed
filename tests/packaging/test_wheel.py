"""What a user gets who never sees the checkout: the source archive, its wheel, and that wheel installed elsewhere."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import urllib.request
import venv
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from support_head import make_actor

from gaussian_head.carried import carried_file
from gaussian_head.carried.fetch import names

ROOT = Path(__file__).resolve().parents[2]
BACKEND = "import sys, scikit_build_core.build as b; print(b.build_{what}(sys.argv[1], {settings!r}))"
PAGE = "viewer: (http://[^\\s,]+)"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def elsewhere() -> dict[str, str]:
    """An environment without a word of the checkout."""
    return {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "SKBUILD_CMAKE_DEFINE", "CUDAARCHS")}


def build(what: str, source: Path, out: Path, env: dict[str, str], **settings: str) -> Path:
    """Call the build backend as pip does, but with the tools of this environment."""
    out.mkdir(exist_ok=True)
    command = [sys.executable, "-c", BACKEND.format(what=what, settings=settings), str(out)]
    done = subprocess.run(command, cwd=source, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return out / done.stdout.splitlines()[-1]


def unpack(tar: tarfile.TarFile, place: Path) -> None:
    """With the filter of newer Pythons; 3.11.2, which Debian 12 has, knows none."""
    tar.extractall(place, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, elsewhere: dict[str, str]) -> Path:
    if importlib.util.find_spec("scikit_build_core") is None:
        pytest.skip("the build backend is not installed: pip install scikit-build-core")
    if not (ROOT / "gaussian_head" / "__init__.py").is_file():
        pytest.skip("the tests do not lie in a checkout")
    return build("sdist", ROOT, tmp_path_factory.mktemp("dist"), elsewhere)


@pytest.fixture(scope="module")
def wheel(archive: Path, tmp_path_factory: pytest.TempPathFactory, elsewhere: dict[str, str]) -> Path:
    missing = [tool for tool in ("cmake", os.environ.get("CXX", "g++")) if shutil.which(tool) is None]
    missing += [] if importlib.util.find_spec("nanobind") else ["nanobind"]
    if missing:
        pytest.skip(f"no kernels can be built here: no {', '.join(missing)}")
    work = tmp_path_factory.mktemp("wheel")
    with tarfile.open(archive) as tar:
        unpack(tar, work)
    carried = work / "build" / "carried"  # what the build would download again
    carried.mkdir(parents=True)
    for name in names():
        shutil.copy(carried_file(name), carried / name)
    (source,) = work.glob("gaussian_head-*")
    return build("wheel", source, work / "out", elsewhere, **{"build-dir": str(work / "build")})


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory, elsewhere: dict[str, str]) -> Path:
    return install(wheel, tmp_path_factory.mktemp("elsewhere") / "venv", elsewhere)


def install(wheel: Path, home: Path, elsewhere: dict[str, str]) -> Path:
    """``bin`` of a virtual environment with the wheel; what it depends on is seen where it is installed already."""
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    ours = subprocess.check_output([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True)
    seen = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    Path(ours.strip(), "seen.pth").write_text("\n".join(seen))
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps"]
    install += ["--ignore-installed", str(wheel)]
    subprocess.run(install, check=True, env=elsewhere)
    return home / "bin"


def run(bin: Path, *arguments: str, cwd: Path, env: dict[str, str]) -> str:
    done = subprocess.run([str(bin / arguments[0]), *arguments[1:]], cwd=cwd, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("head") / "head"
    replace(make_actor(num_gaussians=800, size=96), voice=None).save(path)
    return path


def test_the_archive_has_all_that_git_has(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        inside = {name.partition("/")[2] for name in tar.getnames()}
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("no git, or no checkout of it, to compare with")
    assert set(tracked.stdout.split("\n")) - {""} <= inside


def test_the_wheel_has_the_kernels_the_viewer_the_licence_and_no_tests(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = archive.namelist()
        metadata = next(archive.read(name).decode() for name in inside if name.endswith("/METADATA"))
    assert any(re.fullmatch(r"gaussian_head/_kernels\..*(so|pyd)", name) for name in inside)
    assert {"gaussian_head/viewer/__init__.py", "gaussian_head/py.typed"} <= set(inside)
    assert {f"gaussian_head/carried/files/{name}" for name in names()} <= set(inside)
    assert not [name for name in inside if "test" in name.lower()]
    assert "License-Expression: Apache-2.0" in metadata
    assert [name for name in inside if name.endswith("licenses/LICENSE")]


def test_without_a_compiler_it_still_installs_draws_and_says_what_to_get(
    archive: Path, head: Path, tmp_path: Path, elsewhere: dict[str, str]
) -> None:
    with tarfile.open(archive) as tar:
        unpack(tar, tmp_path)
    (source,) = tmp_path.glob("gaussian_head-*")
    no_compiler = {**elsewhere, "CC": "/bin/false", "CXX": "/bin/false"}
    wheel = build("wheel", source, tmp_path / "out", no_compiler)
    assert wheel.name.endswith("-py3-none-any.whl")
    bin = install(wheel, tmp_path / "venv", elsewhere)
    doctor = run(bin, "gaussian-head", "doctor", cwd=tmp_path, env=elsewhere)
    assert "apt-get install g++ python3-dev" in doctor
    draw = "import sys, gaussian_head as g; a = g.Actor.load(sys.argv[1]); "
    draw += "print(float(g.render_frame(a.head, a.clip.motion, 0).alpha.max()))"
    assert float(run(bin, "python", "-c", draw, str(head), cwd=tmp_path, env=elsewhere)) > 0.9


def test_it_draws_the_demo_clip(installed: Path, tmp_path: Path, elsewhere: dict[str, str]) -> None:
    code = (
        "import gaussian_head._kernels as k, gaussian_head.demo as d; "
        "print(k.__file__); d.make_demo_clip('demo', seconds=1, fps=5, size=96)"
    )
    told = run(installed, "python", "-c", code, cwd=tmp_path, env=elsewhere)
    assert str(installed.parent) in told
    assert {"demo.mp4", "speech.wav", "truth.npz"} <= {path.name for path in (tmp_path / "demo").iterdir()}


def test_it_exports(installed: Path, head: Path, tmp_path: Path, elsewhere: dict[str, str]) -> None:
    for format, name in (("ply", "head.ply"), ("html", "talk.html"), ("mesh", "mesh.ply")):
        run(
            installed,
            "gaussian-head",
            "export",
            str(head),
            "--format",
            format,
            "--out",
            name,
            cwd=tmp_path,
            env=elsewhere,
        )
        assert (tmp_path / name).stat().st_size > 10_000


def test_it_serves_the_viewers_page(installed: Path, head: Path, tmp_path: Path, elsewhere: dict[str, str]) -> None:
    command = [str(installed / "gaussian-head"), "view", str(head), "--port", "0"]
    env = {**elsewhere, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            found = next(filter(None, (re.search(PAGE, line) for line in server.stdout)))
            with urllib.request.urlopen(found[1], timeout=60) as answer:
                assert answer.status == 200
                assert b"<html" in answer.read()
        finally:
            server.terminate()
