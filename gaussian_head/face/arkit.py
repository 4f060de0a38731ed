"""The 52 ARKit units as CSV, as Apple's Live Link Face app writes them: game engines and animation programs read it."""

from __future__ import annotations

import csv
from pathlib import Path

import torch
from torch import Tensor

from ..checks import InputError, require_file
from ..durable import replacing
from .units import UNITS

HEAD = ("HeadYaw", "HeadPitch", "HeadRoll")
EYES = ("LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll", "RightEyeYaw", "RightEyePitch", "RightEyeRoll")
_APPLES = (
    "EyeBlinkLeft", "EyeLookDownLeft", "EyeLookInLeft", "EyeLookOutLeft", "EyeLookUpLeft", "EyeSquintLeft",
    "EyeWideLeft", "EyeBlinkRight", "EyeLookDownRight", "EyeLookInRight", "EyeLookOutRight", "EyeLookUpRight",
    "EyeSquintRight", "EyeWideRight", "JawForward", "JawRight", "JawLeft", "JawOpen", "MouthClose", "MouthFunnel",
    "MouthPucker", "MouthRight", "MouthLeft", "MouthSmileLeft", "MouthSmileRight", "MouthFrownLeft",
    "MouthFrownRight", "MouthDimpleLeft", "MouthDimpleRight", "MouthStretchLeft", "MouthStretchRight",
    "MouthRollLower", "MouthRollUpper", "MouthShrugLower", "MouthShrugUpper", "MouthPressLeft", "MouthPressRight",
    "MouthLowerDownLeft", "MouthLowerDownRight", "MouthUpperUpLeft", "MouthUpperUpRight", "BrowDownLeft",
    "BrowDownRight", "BrowInnerUp", "BrowOuterUpLeft", "BrowOuterUpRight", "CheekPuff", "CheekSquintLeft",
    "CheekSquintRight", "NoseSneerLeft", "NoseSneerRight", "TongueOut",
)  # fmt: skip
COLUMNS = (*_APPLES, *HEAD, *EYES)
"""The 61 values of a row, in the app's order."""


def write_arkit_csv(path: str | Path, units: Tensor, angles: Tensor, *, fps: float) -> None:
    """Write a take.

    Args:
        path: ``.csv`` file.
        units: ``[T, 52]`` in the order of `face.UNITS`.
        angles: ``[T, 9]`` radians: yaw (to the subject's right), pitch (down) and roll of head, left and right eye.
        fps: frames per second; the timecode begins at 0 and counts frames and thousandths of one.

    Raises:
        ValueError: sizes that are not as above.
    """
    T = len(units)
    if units.shape != (T, len(UNITS)) or angles.shape != (T, len(HEAD) + len(EYES)):
        raise ValueError(f"units {tuple(units.shape)}, angles {tuple(angles.shape)} came; [T, 52], [T, 9] were wanted.")
    order = [UNITS.index(name[0].lower() + name[1:]) for name in _APPLES]
    rows = torch.cat([units[:, order], angles], 1).tolist()
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("Timecode", "BlendShapeCount", *COLUMNS))
        for t, row in enumerate(rows):
            writer.writerow((_timecode(t, fps), len(COLUMNS), *(f"{value:.10f}" for value in row)))


def _timecode(frame: int, fps: float) -> str:
    """``HH:MM:SS:FF.mmm``; the app counts frames of the nearest whole rate."""
    rate = max(round(fps), 1)
    seconds, within = divmod(frame / fps, 1)
    minutes, second = divmod(int(seconds), 60)
    hour, minute = divmod(minutes, 60)
    whole, part = divmod(round(within * rate * 1000), 1000)
    return f"{hour:02d}:{minute:02d}:{second:02d}:{min(whole, rate - 1):02d}.{part:03d}"


def read_arkit_csv(path: str | Path) -> tuple[Tensor, Tensor]:
    """Read a take: units ``[T, 52]`` and angles ``[T, 9]`` as ``write_arkit_csv`` takes them.

    Raises:
        InputError: no such file, columns missing, a row of another length, or a value that is no number, with its line.
    """
    path = require_file(path, "ARKit take")
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    names = rows[0] if rows else []
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise InputError(
            f"{path} lacks the columns {', '.join(missing[:5])}{' …' if len(missing) > 5 else ''}; a CSV of Live Link"
            " Face (comma-separated, 61 values a row) was wanted."
        )
    places = [names.index(name) for name in COLUMNS]
    values = torch.tensor([_numbers(path, line, row, names, places) for line, row in enumerate(rows[1:], 2) if row])
    if not len(values):
        raise InputError(f"{path} has no frame; at least one row was wanted.")
    order = [_APPLES.index(name[0].upper() + name[1:]) for name in UNITS]
    return values[:, order], values[:, len(_APPLES) :]


def _numbers(path: Path, line: int, row: list[str], names: list[str], places: list[int]) -> list[float]:
    if len(row) != len(names):
        raise InputError(
            f"{path}, line {line}: {len(row)} values came; {len(names)}, as in the first line, were wanted."
        )
    numbers = []
    for place in places:
        try:
            number = float(row[place])
        except ValueError:
            number = float("nan")
        if number != number or abs(number) == float("inf"):
            raise InputError(f"{path}, line {line}, column {names[place]}: {row[place]!r} is no number.")
        numbers.append(number)
    return numbers
