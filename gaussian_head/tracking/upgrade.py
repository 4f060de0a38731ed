"""Captures of version 1, whose motion was a code private to their clip, told in units: nothing is tracked again."""

from __future__ import annotations

from pathlib import Path

from ..capture import UNITS_FILE, Capture, CaptureInfo
from ..capture.identity import TRACKING
from ..capture.layout import TENSORS, UPGRADABLE
from ..checkpoint import save_tensors
from ..checks import InputError, read_json, require_file
from ..durable import replacing
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
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    description = Path(folder) / "capture.json"
    values = read_json(description, "capture description")
    if not isinstance(values, dict) or values.get("version") != UPGRADABLE:
        return Capture.load(folder)
    values = {name: value for name, value in values.items() if name not in ("format", "version")}
    values["code"] = values.pop("channels", None)
    info = config_from_json(CaptureInfo, values, where=str(description))
    info.require_sane()
    try:
        tensors = load_file(str(require_file(Path(folder) / TRACKING, "capture tracking")))
        if "expression" in tensors:
            tensors["reprojection"] = tensors.pop("residual")
            tensors |= said_in_units(tensors, tensors["expression"], info)
    except (SafetensorError, OSError, KeyError, RuntimeError) as error:
        raise InputError(f"capture {folder} is damaged ({error}); track the video again.") from error
    with replacing(Path(folder) / TRACKING) as temporary:
        save_tensors(temporary, {name: tensors[name] for name in TENSORS})
    with replacing(description) as temporary:
        temporary.write_text(info.to_json(), encoding="utf-8")
    capture = Capture.load(folder)
    write_take(capture.path / UNITS_FILE, capture.motion)
    return capture
