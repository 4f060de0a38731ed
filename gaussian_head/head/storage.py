"""A head on disk: ``model`` (safetensors + JSON) and, where it can speak, ``audio``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..camera import Camera
from ..capture import is_capture_of
from ..checks import InputError, require_writable_folder
from ..io.checkpoint import load_checkpoint, save_checkpoint
from ..motion import Motion
from .branch import PER_GAUSSIAN, Branch
from .head import Head

FORMAT, VERSION = "gaussian-head", 1
MODEL, AUDIO = "model", "audio"
MOTION_TENSORS = ("head_quats", "head_positions", "torso_quats", "torso_positions", "expression")


def save_head(head: Head, folder: str | Path) -> None:
    """Write a head; each of its parts appears whole or not at all.

    Raises:
        InputError: the folder cannot be written.
    """
    folder = require_writable_folder(folder, "head folder")
    motion, camera = head.capture_motion, head.camera
    tensors = {f"branch.{b.name}.{key}": value for b in head.branches for key, value in b.tensors().items()}
    tensors |= {f"branch.{b.name}.uses": b.uses for b in head.branches}
    tensors |= {f"coefficients.{key}": value for key, value in head.coefficient_params.items()}
    tensors |= {f"motion.{key}": getattr(motion, key) for key in MOTION_TENSORS}
    tensors |= {"viewmat": camera.viewmat, "K": camera.K, "channel_ranges": head.channel_ranges}
    tensors["background"] = (head.background.clamp(0, 1) * 255 + 0.5).to(torch.uint8)
    meta = {
        "branches": [b.name for b in head.branches],
        "channels": list(motion.channels),
        "fps": motion.fps,
        "num_train": head.num_train,
        "width": camera.width,
        "height": camera.height,
        "capture": _relative(head.capture_path, folder),
        "speaks": head.audio_model is not None,
    }
    if head.audio_model is not None:
        head.audio_model.save(folder / AUDIO)
    save_checkpoint(folder / MODEL, tensors, meta, format=FORMAT, version=VERSION)


def load_head(folder: str | Path) -> Head:
    """Read what ``save_head`` wrote.

    Raises:
        InputError: not a head, truncated, altered, or of a newer version.
    """
    folder = Path(folder)
    if not (folder / MODEL).is_dir():
        raise InputError(f"{folder} holds no trained head (no {MODEL!r} inside); give the folder that `train` wrote.")
    tensors, meta = load_checkpoint(folder / MODEL, format=FORMAT, version=VERSION)
    try:
        return _assemble(tensors, meta, folder)
    except KeyError as error:
        raise InputError(f"head {folder} lacks {error}; train it again with this version.") from error


def _assemble(tensors: dict[str, Tensor], meta: dict[str, Any], folder: Path) -> Head:
    prefix = "coefficients."
    motion = Motion(
        fps=meta["fps"],
        channels=tuple(meta["channels"]),
        **{key: tensors[f"motion.{key}"] for key in MOTION_TENSORS},
    )
    return Head(
        branches=tuple(
            Branch(name=name, **{key: tensors[f"branch.{name}.{key}"] for key in (*PER_GAUSSIAN, "uses")})
            for name in meta["branches"]
        ),
        coefficient_params={key.removeprefix(prefix): v for key, v in tensors.items() if key.startswith(prefix)},
        capture_motion=motion,
        num_train=meta["num_train"],
        camera=Camera(viewmat=tensors["viewmat"], K=tensors["K"], width=meta["width"], height=meta["height"]),
        background=tensors["background"].float() / 255,
        channel_ranges=tensors["channel_ranges"],
        audio_model=_load_audio(folder) if meta["speaks"] else None,
        capture_path=_find_capture(meta["capture"], folder, motion),
    )


def _relative(path: str, folder: Path) -> str:
    """``path`` as seen from the head's folder: it names nothing of the machine and holds where both are moved."""
    try:
        return Path(os.path.relpath(Path(path).resolve(), folder.resolve())).as_posix() if path else ""
    except ValueError:  # another drive: no path leads there
        return ""


def _find_capture(recorded: str, folder: Path, motion: Motion) -> str:
    """Where the capture of ``motion`` lies: beside the head, else as recorded; "" where neither is it."""
    folder = folder.resolve()
    for place in (folder.parent / "capture", folder / recorded if recorded else None):
        if place is not None and is_capture_of(place, motion):
            return str(place.resolve())
    return ""


def _load_audio(folder: Path):
    from ..motion.from_audio import AudioToMotion

    return AudioToMotion.load(folder / AUDIO)
