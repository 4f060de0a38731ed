"""Face and hair also move with the turn of the head against the torso, and with how the camera sees it.

Hair hangs and lies on shoulders; a surface guessed wrong shows as the head turns, comes near or goes aside. All of it
is nearly linear in these, as far as they were seen and somewhat beyond; from there on they stay as they are.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..motion import Motion
from .coefficients import NECK_SIZE, TURN_BOUNDS, VIEW_BOUNDS, VIEW_SIZE, neck_of, view_of
from .head import Head

BEYOND = 0.5
"""Share of the range seen by which turns and views may go beyond it at either end."""


def with_turns(head: Head, motion: Motion, frames: Tensor, *, follows: bool = True) -> Head:
    """The head, its ``turn`` and ``view`` coefficients bounded by what frames show, and ``BEYOND``.

    Args:
        head: as laid out.
        motion: the clip's.
        frames: ``[n]`` of it that training sees.
        follows: whether face and hair follow turns and views at all.
    """
    bounds = {TURN_BOUNDS: torch.zeros(2, NECK_SIZE), VIEW_BOUNDS: torch.zeros(2, VIEW_SIZE)}
    if follows:
        moments = [motion.at(t) for t in frames.tolist()]
        seen = {
            TURN_BOUNDS: torch.stack([neck_of(moment) for moment in moments]),
            VIEW_BOUNDS: torch.stack([view_of(head.coefficient_params, moment) for moment in moments]),
        }
        bounds = {name: _bounds(values) for name, values in seen.items()}
    return replace(head, coefficient_params={**head.coefficient_params, **bounds})


def _bounds(seen: Tensor) -> Tensor:
    """``[2, 3]`` of values ``[n, 3]`` of frames."""
    least, greatest = seen.amin(0), seen.amax(0)
    reach = BEYOND * (greatest - least)
    return torch.stack([least - reach, greatest + reach])
