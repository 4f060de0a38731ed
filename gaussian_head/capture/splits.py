"""Which frames of a clip are kept for measuring."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ..motion import Motion
from ..motion.edit import typical_frame
from ..transforms import quat_to_rotmat

Split = Literal["tail", "turned"]
SPLITS: dict[str, str] = {
    "tail": "the last tenth, which nothing ever saw: tracked shape and basis, background, training and voice",
    "turned": (
        "those most turned away from the usual pose (15 % of all), unseen by training; tracked shape and basis, the "
        "background and the tracker's features come from the first nine tenths as ever and may have seen them"
    ),
}
"""The ways to hold frames out, in words."""
TURNED_SHARE = 0.15
"""Share of the frames that ``"turned"`` keeps."""


def turns(motion: Motion) -> Tensor:
    """Radians ``[T]`` that the head faces away from where it faces at its typical pose; a tilt is none."""
    facing = quat_to_rotmat(motion.head.quats)[:, :, 2]
    return (facing @ facing[typical_frame(motion)]).clamp(-1, 1).acos()


def turned_rows(motion: Motion, good: Tensor) -> Tensor:
    """Which of the frames ``good [n]`` are held out as the most turned, ``[n]`` bool."""
    angles = turns(motion)[good]
    kept = torch.zeros(len(good), dtype=torch.bool)
    kept[angles.argsort(descending=True)[: round(TURNED_SHARE * len(good))]] = True
    return kept
