"""Recordings of a studio with many cameras, as two data sets lay them out on disk.

::

    NeRSemble   camera_params.json, or calibration/camera_params.json: "world_2_cam" of each camera, one "intrinsics"
                EXP/images/cam_220700191_000000.jpg …
                sequences/EXP/timesteps/frame_00000/images*/cam_220700191.jpg …
                sequences/EXP/images/cam_220700191.mp4
    multiface   KRT: of each camera its name, 3x3 lens, distortion and 3x4 world to camera, in lines
                images/EXP/400002/000102.png …, audio/EXP.wav

Both count their worlds as OpenCV does; metres or millimetres, a rig's size is told by the face.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..camera import Camera
from ..checks import InputError, read_json
from .rigs import camera_of

KRT = "KRT"
PARAMS = ("camera_params.json", "calibration/camera_params.json")
NERSEMBLE_FPS, MULTIFACE_FPS = 24.3, 30.0
"""Pictures a second: NeRSemble's 73 are handed out as every third, its films say themselves."""
FLAT = re.compile(r"(cam_\w+?)_(\d+)")
"""Names of pictures in one folder: camera, number."""
ASKEW = 0.12
"""Share of a picture by which a lens may look beside its middle."""
ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One sequence that many cameras recorded, each picture of a moment at that moment."""

    name: str
    """Of the sequence."""
    taken: Mapping[str, Path | tuple[Path, ...]]
    """By camera its film, or its pictures in order; all cameras have as many."""
    lenses: Mapping[str, tuple[np.ndarray, np.ndarray]]
    """By camera world to camera ``[4, 4]``, OpenCV axes, and ``[3, 3]``, in pixels of ``calibrated``."""
    fps: float
    """Of the pictures."""
    sound: Path | None
    """Where it lies."""

    def camera(self, name: str, width: int, height: int) -> Camera:
        """A camera in pixels of its pictures of so many, which may be smaller than those that were calibrated.

        Raises:
            InputError: they have another shape.
        """
        view, K = self.lenses[name]
        whole = 2 * K[0, 2], 2 * K[1, 2]
        across, down = (round(np.log2(told / size)) for told, size in zip(whole, (width, height), strict=True))
        share = 0.5**across
        middle = abs(K[0, 2] * share / width - 0.5), abs(K[1, 2] * share / height - 0.5)
        if across != down or max(middle) > ASKEW:
            raise InputError(
                f"pictures of camera {name!r} are {width}x{height}, its lens looks at pixel {K[0, 2]:.0f}, "
                f"{K[1, 2]:.0f} of the calibrated ones; whole pictures, halved or not, were wanted."
            )
        return camera_of(view, np.diag([share, share, 1.0]) @ K, width, height)


def is_stage(folder: str | Path) -> bool:
    """Whether a folder holds one of these data sets' people."""
    return any((Path(folder) / name).is_file() for name in (*PARAMS, KRT))


def read_stage(folder: str | Path, sequence: str | None = None) -> Stage:
    """One sequence of one person.

    Args:
        folder: of the person, with its calibration.
        sequence: its name; may be left out where there is one.

    Raises:
        InputError: no such data, a sequence that is not there, pictures or cameras missing.
    """
    folder = Path(folder)
    if (folder / KRT).is_file():
        found, lenses = _multiface(folder), _from_krt(folder / KRT)
    else:
        found, lenses = _nersemble(folder), _from_params(next(folder / n for n in PARAMS if (folder / n).is_file()))
    if not found:
        raise InputError(f"{folder} is calibrated, but holds no sequences; copy the folders with pictures beside it.")
    if sequence is None and len(found) > 1:
        raise InputError(f"{folder} holds {len(found)} sequences ({_some(found)}); choose one with --sequence.")
    name = sequence or next(iter(found))
    if name not in found:
        raise InputError(f"there is no sequence {name!r} in {folder}; there are {_some(found)}.")
    taken = {camera: pictures for camera, pictures in found[name].items() if camera in lenses}
    if len(taken) < 2:
        raise InputError(
            f"{len(taken)} cameras of sequence {name!r} are calibrated (pictures by {_some(found[name])}; lenses of "
            f"{_some(lenses)}); two or more were wanted."
        )
    sound = folder / "audio" / f"{name}.wav"
    krt = (folder / KRT).is_file()
    return Stage(
        name=name,
        taken=_in_step(taken, name),
        lenses=lenses,
        fps=MULTIFACE_FPS if krt else NERSEMBLE_FPS,
        sound=sound if sound.is_file() else None,
    )


