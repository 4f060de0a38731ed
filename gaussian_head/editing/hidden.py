"""Paint goes on where the painted picture does not show: under a chin, round an outline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..head import Head
from .blending import Blend
from .change import Change
from .difference import Painted

SEEN = 0.3
"""Pixels that a Gaussian must make in a picture to be seen in it."""
ONE_SIDED, BETWEEN = 0.006, 0.04
"""Metres up to which paint goes on beyond where it is seen last, and from either side into what lies between."""
MOST, AT_ONCE = 2000, 4000
"""Places, painted and not, that distances are told by, and hidden ones that are looked at together."""
SPREAD = 0.004
"""Metres over which the colours of painted places are mixed."""
INSIDE = "mouth"
"""The branch that paint on the skin never goes over to."""


def painted_on(head: Head, painted: Sequence[Painted], change: Change) -> Change:
    """``change`` gone over to Gaussians of ``head`` that no picture shows and whose nearest shown ones are painted.

    They take the mean colour of those, a little way beyond the paint, and farther where there is paint on the other
    side too.
    """
    shown = torch.zeros(len(head), dtype=torch.bool)
    for picture in painted:
        blend = Blend.of(head.gaussians_at(picture.canvas.moment), picture.canvas.camera)
        shown |= blend.gathered(torch.ones_like(picture.target))[:, 0] > SEEN
    skin = torch.cat([torch.full((len(b),), b.name != INSIDE) for b in head.branches])
    over, plain = shown & change.rows & ~change.gone, shown & ~change.rows & ~change.gone & skin
    hidden = (~shown & skin & ~change.gone & ~change.rows).nonzero()[:, 0]
    if not (over.any() and plain.any()):
        return change
    places = head.gaussians_at(painted[0].canvas.moment).means
    paint, bare = (_some(rows.nonzero()[:, 0]) for rows in (over, plain))
    colours, changed = change.sh0.clone(), change.rows.clone()
    for some in hidden.split(AT_ONCE):
        reached, distance = _reached(places[some], places[paint], places[bare])
        weight = torch.softmax(-distance[reached] / SPREAD, 1)
        colours[some[reached]] = torch.einsum("hp,pij->hij", weight, change.sh0[paint])
        changed[some[reached]] = True
    return replace(change, rows=changed, sh0=colours)


def _some(rows: Tensor) -> Tensor:
    """At most MOST of the rows, evenly spread."""
    return rows[:: 1 + len(rows) // MOST]


def _reached(hidden: Tensor, paint: Tensor, bare: Tensor) -> tuple[Tensor, Tensor]:
    """``[H]`` bool, hidden places that paint reaches, and their distances ``[H, P]`` from painted ones."""
    to_paint, to_bare = torch.cdist(hidden, paint), torch.cdist(hidden, bare)
    least, first = to_paint.min(1)
    way = torch.nn.functional.normalize(paint[first] - hidden, dim=1)
    opposite = [
        torch.where(places @ way.T < (hidden * way).sum(1), distance.T, torch.inf).amin(0)
        for places, distance in ((paint, to_paint), (bare, to_bare))
    ]
    nearest_bare = to_bare.amin(1) if len(bare) else torch.full_like(least, torch.inf)
    between = (least < BETWEEN) & (opposite[0] < BETWEEN) & (opposite[0] < opposite[1])
    return (least < nearest_bare) & ((least < ONE_SIDED) | between), to_paint
