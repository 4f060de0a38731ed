"""Colours of surfaces that the camera sees from aside alone: a recorded edge is half background and must not be theirs.

From in front they are a line, and a line of any colour may pass for the recorded edge; from the side it is a blot.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..sh import C0


def plate_let_go(colours: Tensor, start: Tensor, spill: Tensor) -> Tensor:
    """Colours ``[N, 1, 3]`` that are no nearer to the plate behind than those they started with.

    Args:
        colours: of degree 0.
        start: ``[N, 1, 3]`` the first ones.
        spill: ``[N, 1, 3]`` unit directions from those to the plate's; 0 where any colour is as good.
    """
    taken_on = ((colours - start) * spill).sum(2, keepdim=True)
    return colours - taken_on.clamp(min=0) * spill


def tint_held(colours: Tensor, start: Tensor, spill: Tensor, most: float) -> Tensor:
    """Colours ``[N, 1, 3]``, where ``spill`` is one, at most ``most`` (RGB, 1 is white) off the first tint.

    They may get lighter or darker by twice that: a line that is less red than skin is not nearer to a blue plate, but
    blue, and one darkened by what a codec or lens does to edges a shadow where none is.
    """
    change = colours - start
    grey = change.mean(2, keepdim=True)
    tint = change - grey
    grey = grey.clamp(-2 * most / C0, 2 * most / C0)
    size = C0 * tint.norm(dim=2, keepdim=True)
    held = start + grey + tint * (most / size.clamp(min=most))
    return torch.where(spill.any(2, keepdim=True), held, colours)
