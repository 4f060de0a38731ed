"""What a head does over time, as rows of lines that the page draws over the waveform."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from gaussian_head.motion import Motion
from gaussian_head.motion.edit import typical_frame
from gaussian_head.motion.recall_state import turned_from

POINTS = 600
"""Of one line at most."""
LEAST_TURN, LEAST_UNIT = 0.05, 0.2
"""Radians, and units, that fill a row at least: what hardly moves looks so."""


def tracks_of(motion: Motion) -> list[dict[str, object]]:
    """Name and values of each row: whole numbers from -100 to 100, evenly over the motion, 0 where it usually is."""
    rows = []
    for name, values, least in _rows(motion):
        away = values - values.median()
        line = torch.nn.functional.interpolate(away[None, None].float(), min(POINTS, len(away)), mode="nearest")[0, 0]
        largest = max(float(away.abs().max()), least)
        rows.append({"name": name, "values": (100 * line / largest).round().int().tolist()})
    return rows


def _rows(motion: Motion) -> Iterator[tuple[str, Tensor, float]]:
    """Name, values ``[T]`` and the value that fills the row at least: down, to the subject's left and open are up."""
    pitch, yaw, roll = turned_from(motion.head, typical_frame(motion)).unbind(1)
    yield "nod", pitch, LEAST_TURN
    yield "turn", -yaw, LEAST_TURN
    yield "tilt", roll, LEAST_TURN
    unit = motion.control
    yield "brows", unit("browInnerUp") - (unit("browDownLeft") + unit("browDownRight")) / 2, LEAST_UNIT
    yield "lids", (unit("eyeBlinkLeft") + unit("eyeBlinkRight")) / 2, LEAST_UNIT
    yield "smile", (unit("mouthSmileLeft") + unit("mouthSmileRight")) / 2, LEAST_UNIT
    yield "mouth", unit("jawOpen") - unit("mouthClose"), LEAST_UNIT
