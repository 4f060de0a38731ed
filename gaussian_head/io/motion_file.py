"""Motion as JSON or CSV, for spreadsheets, animation programs and one's own generators."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import torch

from ..checks import InputError, read_json
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
    """Write ``.json`` or ``.csv`` (one row per frame: time in seconds, poses, then the channels); audio is left out.

    Positions are metres, rotations unit quaternions wxyz, both from head or torso to the recording camera's world;
    channels are the expression code, 0 for the neutral face.

    Raises:
        InputError: Another suffix.
    """
    path = Path(path)
    names = [*(name for columns in _POSES.values() for name in columns), *motion.channels]
    rows = torch.cat([*(getattr(motion, key) for key in _POSES), motion.expression], 1).tolist()
    if path.suffix not in (".json", ".csv"):
        raise InputError(f"{path} has suffix {path.suffix!r}; .json or .csv was wanted.")
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        if path.suffix == ".json":
            columns = {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=False)}
            head = {"format": FORMAT, "version": VERSION, "fps": motion.fps, "channels": list(motion.channels)}
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
    data = read_json(path, "motion file")
    try:
        if data["format"] != FORMAT or data["version"] > VERSION:
            raise InputError(f"{path} is {data['format']!r} version {data['version']}; {FORMAT!r} 1 was wanted.")
        columns, channels = data["columns"], tuple(data["channels"])

        def table(names: tuple[str, ...]) -> torch.Tensor:
            return torch.tensor([columns[name] for name in names], dtype=torch.float32).reshape(len(names), -1).T

        poses = {key: table(names).contiguous() for key, names in _POSES.items()}
        return Motion(fps=float(data["fps"]), expression=table(channels).contiguous(), channels=channels, **poses)
    except InputError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is not a motion file ({type(error).__name__}: {error});"
            " give one that `gaussian-head export --format motion-json` wrote."
        ) from error
