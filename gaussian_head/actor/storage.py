"""What lies beside a head on disk: ``clip`` (safetensors + JSON) and, where its clip had sound, ``voice``.

Heads of before keep theirs in ``audio``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from torch import Tensor

from ..capture import SPLITS, is_capture_of
from ..checkpoint import load_checkpoint, save_checkpoint
from ..checks import InputError, require_count, require_number, require_shapes
from ..durable import discard
from ..face import UNITS
from ..motion import FASTEST, SLOWEST, AudioToMotion, Motion
from ..voice import BlendedVoice
from ._clip import Clip

FORMAT, VERSION = "gaussian-head-clip", 2
CLIP, VOICE, AUDIO = "clip", "voice", "audio"


def write_clip(clip: Clip, folder: Path) -> None:
    """Write the clip into a head's folder, whole or not at all."""
    motion = clip.motion
    meta = {
        "fps": motion.fps,
        "basis": motion.basis_id,
        "num_train": clip.num_train,
        "capture": _relative(clip.capture_path, folder),
        "split": clip.split,
    }
    tensors = {f"motion.{key}": value for key, value in motion.tensors().items()}
    save_checkpoint(folder / CLIP, tensors, meta, format=FORMAT, version=VERSION)


def read_clip(folder: str | Path) -> Clip:
    """The clip in a head's folder.

    Raises:
        InputError: none is there, or it is truncated, altered, of a newer version, or holds no motion.
    """
    folder = Path(folder)
    if not (folder / CLIP).is_dir():
        raise InputError(
            f"{folder} holds a head but not the clip that it was trained on (no {CLIP!r} inside); copy the whole "
            "folder that `train` wrote, or take Head.load where Gaussians alone are wanted."
        )
    tensors, meta = load_checkpoint(folder / CLIP, format=FORMAT, version=VERSION)
    try:
        return _assembled(tensors, meta, folder)
    except KeyError as error:
        raise InputError(f"the clip in {folder} lacks {error}; train the head again with this version.") from error
    except ValueError as error:
        raise InputError(f"the clip in {folder}: {error} Copy it again, or train again with this version.") from error


def write_voice(voice: BlendedVoice | AudioToMotion | None, folder: Path) -> None:
    """Write the voice into a head's folder, whole or not at all; another one that is there is removed."""
    if voice is not None:
        voice.save(folder / (VOICE if isinstance(voice, BlendedVoice) else AUDIO))
    if not isinstance(voice, BlendedVoice) and BlendedVoice.lies_in(folder / VOICE):
        discard(folder / VOICE)
    if not isinstance(voice, AudioToMotion) and AudioToMotion.lies_in(folder / AUDIO):
        discard(folder / AUDIO)


def read_voice(folder: str | Path) -> BlendedVoice | AudioToMotion | None:
    """The voice in a head's folder, None where it has none of its own; InputError where it is damaged."""
    folder = Path(folder)
    if BlendedVoice.lies_in(folder / VOICE):
        return BlendedVoice.load(folder / VOICE)
    return AudioToMotion.load(folder / AUDIO) if AudioToMotion.lies_in(folder / AUDIO) else None


def _assembled(tensors: dict[str, Tensor], meta: dict[str, Any], folder: Path) -> Clip:
    """The clip, checked; ``tensors`` and ``meta`` may hold more."""
    require_number(meta["fps"], "fps", least=SLOWEST, most=FASTEST)
    for name in ("capture", "basis"):
        if not isinstance(meta[name], str):
            raise InputError(f"{name} is a {type(meta[name]).__name__}; a text was wanted.")
    moved = {key.removeprefix("motion."): value for key, value in tensors.items() if key.startswith("motion.")}
    for name, value in moved.items():
        if not value.is_floating_point():
            raise InputError(f"{name} is {value.dtype}.")
    require_shapes(moved, {"units": (None, len(UNITS)), "residual": (None, None)}, "the clip")
    moved = {name: value.float() for name, value in moved.items()}
    T = len(moved["units"])
    if not T:
        raise InputError("its motion has no frame.")
    require_count(meta["num_train"], "num_train", most=T)
    motion = Motion.from_tensors(moved, fps=meta["fps"], basis_id=meta["basis"])
    split = meta.get("split", "tail")
    if split not in SPLITS:
        raise InputError(f"split is {split!r}; one of {', '.join(SPLITS)} was wanted.")
    place = _find_capture(meta["capture"], folder, motion)
    return Clip(motion=motion, num_train=meta["num_train"], capture_path=place, split=split)


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
