"""The mouth in units: which of the 52 speech drives, and what they do together to the lips."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from ..face import UNITS, FaceModel, mirrored

MOUTH = tuple(name for name in UNITS if name.startswith(("jaw", "mouth")))
"""The M = 27 units that the prior tells: all of jaw and mouth."""
COLUMNS = [UNITS.index(name) for name in MOUTH]
"""Their places among all 52."""
MIRROR = [MOUTH.index(mirrored(name)) for name in MOUTH]
"""For each of them the one of the other side."""
JAW_OPEN = MOUTH.index("jawOpen")
MEASURES = ("stretch", "gap", "width", "depth")
"""What is measured on lips: smile + stretch - pucker of the units, and in metres on the average head: the gap between
the inner lips, the distance of the corners, and how far the lips stand out."""
GAP, WIDTH = MEASURES.index("gap"), MEASURES.index("width")
INNER_LIPS, CORNERS, FRONT = (13, 14), (61, 291), (0, 13, 14, 17)
"""Landmarks: upper and lower inner lip, the two corners, the middle of the lips."""


@lru_cache(maxsize=1)
def lip_measures() -> Tensor:
    """``[M, 4]`` f32, what one of each unit does to each of MEASURES; x is to the side, y down, z into the face."""
    face = FaceModel.load()
    moved = face.landmarks(face.units)[COLUMNS]
    stretch = torch.zeros(len(MOUTH))
    for name, share in (("mouthSmile", 1.0), ("mouthStretch", 1.0)):
        for side in ("Left", "Right"):
            stretch[MOUTH.index(name + side)] = share
    stretch[MOUTH.index("mouthPucker")] = -1
    gap = (moved[:, INNER_LIPS[1]] - moved[:, INNER_LIPS[0]])[:, 1]
    width = (moved[:, CORNERS[1]] - moved[:, CORNERS[0]])[:, 0]
    return torch.stack([stretch, gap, width, -moved[:, FRONT, 2].mean(1)], 1)


def symmetric(units: Tensor) -> Tensor:
    """``units [..., M]`` and their mirror image, averaged: sound knows no left and right."""
    return (units + units[..., MIRROR]) / 2
