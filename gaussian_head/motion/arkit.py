"""Takes of Apple's Live Link Face app: 52 ARKit units, head turns and gaze as CSV, which animation programs read."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..checks import InputError, require_file
from ..durable import replacing
from ..face import UNITS, gaze_of_looks, with_looks
from ..transforms import quat_conjugate, quat_multiply, quat_to_rotmat, rotvec_to_quat
from ._types import Motion, Pose
from .edit import typical_frame

HEAD = ("HeadYaw", "HeadPitch", "HeadRoll")
"""Radians: to the subject's right, down, clockwise in the picture; turned in this order."""
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
TIMECODE = re.compile(r"(\d+):(\d+):(\d+):(\d+(?:\.\d+)?)")
"""``HH:MM:SS:FF.mmm``."""
RATES = (24.0, 25.0, 30.0, 48.0, 50.0, 60.0, 90.0, 100.0, 120.0)
"""Rates that a timecode's frames may count, Hz, and that a take is brought to where it is within NEAR of one."""
NEAR = 0.02
USUAL = 3.0
"""Values beyond this are no units, radians or blends of them."""


def write_take(path: str | Path, motion: Motion) -> None:
    """Write what a face does; the head's angles are those from its usual pose, and its residual is left out.

    Args:
        path: ``.csv`` file. The timecode begins at 0 and counts frames and thousandths of one.
        motion: T frames.
    """
    head = motion.head
    rest = head.quats[typical_frame(motion)]
    turn = quat_multiply(quat_conjugate(rest).expand_as(head.quats), head.quats)
    eyes = torch.stack([-motion.gaze[:, 0], motion.gaze[:, 1], torch.zeros(len(motion))], 1)
    order = [UNITS.index(name[0].lower() + name[1:]) for name in _APPLES]
    units = with_looks(motion.units, motion.gaze)[:, order].clamp(0, 1)
    rows = torch.cat([units, _angles(turn), eyes, eyes], 1).tolist()
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("Timecode", "BlendShapeCount", *COLUMNS))
        for t, row in enumerate(rows):
            writer.writerow((_timecode(t, motion.fps), len(COLUMNS), *(f"{value:.10f}" for value in row)))


def read_take(path: str | Path) -> Motion:
    """Read a take as a motion at the world's origin; ``retarget`` puts it into somebody's place.

    The frame rate is that of the timecode; frames that the app dropped or wrote twice are filled in evenly.

    Raises:
        InputError: no such file, another separator, columns missing, a row of another length, a value that is no
            number or no unit, or a timecode that cannot be read or goes back, with column and line.
    """
    path = require_file(path, "ARKit take")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text ({error.reason}); a CSV of Live Link Face was wanted.") from error
    rows = list(csv.reader(text.splitlines()))
    names = [name.strip() for name in rows[0]] if rows else []
    places = _places(path, names)
    lines = [(line, row) for line, row in enumerate(rows[1:], 2) if row]
    values = torch.tensor([_numbers(path, line, row, names, places) for line, row in lines])
    if not len(values):
        raise InputError(f"{path} has no frame; at least one row was wanted.")
    times, fps = _times(path, [(line, row[names.index("Timecode")]) for line, row in lines])
    values = _evenly(values, times, fps)
    units = values[:, [_APPLES.index(name[0].upper() + name[1:]) for name in UNITS]]
    still = torch.zeros(len(values), 3)
    return Motion(
        fps=fps,
        head=Pose(quats=_turned(values[:, len(_APPLES) : len(_APPLES) + 3]), positions=still),
        torso=Pose(quats=torch.tensor([1.0, 0.0, 0.0, 0.0]).repeat(len(values), 1), positions=still),
        units=units,
        gaze=gaze_of_looks(units),
        residual=torch.zeros(len(values), 0),
    )


