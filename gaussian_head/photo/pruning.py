"""Which Gaussians of a photographed head anybody can see, from any side and whatever the face does."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..camera import Camera
from ..face import UNITS
from ..gaussians import Gaussians
from ..head import Head
from ..motion import MotionFrame
from ..raster import rasterize_view
from .fitting import FittedPhoto
from .shape import carried_round

RING, RISES_DEG = 12, (-20.0, 10.0, 40.0)
"""Cameras all around, and how high they stand in turn."""
IN_FRONT_DEG = (-40.0, 0.0, 40.0)
"""Where cameras stand that look at what a face does."""
DOES = (
    {"jawOpen": 0.8, "mouthUpperUpLeft": 0.6, "mouthUpperUpRight": 0.6, "mouthLowerDownLeft": 0.6,
     "mouthLowerDownRight": 0.6},
    {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0, "mouthFunnel": 0.8, "jawOpen": 0.3},
    {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0, "jawOpen": 0.2},
)  # fmt: skip
"""Units of some faces that show a mouth from within, lids and folds."""
LOOKS = ((0.45, 0.0), (-0.45, 0.0), (0.0, 0.3), (0.0, -0.3))
"""Radians of gaze to the picture's right, and down."""
SIDE, ROOM = 384, 1.5
"""Pixels of these pictures, and how much wider they are than the photograph's square."""
LEAST = 0.25
"""Pixels of the photograph's scale that a Gaussian has to fill in one of them."""


def seen_from_around(head: Head, photo: FittedPhoto) -> Tensor:
    """``[N]`` bool, Gaussians that fill something of at least one picture of a ring of cameras, at rest or in motion.

    Args:
        head: as dressed.
        photo: how its photograph was fitted; its camera is carried round.
    """
    rest = replace(MotionFrame.neutral(photo.pose, photo.pose), gaze=photo.gaze.float())
    own = replace(rest, units=photo.units.float())
    shots = [(rest, 360 * i / RING, RISES_DEG[i % len(RISES_DEG)]) for i in range(RING)]
    shots += [(own, turn, 0.0) for turn in (-15.0, 0.0, 15.0)]
    shots += [(_doing(rest, units), turn, 0.0) for units in DOES for turn in IN_FRONT_DEG]
    shots += [(replace(rest, gaze=torch.tensor(look)), 0.0, 0.0) for look in LOOKS]
    scale = (ROOM * head.camera.width / SIDE) ** 2
    camera = Camera.from_focal(photo.focal / head.camera.width * SIDE / ROOM, SIDE, SIDE)
    most = torch.zeros(len(head))
    for moment, turn, rise in shots:
        with torch.no_grad():
            gaussians = head.gaussians_at(moment)
        most = torch.maximum(most, scale * _filled(gaussians, carried_round(photo, camera, turn, rise, centred=True)))
    return most >= LEAST


def only(head: Head, kept: Tensor) -> Head:
    """The Gaussians ``kept [N]`` bool of a head."""
    branches = []
    for branch, rows in zip(head.branches, kept.split([len(b) for b in head.branches]), strict=True):
        branches.append(replace(branch, **{name: values[rows] for name, values in branch.tensors().items()}))
    return head.with_branches(tuple(branches))


def _doing(rest: MotionFrame, values: dict[str, float]) -> MotionFrame:
    units = torch.zeros(len(UNITS))
    for name, value in values.items():
        units[UNITS.index(name)] = value
    return replace(rest, units=units)


def _filled(gaussians: Gaussians, camera: Camera) -> Tensor:
    """Pixels ``[N]`` that each Gaussian fills: the derivative of a picture's sum by its colour."""
    colours = torch.full((len(gaussians), 3), 0.5, requires_grad=True)
    with torch.enable_grad():
        rasterize_view(replace(gaussians, colors=colours), camera).rgb[..., 0].sum().backward()
    assert colours.grad is not None
    return colours.grad[:, 0]
