"""One picture that tells what became of a head made elsewhere: as it came, the fit, at rest, speaking, all around."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..face import UNITS
from ..face.looks import Look
from ..face.painted import Painter
from ..motion import MotionFrame
from ..photo.refining import moment_of
from ..photo.shape import camera_of
from ..rendering import orbit_view
from ..rendering.frames import render_moment
from .looking import GROUND, as_bytes

if TYPE_CHECKING:
    from .pipeline import Adopted

TILE = 320
RING_DEG = (-90, -45, 0, 45, 90, 180)
FACES = ({}, {"jawOpen": 0.6}, {"mouthPucker": 0.8}, {"mouthSmileLeft": 0.7, "mouthSmileRight": 0.7},
         {"eyeBlinkLeft": 0.8, "eyeBlinkRight": 0.8}, {"browInnerUp": 0.9, "jawOpen": 0.25})  # fmt: skip
"""What the second row shows."""


def picture_of(made: Adopted) -> np.ndarray:
    """``[H, W, 3]`` u8: as it came and the fitted head from three sides; expressions; a ring with an open mouth."""
    head, ground = made.actor.head, torch.tensor(GROUND)
    painter = Painter(made.shape.model, Look(background=GROUND))
    top = []
    for view, photo in zip(made.views, made.fit.photos, strict=True):
        fitted = painter.paint(torch.from_numpy(made.shape.posed(photo)), camera_of(photo, len(view.image)))
        top += [_marked(view.image, view.landmarks), fitted]
    moment = moment_of(made.fit.photos[0])
    rest = MotionFrame.neutral(moment.head, moment.torso)
    middle = [render_moment(head, _doing(rest, face), head.camera, background=ground) for face in FACES]
    speaking = _doing(rest, {"jawOpen": 0.5})
    ring = [
        render_moment(head, speaking, orbit_view(head, yaw=float(np.radians(angle))), background=ground)
        for angle in RING_DEG
    ]
    return np.concatenate([_row(top), *(_row([as_bytes(frame.rgb) for frame in row]) for row in (middle, ring))])


def _doing(rest: MotionFrame, face: dict[str, float]) -> MotionFrame:
    units = torch.zeros(len(UNITS))
    for name, weight in face.items():
        units[UNITS.index(name)] = weight
    return replace(rest, units=units)


def _marked(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    import cv2

    image = np.ascontiguousarray(image)
    for x, y in landmarks:
        cv2.circle(image, (round(x * 8), round(y * 8)), 8, (40, 220, 60), -1, cv2.LINE_AA, 3)
    return image


def _row(pictures: list[np.ndarray]) -> np.ndarray:
    import cv2

    return np.concatenate([cv2.resize(p, (TILE, TILE), interpolation=cv2.INTER_AREA) for p in pictures], 1)
