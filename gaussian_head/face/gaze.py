"""Gaze in the units' language."""

from __future__ import annotations

from torch import Tensor

from .units import UNITS

SIDEWAYS, UPWARDS = 0.48, 0.6
"""Radians that eyeballs turn at a whole eyeLook unit, as in takes that Apple's own tracker wrote."""


def look_units(gaze: Tensor) -> Tensor:
    """The eyeLook units ``[T, 52]`` of gaze ``[T, 2]`` in radians to the picture's right and down; all others are 0."""
    units = gaze.new_zeros(len(gaze), len(UNITS))
    right, down = gaze[:, 0] / SIDEWAYS, gaze[:, 1] / UPWARDS
    for side, outwards in (("Left", right), ("Right", -right)):
        for name, value in (("Out", outwards), ("In", -outwards), ("Down", down), ("Up", -down)):
            units[:, UNITS.index(f"eyeLook{name}{side}")] = value.clamp(0, 1)
    return units
