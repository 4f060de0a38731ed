"""Which frame of a clip is best painted on."""

from __future__ import annotations

import torch

from ..face import UNITS
from ..motion import Motion
from ..transforms import quat_conjugate, quat_multiply, quat_to_rotvec

OPEN, SHUT = ("jawOpen",), ("eyeBlinkLeft", "eyeBlinkRight")
"""Units of a mouth that opens and of eyes that shut."""
DEGREES = 20.0
"""Degrees of a turned head that are as bad as a mouth wide open, or eyes that are shut."""


def frame_to_paint(motion: Motion, trained: int) -> int:
    """Of the first ``trained`` frames the one whose head is turned as it mostly is, mouth shut and eyes open.

    What a picture does not show is not painted, and paint slips the farther a head turns away from it.
    """
    quats = motion.head.quats.double()
    usual = torch.linalg.eigh(quats.T @ quats).eigenvectors[:, -1]
    away = quat_to_rotvec(quat_multiply(quat_conjugate(usual[None]).expand_as(quats), quats)).norm(dim=1).rad2deg()
    asked = torch.stack([motion.units[:, UNITS.index(name)] for name in (*OPEN, *SHUT)], 1).amax(1)
    return int((away + DEGREES * asked.clamp(0, 1))[:trained].argmin())
