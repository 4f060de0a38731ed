"""How far new Gaussians stand before what they are put on, and what they replace."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ..head import Head
from ..raster import rasterize_view
from .blending import Blend
from .change import stacked
from .difference import Painted
from .seeding import Seeds, seeded
from .surface import seeds_at

LIFTS = (1.0, 2.0, 3.5)
"""Pixels by which paint may stand off the skin; the least is taken with which it is seen."""
STIFF_LIFTS = (1.5, 3.0, 5.0, 7.5, 10.0, 13.0)
"""The same of stiff things."""
SEEN = 0.9
"""Share of its pixels that it must make."""
UNDER = 4
"""Pixels from the edge of a thing within which nothing is taken away under it."""
MOSTLY = 0.8
"""Share of a Gaussian's weight under a thing from which on it is replaced by it."""


def rows_covered(head: Head, painted: Sequence[Painted]) -> Tensor:
    """``[N]`` bool, Gaussians that show mostly where a broad thing was painted over them: hair under a hat."""
    gone = torch.zeros(len(head), dtype=torch.bool)
    for picture in painted:
        under = torch.from_numpy(ndimage.binary_erosion(picture.changed & ~picture.removed, iterations=UNDER))
        if under.any():
            blend = Blend.of(head.gaussians_at(picture.canvas.moment), picture.canvas.camera)
            weights = blend.gathered(torch.stack([under.float(), torch.ones_like(under).float(), 0.0 * under], 2))
            gone |= (weights[:, 0] > MOSTLY * weights[:, 1]) & (weights[:, 1] > 1e-3)
    return gone


def standing_off(head: Head, picture: Painted, wanted: np.ndarray, *, stiff: bool, spacing: int = 1) -> Seeds:
    """Seeds at the pixels ``wanted`` ``[H, W]`` bool, as near to the head as they can stand and be seen."""
    lifts = STIFF_LIFTS if stiff else LIFTS
    seeds = seeds_at(picture, wanted, stiff=stiff, lift=lifts[0], spacing=spacing)
    for lift in lifts:
        seeds = seeds_at(picture, wanted, stiff=stiff, lift=lift, spacing=spacing)
        if not len(seeds) or _share_seen(head, seeds, picture, wanted, stiff=stiff) >= SEEN:
            break
    return seeds


def _share_seen(head: Head, seeds: Seeds, picture: Painted, wanted: np.ndarray, *, stiff: bool) -> float:
    """Which share of the pixels ``wanted`` is made by the seeds, next to what they would make alone."""
    canvas = picture.canvas
    rows = seeded(head, seeds, canvas.moment, torch.ones(len(head), dtype=torch.bool), stiff=stiff)
    branches, own = [], []
    for branch, new in zip(head.branches, rows, strict=True):
        branches.append(stacked(branch, torch.ones(len(branch), dtype=torch.bool), new))
        own += [torch.zeros(len(branch)), torch.ones(len(new))]
    mine = torch.cat(own)[:, None]
    both = head.with_branches(tuple(branches)).gaussians_at(canvas.moment)
    alone = head.with_branches(tuple(rows)).gaussians_at(canvas.moment)
    shown = rasterize_view(both, canvas.camera, extra=mine).extra[0, ..., 0].numpy()
    whole = rasterize_view(alone, canvas.camera).alpha[0].numpy()
    return float(shown[wanted].sum() / max(whole[wanted].sum(), 1e-6))