def _places(path: Path, names: Sequence[str]) -> list[int]:
    """Where the wanted columns stand."""
    missing = [name for name in ("Timecode", *COLUMNS) if name not in names]
    if not missing:
        return [names.index(name) for name in COLUMNS]
    joined = ",".join(names)
    other = next((sign for sign in (";", "\t", "|") if joined.count(sign) >= len(COLUMNS)), None)
    if other is not None:
        raise InputError(f"{path}, line 1: columns are separated by {other!r}; commas were wanted: save it again so.")
    shown = ", ".join(missing[:5]) + (" …" if len(missing) > 5 else "")
    raise InputError(
        f"{path}, line 1: the columns {shown} are missing; a CSV of Live Link Face (Timecode and 61 values a row) was"
        " wanted."
    )


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
        if not abs(number) <= USUAL:
            raise InputError(
                f"{path}, line {line}, column {names[place]}: {row[place]!r} came; a unit or an angle in radians,"
                f" at most {USUAL:g}, was wanted."
            )
        numbers.append(number)
    return numbers


def _times(path: Path, stamps: list[tuple[int, str]]) -> tuple[Tensor, float]:
    """Seconds ``[T]`` of the rows, and the frame rate that they have."""
    parts = []
    for line, stamp in stamps:
        match = TIMECODE.fullmatch(stamp.strip())
        if match is None:
            raise InputError(f"{path}, line {line}, column Timecode: {stamp!r} came; HH:MM:SS:FF.mmm was wanted.")
        parts.append([float(part) for part in match.groups()])
    clock = torch.tensor(parts, dtype=torch.float64)
    counted = float(clock[:, 3].max())
    rate = next((rate for rate in RATES if counted < rate), math.ceil(counted + 1))
    times = clock[:, :3] @ clock.new_tensor([3600.0, 60.0, 1.0]) + clock[:, 3] / rate
    steps = times.diff()
    if len(steps) and float(steps.min()) < 0:
        line = stamps[int(steps.argmin()) + 1][0]
        raise InputError(f"{path}, line {line}, column Timecode: it goes back; give one take a file.")
    moving = steps[steps > 1e-6]
    usual = 1 / float(moving.median()) if len(moving) else rate
    near = min(RATES, key=lambda known: abs(known - usual))
    return times - times[0], near if abs(near - usual) < NEAR * near else usual


def _evenly(values: Tensor, times: Tensor, fps: float) -> Tensor:
    """Rows of ``values [T, D]`` at ``times [T]`` seconds, at moments ``1 / fps`` apart."""
    count = round(float(times[-1]) * fps) + 1
    wanted = torch.arange(count, dtype=torch.float64) / fps
    after = torch.searchsorted(times, wanted).clamp(1, max(len(times) - 1, 1))
    if len(times) == 1:
        return values
    span = (times[after] - times[after - 1]).clamp(min=1e-9)
    weight = ((wanted - times[after - 1]) / span).clamp(0, 1)[:, None].float()
    return values[after - 1].lerp(values[after], weight)


def _timecode(frame: int, fps: float) -> str:
    """``HH:MM:SS:FF.mmm``; the app counts frames of the nearest whole rate."""
    rate = max(round(fps), 1)
    seconds, within = divmod(frame / fps, 1)
    minutes, second = divmod(int(seconds), 60)
    hour, minute = divmod(minutes, 60)
    whole, part = divmod(round(within * rate * 1000), 1000)
    return f"{hour:02d}:{minute:02d}:{second:02d}:{min(whole, rate - 1):02d}.{part:03d}"


def _angles(turn: Tensor) -> Tensor:
    """Yaw, pitch and roll ``[T, 3]`` of rotations wxyz ``[T, 4]``."""
    R = quat_to_rotmat(turn)
    pitch = torch.asin((-R[:, 1, 2]).clamp(-1, 1))
    return torch.stack([torch.atan2(R[:, 0, 2], R[:, 2, 2]), pitch, torch.atan2(R[:, 1, 0], R[:, 1, 1])], 1)


def _turned(angles: Tensor) -> Tensor:
    """Rotations wxyz ``[T, 4]`` of yaw, pitch and roll ``[T, 3]``."""
    yaw, pitch, roll = torch.zeros(3, len(angles), 3).unbind()
    yaw[:, 1], pitch[:, 0], roll[:, 2] = angles.T
    return quat_multiply(quat_multiply(rotvec_to_quat(yaw), rotvec_to_quat(pitch)), rotvec_to_quat(roll))
