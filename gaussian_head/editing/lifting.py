"""How far new Gaussians stand before what they are put on, and what they replace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ..gaussians import Gaussians
from ..head import Head
from ..raster import rasterize_view
from .blending import Blend
from .difference import Painted
from .seeding import Seeds
from .surface import seeds_at

LIFTS = (1.0, 2.0, 3.5)
"""Pixels by which paint may stand off the skin; the least is taken with which it is seen."""
STIFF_LIFTS = (1.5, 3.0, 5.0, 7.5, 10.0, 13.0)
"""The same of stiff things."""
SEEN = 0.9
"""Share of its pixels that it must make."""
FARTHER, STIFF_FARTHER = (1.5, 7), (3.0, 15)
"""Pixels by which paint then stands off farther where it is hidden, at a time, and over which it does."""
AROUND, ROUNDS = 5, 6
"""Pixels over which that is looked at, and how often."""
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
    """Seeds at the pixels ``wanted`` ``[H, W]`` bool, as near to the head as they can stand and be seen.

    All stand off as far as makes most of them seen; where something still stands before them, a lip or a brow, those
    there stand off farther.
    """
    lifts, (step, reach) = (STIFF_LIFTS, STIFF_FARTHER) if stiff else (LIFTS, FARTHER)
    lift = np.full(wanted.shape, lifts[0])
    for least in (*lifts[1:], *ROUNDS * [0.0]):
        seeds = seeds_at(picture, wanted, stiff=stiff, lift=lift, spacing=spacing)
        if not len(seeds):
            break
        seen, alone = _shown(head, seeds, picture)
        if least and seen[wanted].sum() < SEEN * alone[wanted].sum():
            lift = np.full(wanted.shape, least)
            continue
        around, whole = (ndimage.uniform_filter(made * wanted, AROUND) for made in (seen, alone))
        hidden = wanted & (around < SEEN * whole)
        if not hidden.any():
            break
        lift = np.maximum(lift, ndimage.gaussian_filter(lift + step * ndimage.maximum_filter(hidden, reach), reach / 3))
    return seeds_at(picture, wanted, stiff=stiff, lift=lift, spacing=spacing)


def _shown(head: Head, seeds: Seeds, picture: Painted) -> tuple[np.ndarray, np.ndarray]:
    """Which share of every pixel ``[H, W]`` the seeds make on the head, and what they would make alone."""
    canvas = picture.canvas
    there, own = head.gaussians_at(canvas.moment), seeds.gaussians()
    own = replace(own, colors=there.colors.new_zeros(len(seeds), *there.colors.shape[1:]))
    both = Gaussians(**{n: torch.cat([getattr(there, n), getattr(own, n)]) for n in vars(own)})
    mine = torch.cat([torch.zeros(len(there), 1), torch.ones(len(own), 1)])
    shown = rasterize_view(both, canvas.camera, extra=mine).extra[0, ..., 0].numpy()
    return shown, rasterize_view(own, canvas.camera).alpha[0].numpy()
