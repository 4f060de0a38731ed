"""Gaussians that a picture paints away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..head import Head
from .blending import Blend
from .difference import Painted

MOSTLY = 0.6
"""Share of a Gaussian's weight in removed pixels from which on it goes."""
LEFT = 0.1
"""Mean opacity left in the removed pixels at which all is gone that should be."""
ROUNDS = 12
"""Layers, one behind the other, that are looked for."""


def rows_removed(head: Head, painted: Sequence[Painted]) -> Tensor:
    """``[N]`` bool, Gaussians of ``head`` that show mostly where the person was painted over by what is behind.

    What stands behind a removed Gaussian comes into view and is looked at in turn.
    """
    gone = torch.zeros(len(head), dtype=torch.bool)
    for picture in painted:
        removed = torch.from_numpy(picture.removed)
        if not removed.any():
            continue
        placed = head.gaussians_at(picture.canvas.moment)
        for _ in range(ROUNDS):
            left = replace(placed, opacities=placed.opacities * ~gone)
            blend = Blend.of(left, picture.canvas.camera)
            weights = blend.gathered(torch.stack([removed.float(), torch.ones_like(removed).float(), 0.0 * removed], 2))
            more = (weights[:, 0] > MOSTLY * weights[:, 1]) & (weights[:, 0] > 1e-3) & ~gone
            if not more.any() or float(weights[:, 0].sum() / removed.sum()) < LEFT:
                break
            gone |= more
    return gone