def _in_step(taken: dict[str, dict[int, Path] | Path], name: str) -> dict[str, Path | tuple[Path, ...]]:
    """Of each camera the pictures whose numbers all cameras have."""
    counted = [set(pictures) for pictures in taken.values() if isinstance(pictures, dict)]
    common = sorted(set.intersection(*counted)) if counted else []
    if counted and len(common) < 0.5 * max(map(len, counted)):
        few = min((c for c, p in taken.items() if isinstance(p, dict)), key=lambda c: len(taken[c]))  # type: ignore[arg-type]
        raise InputError(
            f"the cameras of sequence {name!r} share {len(common)} moments; {few!r} has the fewest pictures: copy it "
            "again, or leave it out with --cameras."
        )
    return {c: tuple(p[n] for n in common) if isinstance(p, dict) else p for c, p in taken.items()}


def _multiface(folder: Path) -> dict[str, dict[str, dict[int, Path] | Path]]:
    found = {}
    for sequence in _folders(folder / "images"):
        cameras = {camera.name: _numbered(camera) for camera in _folders(sequence)}
        found[sequence.name] = {name: pictures for name, pictures in cameras.items() if pictures}
    return {name: cameras for name, cameras in found.items() if cameras}


def _nersemble(folder: Path) -> dict[str, dict[str, dict[int, Path] | Path]]:
    inside = folder / "sequences"
    found = {}
    for sequence in _folders(inside if inside.is_dir() else folder):
        cameras: dict[str, dict[int, Path] | Path] = {}
        for path in sorted((sequence / "images").glob("cam_*.mp4")):
            cameras[path.stem] = path
        pictures = sorted(p for p in (sequence / "images").glob("cam_*") if p.suffix.lower() in ENDINGS)
        named = [(match[1], int(match[2]), path) for path in pictures if (match := FLAT.fullmatch(path.stem))]
        for moment in _folders(sequence / "timesteps"):
            number = int(re.sub(r"\D", "", moment.name) or -1)
            kinds = [kind for kind in _folders(moment) if kind.name.startswith("images")]
            shown = sorted(kinds[0].glob("cam_*")) if kinds else []
            named += [(path.stem, number, path) for path in shown if path.suffix.lower() in ENDINGS]
        for camera, number, path in named:
            of_camera = cameras.setdefault(camera, {})
            if isinstance(of_camera, dict):
                of_camera[number] = path
        if cameras:
            found[sequence.name] = cameras
    return found


def _folders(path: Path) -> list[Path]:
    return sorted(p for p in path.iterdir() if p.is_dir()) if path.is_dir() else []


def _numbered(folder: Path) -> dict[int, Path]:
    pictures = (path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and path.stem.isdecimal())
    return {int(path.stem): path for path in pictures}


def _from_params(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    data = read_json(path, "camera parameters")
    try:
        shared = np.array(data["intrinsics"], np.float64)
        views = {f"cam_{serial}": np.array(view, np.float64) for serial, view in data["world_2_cam"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path} holds no cameras of NeRSemble ({type(error).__name__}: {error}).") from error
    return _checked({name: (view, shared) for name, view in views.items()}, path)


def _from_krt(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Cameras of lines: a name, three of the lens, one of distortion, three of the place."""
    lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    cameras = {}
    try:
        for i in range(0, len(lines), 8):
            name, numbers = lines[i][0], [[float(word) for word in line] for line in lines[i + 1 : i + 8]]
            if [len(row) for row in numbers[:3] + numbers[4:]] != [3, 3, 3, 4, 4, 4]:
                raise ValueError(f"camera {name} lacks numbers")
            cameras[name] = (np.array([*numbers[4:7], [0.0, 0.0, 0.0, 1.0]]), np.array(numbers[:3]))
    except (IndexError, ValueError) as error:
        raise InputError(f"{path} holds no cameras of multiface ({type(error).__name__}: {error}).") from error
    return _checked(cameras, path)


def _checked(cameras: dict[str, tuple[np.ndarray, np.ndarray]], path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    for name, (view, K) in cameras.items():
        sound = view.shape == (4, 4) and K.shape == (3, 3) and np.isfinite(view).all() and np.isfinite(K).all()
        if not sound or abs(np.linalg.det(view[:3, :3]) - 1) > 0.05 or not K[0, 0] > 0 < K[1, 1]:
            raise InputError(f"{path}: camera {name!r} is no rotation with a place and a lens; copy the file again.")
    return cameras


def _some(names: Mapping[str, object]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:6]) + (" …" if len(listed) > 6 else "")
