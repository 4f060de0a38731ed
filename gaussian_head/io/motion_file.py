"""Motion as JSON or CSV, for spreadsheets, animation programs and one's own generators."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import torch

from ..checks import InputError, read_json, require_names, require_shapes
from ..durable import replacing
from ..motion import Motion

FORMAT = "gaussian-head-motion"
VERSION = 1
_POSES = {
    "head_quats": ("head_qw", "head_qx", "head_qy", "head_qz"),
    "head_positions": ("head_x", "head_y", "head_z"),
    "torso_quats": ("torso_qw", "torso_qx", "torso_qy", "torso_qz"),
    "torso_positions": ("torso_x", "torso_y", "torso_z"),
}


def units(channels: tuple[str, ...]) -> dict[str, str]:
    """What each column is measured in; channels are numbers whose meaning the motion's maker documents."""
    poses = {name: "m" if key.endswith("positions") else "1" for key, names in _POSES.items() for name in names}
    return {"time": "s"} | poses | dict.fromkeys(channels, "1")


def write_motion(path: str | Path, motion: Motion) -> None:
    """Write ``.json`` or ``.csv`` (one row per frame: time in seconds, poses, then the channels).

    Positions are metres, rotations unit quaternions wxyz, both from head or torso to the recording camera's world;
    channels are the expression code, 0 for the neutral face. JSON says in ``basis`` whose face its private channels
    belong to.

    Raises:
        InputError: Another suffix.
    """
    path = Path(path)
    names = [*(name for columns in _POSES.values() for name in columns), *motion.channels]
    rows = torch.cat([*(motion.tensors()[key] for key in _POSES), motion.expression], 1).tolist()
    if path.suffix not in (".json", ".csv"):
        raise InputError(f"{path} has suffix {path.suffix!r}; .json or .csv was wanted.")
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        if path.suffix == ".json":
            columns = {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=False)}
            head = {"format": FORMAT, "version": VERSION, "fps": motion.fps, "channels": list(motion.channels)}
            head |= {"basis": motion.basis_id}
            json.dump(head | {"num_frames": len(motion), "units": units(motion.channels), "columns": columns}, file)
        else:
            writer = csv.writer(file)
            writer.writerow(["time", *names])
            for t, row in enumerate(rows):
                writer.writerow([f"{t / motion.fps:.6f}", *(f"{value:.8g}" for value in row)])


def read_motion(path: str | Path) -> Motion:
    """Read a ``.json`` that :func:`write_motion` wrote.

    Raises:
        InputError: Missing, not a motion, a newer version, or columns that lack or differ in length.
    """
    path = Path(path)
    data = read_json(path, "motion file")
    try:
        if data["format"] != FORMAT or data["version"] > VERSION:
            raise InputError(f"it is {data['format']!r} version {data['version']}; {FORMAT!r} {VERSION} was wanted.")
        channels, columns = require_names(data["channels"], "channels"), data["columns"]
        table = {name: np.array(columns[name], np.float64) for names in (*_POSES.values(), channels) for name in names}
        fps, basis = data["fps"], data.get("basis", "")
        if not isinstance(basis, str):
            raise InputError(f"basis is a {type(basis).__name__}; a text was wanted.")
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (ValueError, KeyError, TypeError, OverflowError, AttributeError) as error:
        raise InputError(
            f"{path} is not a motion file ({type(error).__name__}: {error});"
            " give one that `gaussian-head export --format motion-json` wrote."
        ) from error
    T = table["head_qw"].size
    require_shapes(table, dict.fromkeys(table, (T,)), f"motion file {path}")
    bad = [name for name, column in table.items() if not (np.abs(column) < 1e9).all()]
    if bad or not T:
        raise InputError(f"motion file {path} has {T} frames, and numbers out of bounds in {bad[:4]}.")

    def columns_of(names: tuple[str, ...]) -> torch.Tensor:
        stacked = np.stack([table[name] for name in names], 1) if names else np.zeros((T, 0))
        return torch.from_numpy(stacked.astype(np.float32))

    try:
        tensors = {key: columns_of(names) for key, names in (_POSES | {"expression": channels}).items()}
        return Motion.from_tensors(tensors, fps=fps, channels=channels, basis_id=basis)
    except ValueError as error:
        raise InputError(f"motion file {path}: {error}") from error
