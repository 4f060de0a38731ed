"""Face and hair also move with the turn of the head against the torso.

Hair hangs and lies on shoulders; a surface guessed wrong shows as the head turns. Both are nearly linear in that turn,
as far as it was seen: beyond it they stay as at the farthest one.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..motion import Motion
from .coefficients import NECK_SIZE, TURN_BOUNDS
from .head import Head


def with_turns(head: Head, motion: Motion, frames: Tensor, *, follows: bool = True) -> Head:
    """The head, its ``turn`` coefficients bounded by what frames show.

    Args:
        head: as laid out.
        motion: the clip's.
        frames: ``[n]`` of it that training sees.
        follows: whether face and hair follow turns at all.
    """
    bounds = torch.zeros(2, NECK_SIZE)
    if follows:
        turns = torch.stack([head.coefficients_at(motion.at(t))[-NECK_SIZE:] for t in frames.tolist()])
        bounds = torch.stack([turns.amin(0), turns.amax(0)])
    return replace(head, coefficient_params={**head.coefficient_params, TURN_BOUNDS: bounds})
