"""The 52 facial action units of Apple's ARKit, by name: the shared language of faces."""

from __future__ import annotations

from ..facenet import BLENDSHAPES

UNITS = (*BLENDSHAPES[1:], "tongueOut")
"""Names in alphabetical order; left and right are the subject's own. 0 is the neutral face, 1 the full excursion."""


def mirrored(name: str) -> str:
    """The unit of the other side of the face; a unit in the middle is its own mirror image."""
    if name.endswith("Left"):
        return name.removesuffix("Left") + "Right"
    if name.endswith("Right"):
        return name.removesuffix("Right") + "Left"
    return name


def is_mouth_unit(name: str) -> bool:
    """True for the units that speech drives: jaw, mouth, puffed cheeks and tongue."""
    return name.startswith(("jaw", "mouth")) or name in ("cheekPuff", "tongueOut")
