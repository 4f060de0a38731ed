"""Reading a folder preprocessed for AD-NeRF, ER-NeRF, TalkingGaussian and their kin.

::

    transforms_train.json, transforms_val.json   {focal_len, cx, cy, frames: [{img_id, transform_matrix}]},
                          camera-to-head 4x4, OpenGL axes (+y up, looking along -z)
    ori_imgs/0.jpg …      the pictures, 25 a second
    parsing/0.png …       face parsing as colours, see COLOURS
    bc.jpg                what stands behind the person
    aud.wav               the sound

What else lies there is not needed: ``*.lms`` and ``au.csv`` are measured again, ``torso_imgs``, ``gt_imgs`` and
``teeth_mask`` follow from pictures and parsing, ``aud*.npy`` belong to other speech encoders, and
``track_params.pt`` is a pickle, which may run code when it is opened, so it never is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import InputError, read_json, require_count, require_number
from ..conventions import BACKGROUND, FACE, HAIR, MOUTH, NECK, TORSO
from ..media import read_image

FPS = 25.0
"""Frame rate that these pipelines extract pictures at."""
COLOURS = {
    (255, 255, 255): BACKGROUND,
    (255, 0, 0): TORSO,
    (0, 255, 0): NECK,
    (0, 0, 0): HAIR,
    (0, 0, 255): FACE,
    (100, 100, 100): MOUTH,
}
"""RGB of the parsing pictures to the capture's labels; face includes ears and glasses there."""
NUMBER = re.compile("0|[1-9][0-9]{0,8}")
"""Names of pictures that count."""
_AXES = np.diag([1.0, -1.0, -1.0])
_NEEDED = ("transforms_train.json", "transforms_val.json", "ori_imgs", "parsing", "bc.jpg", "aud.wav")


@dataclass(frozen=True, kw_only=True)
class PreparedClip:
    """A preprocessed folder, checked; pictures are read when asked for."""

    folder: Path
    """Where it lies."""
    first: int
    """Number of the first picture; frame ``t`` is picture ``first + t``."""
    num_frames: int
    """N, without gaps."""
    num_train: int
    """The first frame of its validation set."""
    posed: np.ndarray
    """``[N]`` bool, True for frames that either of its sets names."""
    rotations: np.ndarray
    """``[N, 3, 3]`` head to camera, OpenCV axes; identity where not posed. Its head frame is its own."""
    focal: float
    """Focal length it was tracked with, pixels."""

    def picture(self, t: int) -> Path:
        """File of frame ``t``'s picture."""
        return self.folder / "ori_imgs" / f"{self.first + t}.jpg"

    def image(self, t: int) -> np.ndarray:
        """Picture of frame ``t``, u8 ``[H, W, 3]``."""
        return read_image(self.picture(t))

    def labels(self, t: int) -> np.ndarray:
        """Labels u8 ``[H, W]`` of frame ``t``, numbered as a capture's, from its parsing picture."""
        return labels_of_colours(read_image(self.folder / "parsing" / f"{self.first + t}.png"))


def read_prepared(folder: str | Path) -> PreparedClip:
    """Check a preprocessed folder and read what it says of its frames.

    Raises:
        InputError: not a folder, or files missing (each named), unreadable or contradicting each other.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; one that AD-NeRF's preprocessing made was wanted.")
    missing = [name for name in _NEEDED if not (folder / name).exists()]
    if missing:
        raise InputError(f"{folder} lacks {', '.join(missing)}; finish its preprocessing or copy it again.")
    first, num_frames = _numbered_pictures(folder)
    train, val = (_transforms(folder / f"transforms_{name}.json") for name in ("train", "val"))
    posed, rotations = np.zeros(num_frames, bool), np.tile(np.eye(3), (num_frames, 1, 1))
    for number, matrix in (*train["frames"], *val["frames"]):
        if not first <= number < first + num_frames:
            raise InputError(f"{folder} names frame {number}, but ori_imgs holds {first} to {first + num_frames - 1}.")
        posed[number - first] = True
        rotations[number - first] = (matrix[:3, :3] @ _AXES).T
    num_train = min((number for number, _ in val["frames"]), default=first + num_frames) - first
    return PreparedClip(
        folder=folder,
        first=first,
        num_frames=num_frames,
        num_train=num_train,
        posed=posed,
        rotations=rotations,
        focal=train["focal"],
    )


def labels_of_colours(parsing: np.ndarray) -> np.ndarray:
    """Labels u8 ``[H, W]`` of a parsing picture u8 ``[H, W, 3]``; other colours count as the nearest one."""
    colours, labels = np.array(list(COLOURS), np.int32), np.array(list(COLOURS.values()), np.uint8)
    packed = parsing.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    found, which = np.unique(packed, return_inverse=True)
    rgb = np.stack([found >> 16, found >> 8 & 255, found & 255], 1).astype(np.int32)
    nearest = np.abs(rgb[:, None] - colours).sum(-1).argmin(1)
    return labels[nearest][which].reshape(packed.shape)


def _numbered_pictures(folder: Path) -> tuple[int, int]:
    """First number and count of ``ori_imgs/*.jpg``; InputError where numbers or parsings are missing."""
    stems = {path.stem for path in (folder / "ori_imgs").glob("*.jpg")}
    numbers = sorted(int(stem) for stem in stems if NUMBER.fullmatch(stem))
    if not numbers:
        raise InputError(f"{folder / 'ori_imgs'} holds no pictures 0.jpg, 1.jpg, …; extract them again.")
    gaps = [(a + 1, b) for a, b in pairwise(numbers) if b - a > 1]
    lost = [f"ori_imgs/{a}.jpg" + (f" to {b - 1}.jpg" if b - a > 1 else "") for a, b in gaps]
    lost += [f"parsing/{n}.png" for n in numbers if not (folder / "parsing" / f"{n}.png").is_file()]
    if lost:
        shown = ", ".join(lost[:5]) + (" …" if len(lost) > 5 else "")
        raise InputError(f"{folder} lacks pictures ({shown}); finish its preprocessing or copy it again.")
    return numbers[0], len(numbers)


def _transforms(path: Path) -> dict[str, Any]:
    """Focal length and ``(img_id, matrix [4, 4])`` of every frame in one transforms file."""
    data = read_json(path, "transforms")
    try:
        listed = [(require_count(f["img_id"], "img_id"), f["transform_matrix"]) for f in data["frames"]]
        frames = [(number, np.array(matrix, np.float64)) for number, matrix in listed]
        focal = require_number(data["focal_len"], "focal_len", least=1e-3, most=1e7)
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise InputError(f"{path} is no transforms file of AD-NeRF ({type(error).__name__}: {error}).") from error
    bad = [number for number, matrix in frames if not _is_rigid(matrix)]
    if bad:
        raise InputError(f"{path}: transform_matrix is no 4x4 rotation with a translation in frames {bad[:5]}.")
    return {"focal": focal, "frames": frames}


def _is_rigid(matrix: np.ndarray) -> bool:
    if matrix.shape != (4, 4) or not (np.abs(matrix) < 1e6).all():
        return False
    turn = matrix[:3, :3]
    return bool(np.abs(turn @ turn.T - np.eye(3)).max() < 0.1 and np.linalg.det(turn) > 0)
