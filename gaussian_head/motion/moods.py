"""Moods: what a face, a head and its eyes do in each, as directions in the 52 units.

The units follow the action units of prototypical expressions (Ekman, Friesen and Hager, FACS Investigator's Guide 2002;
Du, Tao and Martinez 2014 for their shares), told as ARKit units; posture, liveliness and blinks follow Wallbott 1998
and Coulson 2004. Left and right are the subject's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..face import UNITS


@dataclass(frozen=True, kw_only=True)
class Mood:
    """What one mood does at strength 1."""

    units: dict[str, float] = field(default_factory=dict)
    """Added to units; a name without Left or Right at its end stands for both."""
    turn: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Rotation of the head about its neck, radians: down, to the subject's right, tilted to the subject's left."""
    lean: float = 0.0
    """Metres that the head comes forward."""
    gaze: tuple[float, float] = (0.0, 0.0)
    """Radians that the eyes turn: to the picture's right, and down."""
    reach: float = 1.0
    """Times the head's slow movement."""
    quick: float = 1.0
    """Times its quick movement."""
    blinks: float = 1.0
    """Times as many blinks."""

    @property
    def direction(self) -> Tensor:
        """``[52]`` what is added to units."""
        return torch.tensor([self.units.get(name, self.units.get(_paired(name), 0.0)) for name in UNITS])


MOODS = {
    "neutral": Mood(),
    "happy": Mood(  # AU 6 + 12 (+ 25)
        units={
            "mouthSmile": 0.9,
            "cheekSquint": 0.7,
            "mouthDimple": 0.15,
            "mouthUpperUp": 0.15,
            "eyeSquint": 0.3,
            "mouthFrown": -0.5,
            "browDown": -0.2,
            "browInnerUp": 0.1,
            "browOuterUp": 0.15,
        },
        turn=(-0.03, 0.0, 0.03),
        reach=1.15,
        quick=1.2,
        blinks=1.1,
    ),
    "sad": Mood(  # AU 1 + 4 + 15 + 17
        units={
            "browInnerUp": 0.85,
            "browDown": 0.1,
            "browOuterUp": -0.3,
            "mouthFrown": 0.85,
            "mouthShrugLower": 0.4,
            "mouthSmile": -0.5,
            "eyeWide": -0.3,
            "eyeBlink": 0.06,
        },
        turn=(0.05, 0.0, 0.05),
        lean=0.01,
        gaze=(0.0, 0.05),
        reach=0.8,
        quick=0.6,
        blinks=1.2,
    ),
    "angry": Mood(  # AU 4 + 5 + 7 + 23 + 24
        units={
            "browDown": 0.95,
            "browInnerUp": -0.6,
            "browOuterUp": -0.3,
            "eyeSquint": 0.25,
            "eyeWide": 0.3,
            "noseSneer": 0.1,
            "mouthPress": 0.5,
            "mouthFrown": 0.35,
            "mouthSmile": -0.5,
            "jawForward": 0.2,
        },
        turn=(0.06, 0.0, 0.0),
        lean=0.02,
        reach=1.0,
        quick=1.35,
        blinks=0.7,
    ),
    "surprised": Mood(  # AU 1 + 2 + 5 + 26
        units={
            "browInnerUp": 0.9,
            "browOuterUp": 0.95,
            "browDown": -0.5,
            "eyeWide": 0.9,
            "eyeSquint": -0.4,
            "eyeBlink": -0.1,
            "jawOpen": 0.3,
            "mouthFunnel": 0.1,
        },
        turn=(-0.05, 0.0, 0.0),
        lean=-0.015,
        reach=1.0,
        quick=1.1,
        blinks=0.5,
    ),
    "disgusted": Mood(  # AU 9 + 10 + 15 + 17
        units={
            "noseSneer": 0.95,
            "mouthUpperUp": 0.8,
            "cheekSquint": 0.6,
            "browDown": 0.2,
            "browInnerUp": -0.1,
            "eyeSquint": 0.45,
            "mouthFrown": 0.45,
            "mouthShrugLower": 0.35,
            "mouthSmile": -0.5,
        },
        turn=(-0.05, 0.1, 0.04),
        lean=-0.02,
        gaze=(0.05, 0.04),
        reach=0.9,
        quick=0.9,
    ),
    "afraid": Mood(  # AU 1 + 2 + 4 + 5 + 20 + 25
        units={
            "browInnerUp": 0.95,
            "browOuterUp": 0.45,
            "browDown": 0.25,
            "eyeWide": 0.9,
            "eyeSquint": -0.3,
            "mouthStretch": 0.7,
            "mouthFrown": 0.2,
            "mouthSmile": -0.5,
            "mouthLowerDown": 0.2,
            "jawOpen": 0.1,
        },
        turn=(0.02, 0.0, 0.0),
        lean=-0.025,
        reach=0.8,
        quick=1.4,
        blinks=1.6,
    ),
    "contempt": Mood(  # AU R12 + R14
        units={
            "mouthSmileRight": 0.55,
            "mouthDimpleRight": 0.75,
            "mouthPressRight": 0.35,
            "cheekSquintRight": 0.3,
            "mouthRight": 0.15,
            "browOuterUpRight": 0.3,
            "browDownLeft": 0.25,
            "eyeSquint": 0.3,
            "eyeBlink": 0.08,
        },
        turn=(-0.06, 0.04, -0.06),
        gaze=(0.03, 0.05),
        reach=0.8,
        quick=0.7,
        blinks=0.8,
    ),
}
"""By name."""


def _paired(name: str) -> str:
    return name.removesuffix("Left").removesuffix("Right")
