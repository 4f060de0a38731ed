"""Gaze as two angles, and the eight eyeLook units that say the same to animation programs."""

from __future__ import annotations

import torch
from torch import Tensor

from .units import UNITS

SIDEWAYS, UPWARDS = 0.48, 0.6
"""Radians that eyeballs turn at a whole eyeLook unit, as in takes that Apple's own tracker wrote."""
LOOKS = tuple(k for k, name in enumerate(UNITS) if name.startswith("eyeLook"))
"""Columns of the eyeLook units."""


def with_looks(units: Tensor, gaze: Tensor) -> Tensor:
    """``units [..., 52]`` with the eyeLook columns of gaze ``[..., 2]``, radians to the picture's right and down."""
    units = units.clone()
    right, down = gaze[..., 0] / SIDEWAYS, gaze[..., 1] / UPWARDS
    for side, outwards in (("Left", right), ("Right", -right)):
        for name, value in (("Out", outwards), ("In", -outwards), ("Down", down), ("Up", -down)):
            units[..., UNITS.index(f"eyeLook{name}{side}")] = value.clamp(0, 1)
    return units


def gaze_of_looks(units: Tensor) -> Tensor:
    """Gaze ``[..., 2]`` in radians, the mean of both eyes, that the eyeLook columns of ``units [..., 52]`` tell."""

    def look(direction: str, side: str) -> Tensor:
        return units[..., UNITS.index(f"eyeLook{direction}{side}")]

    right = look("Out", "Left") - look("In", "Left") + look("In", "Right") - look("Out", "Right")
    down = sum((look("Down", side) - look("Up", side) for side in ("Left", "Right")), torch.zeros(()))
    return torch.stack([right / 2 * SIDEWAYS, down / 2 * UPWARDS], -1)
