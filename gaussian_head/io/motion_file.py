"""Motion as JSON or CSV, for spreadsheets, animation programs and one's own generators."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..checks import InputError, read_json, require_file, require_names, require_shapes
from ..durable import replacing
from ..face import with_looks
from ..motion import CONTROLS, Motion, is_blendshapes, motion_of_blendshapes, read_take

FORMAT = "gaussian-head-motion"
VERSION = 2
"""Version 1 told the face in a code private to one clip; it is refused in words."""
_POSES = {
    "head_quats": ("head_qw", "head_qx", "head_qy", "head_qz"),
    "head_positions": ("head_x", "head_y", "head_z"),
    "torso_quats": ("torso_qw", "torso_qx", "torso_qy", "torso_qz"),
    "torso_positions": ("torso_x", "torso_y", "torso_z"),
}
LARGEST = 1e6
"""Numbers beyond this are no motion."""
UNEVEN = 0.01
"""Share by which the steps of time may differ."""
PEEK = 4096
"""Characters at the beginning that are looked at."""


def column_units(names: Sequence[str]) -> dict[str, str]:
    """What each column is measured in: ARKit units and private numbers have no unit."""
    angles, metres = ("gaze_right", "gaze_down"), _POSES["head_positions"] + _POSES["torso_positions"]
    return {name: "rad" if name in angles else "m" if name in metres else "1" for name in names} | {"time": "s"}


def write_motion(path: str | Path, motion: Motion) -> None:
    """Write ``.json`` or ``.csv``: one row per frame with time in seconds, poses, the 52 ARKit units and gaze.

    Positions are metres, rotations unit quaternions wxyz, both from head or torso to the recording camera's world;
    gaze is in radians. Behind them stand the residual's columns ``private_0 …``, which mean something on one face only:
    JSON says in ``basis`` on whose.

    Raises:
        InputError: Another suffix.
    """
    path = Path(path)
    private = [f"private_{r}" for r in range(motion.residual.shape[1])]
    names = [*(name for columns in _POSES.values() for name in columns), *CONTROLS, *private]
    controls = torch.cat([with_looks(motion.units, motion.gaze), motion.gaze], 1)
    rows = torch.cat([*(motion.tensors()[key] for key in _POSES), controls, motion.residual], 1).tolist()
    if path.suffix not in (".json", ".csv"):
        raise InputError(f"{path} has suffix {path.suffix!r}; .json or .csv was wanted.")
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        if path.suffix == ".json":
            columns = {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=False)}
            head = {"format": FORMAT, "version": VERSION, "fps": motion.fps, "basis": motion.basis_id}
            head |= {"private": private, "num_frames": len(motion), "units": column_units(names)}
            json.dump(head | {"columns": columns}, file)
        else:
            writer = csv.writer(file)
            writer.writerow(["time", *names])
            for t, row in enumerate(rows):
                writer.writerow([f"{t / motion.fps:.6f}", *(f"{value:.8g}" for value in row)])


def read_motion(path: str | Path) -> Motion:
    """Read a motion, told by its content: what :func:`write_motion` wrote, a CSV of Live Link Face, or blendshapes as
    MediaPipe names them (see ``motion.blendshapes``).

    Takes of a face say nothing of where a head is; `motion.retarget` puts them into somebody's place.

    Raises:
        InputError: Missing, none of these, of another version, or columns that lack, are unknown or differ in length.
    """
    path = require_file(path, "motion file")
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        start = file.read(PEEK).lstrip()
    if start.startswith("time,"):
        return _of_csv(path)
    if not start.startswith(("{", "[")):
        return read_take(path)
    data = read_json(path, "motion file")
    if is_blendshapes(data):
        return motion_of_blendshapes(data, path)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        found = data.get("format") if isinstance(data, dict) else type(data).__name__
        raise InputError(
            f"{path} is not a motion file ({found!r}); {FORMAT!r}, a take of Live Link Face or blendshapes were wanted."
        )
    if data.get("version") != VERSION:
        raise InputError(
            f"{path} is of version {data.get('version')!r}; version {VERSION} was wanted, which tells the face in ARKit"
            " units: export the motion again from its capture."
        )
    return _of_table(data, path)


def _of_csv(path: Path) -> Motion:
    """A ``.csv`` that ``write_motion`` wrote; it does not say whose its private columns are."""
    rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    names, numbers = rows[0], []
    for line, row in enumerate(rows[1:], 2):
        try:
            numbers.append([float(value) for value in row])
        except ValueError as error:
            raise InputError(f"motion file {path}, line {line}: {error}; numbers were wanted.") from error
        if len(row) != len(names):
            raise InputError(f"motion file {path}, line {line}: {len(row)} values came; {len(names)} were wanted.")
    columns = dict(zip(names, zip(*numbers, strict=True), strict=False))
    times = np.array(columns.pop("time", ()), np.float64)
    steps = np.diff(times)
    if not len(steps) or not (steps > 0).all() or np.ptp(steps) > UNEVEN * steps.mean():
        raise InputError(f"motion file {path}, column time: seconds in even steps, two rows at least, were wanted.")
    private = [name for name in names if name.startswith("private_")]
    return _of_table(
        {"fps": round(len(steps) / (times[-1] - times[0]), 3), "private": private, "columns": columns}, path
    )


def _of_table(data: dict[str, Any], path: Path) -> Motion:
    private, basis = data.get("private", []), data.get("basis", "")
    try:
        poses = [name for names in _POSES.values() for name in names]
        wanted = [*poses, *CONTROLS, *require_names(private, "private")]
        columns = data["columns"]
        lacking, unknown = [n for n in wanted if n not in columns], [n for n in columns if n not in wanted]
        if lacking or unknown:
            raise InputError(f"columns {lacking[:5]} are missing and {unknown[:5]} are unknown.")
        table = {name: np.array(columns[name], np.float64) for name in wanted}
        if not isinstance(basis, str):
            raise InputError(f"basis is a {type(basis).__name__}; a text was wanted.")
        T = table["head_qw"].size
        require_shapes(table, dict.fromkeys(table, (T,)), "it")
        if not T:
            raise InputError("it has no frame.")
        for name, column in table.items():
            bad = ~(np.abs(column) < LARGEST)
            if bad.any():
                raise InputError(
                    f"column {name} is {column[bad][0]} in frame {int(bad.argmax())}; a number was wanted."
                )

        def columns_of(names: Sequence[str]) -> torch.Tensor:
            stacked = np.stack([table[name] for name in names], 1) if names else np.zeros((T, 0))
            return torch.from_numpy(stacked.astype(np.float32))

        tensors = {key: columns_of(names) for key, names in _POSES.items()}
        tensors |= {"units": columns_of(CONTROLS[:-2]), "gaze": columns_of(CONTROLS[-2:])}
        tensors["residual"] = columns_of(wanted[len(poses) + len(CONTROLS) :])
        return Motion.from_tensors(tensors, fps=data["fps"], basis_id=basis)
    except InputError as error:
        raise InputError(f"motion file {path}: {error} Export the motion again.") from error
    except (ValueError, KeyError, TypeError, OverflowError, AttributeError) as error:
        raise InputError(
            f"{path} is not a motion file ({type(error).__name__}: {error});"
            " give one that `gaussian-head export --format motion-json` wrote."
        ) from error
