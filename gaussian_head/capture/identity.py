"""Whose clip a capture is: a fingerprint that a head trained on it shares, and a look at a folder by it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from ..checks import InputError, fingerprint, require_file
from ..motion import Motion
from .capture import Capture
from .layout import CaptureInfo

TRACKING = "tracking.safetensors"
FACE = ("units", "gaze", "residual")
"""Arrays that tell one clip from another."""


def clip_identity(motion: Motion) -> str:
    """SHA-256 of frame rate and of every frame's units, gaze and residual, which no two clips share.

    Poses are left out: training corrects them.
    """
    tensors = motion.tensors()
    return _identity(motion.fps, [tensors[name].detach().cpu().contiguous().numpy() for name in FACE])


def is_capture_of(folder: str | Path, motion: Motion) -> bool:
    """Whether ``folder`` is the capture of ``motion``; nothing of it but two files of fixed names is opened."""
    from safetensors import SafetensorError, safe_open

    meta, tracking = Path(folder) / "capture.json", Path(folder) / TRACKING
    if not (meta.is_file() and tracking.is_file()):
        return False
    try:
        info = CaptureInfo.read(meta)
        with safe_open(str(tracking), framework="np") as file:
            face = [file.get_tensor(name) for name in FACE]
    except (InputError, SafetensorError, OSError):
        return False
    return _identity(info.fps, face) == clip_identity(motion)


def capture_of(motion: Motion, place: str | Path | Capture) -> Capture:
    """The capture of ``motion``, the clip that a head was trained on.

    Args:
        motion: the head's own clip.
        place: the capture or its folder; "" where nobody knows it.

    Raises:
        InputError: none is there, or it is of another clip.
    """
    if not place:
        raise InputError("the capture that this head was trained on is not beside it; say where it is with --capture.")
    if not isinstance(place, Capture) and not Path(place).is_dir():
        raise InputError(f"the capture of this head is not at {place}; say where it is with --capture.")
    opened = place if isinstance(place, Capture) else Capture.load(place)
    if clip_identity(opened.motion) != clip_identity(motion):
        raise InputError(
            f"capture {opened.path} ({opened.num_frames} frames) is not the one that this head was trained on "
            f"({len(motion)} frames); name that one with --capture."
        )
    return opened


def require_source(folder: str | Path, video: str | Path, size: int) -> None:
    """InputError where the capture in ``folder`` was not tracked from ``video`` at ``size`` pixels."""
    info = CaptureInfo.read(Path(folder) / "capture.json")
    video, source = require_file(video, "video"), info.source
    known = source.get("sha256")
    same = known == fingerprint(video) if known else source.get("name") == video.name
    if not same or info.width != size:
        raise InputError(
            f"capture {folder} was tracked from {source.get('name')} at {info.width} pixels, not from {video} at "
            f"{size}; resume with that video and size, choose another --out, or begin anew without --resume."
        )


def _identity(fps: float, face: list[np.ndarray]) -> str:
    digest = hashlib.sha256(repr((float(fps), [(part.shape, str(part.dtype)) for part in face])).encode())
    for part in face:
        digest.update(part.tobytes())
    return digest.hexdigest()
