"""Captures of version 1, whose motion was a code private to their clip, told in units: nothing is tracked again."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from ..capture import UNITS_FILE, Capture, CaptureInfo, read_tracking
from ..capture.identity import TRACKING
from ..capture.layout import TENSORS, UPGRADABLE
from ..checkpoint import save_tensors
from ..checks import InputError, read_json, require_file, require_shapes
from ..durable import replacing
from ..facenet import NUM_LANDMARKS
from ..motion import write_take
from ..strict_json import config_from_json
from .code_map import said_in_units


def upgrade(folder: str | Path) -> Capture:
    """Bring a capture to the present version, in place; one of the present version stays as it is.

    Args:
        folder: a capture.

    Returns:
        The capture, loaded.

    Raises:
        InputError: no capture, or one of another version than 1, or damaged; it stays as it was.
    """
    description = Path(folder) / "capture.json"
    values = read_json(description, "capture description")
    if not isinstance(values, dict) or values.get("version") != UPGRADABLE:
        return Capture.load(folder)
    values = {name: value for name, value in values.items() if name not in ("format", "version")}
    values["code"] = values.pop("channels", None)
    info = config_from_json(CaptureInfo, values, where=str(description))
    info.require_sane()
    tracking = require_file(Path(folder) / TRACKING, "capture tracking")
    tensors = _said_anew(tracking, info)
    with replacing(tracking) as temporary:
        save_tensors(temporary, tensors)
        read_tracking(temporary, info)
    with replacing(description) as temporary:
        temporary.write_text(info.to_json(), encoding="utf-8")
    capture = Capture.load(folder)
    write_take(capture.path / UNITS_FILE, capture.motion)
    return capture


def _said_anew(tracking: Path, info: CaptureInfo) -> dict[str, Tensor]:
    """The arrays of the present version, of a file of the older one or of one whose upgrade was cut off."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    N, K = info.num_frames, len(info.code)
    wanted = {"expression": (N, K), "residual": (N,), "landmarks": (N, NUM_LANDMARKS, 2), "shape": (NUM_LANDMARKS, 3)}
    wanted |= {"basis": (K, NUM_LANDMARKS, 3), "head_quats": (N, 4), "head_positions": (N, 3)}
    try:
        tensors = load_file(str(tracking))
        if "expression" in tensors:
            require_shapes(tensors, wanted, str(tracking))
            tensors["reprojection"] = tensors.pop("residual")
            tensors |= said_in_units(tensors, tensors["expression"], info)
        return {name: tensors[name] for name in TENSORS}
    except (SafetensorError, OSError, KeyError, RuntimeError, ValueError) as error:
        raise InputError(f"capture {tracking.parent} is damaged ({error}); track the video again.") from error
