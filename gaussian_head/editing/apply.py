"""From painted pictures of one look to a head that has it in every frame and from every side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ..checks import require_number
from ..head import Head
from ..raster import rasterize_view
from ..rendering import render_gaussians
from ..sh import C0
from .blending import Blend, Wish, solve
from .change import Change
from .difference import Painted
from .hidden import painted_on
from .lifting import rows_covered, standing_off
from .mirror import mirrored
from .removing import rows_removed
from .seeding import Seeds, seeded
from .surface import steep

BEFORE, BEHIND = 0.008, 0.03
"""Metres before and behind the shown depth within which Gaussians are painted along: trained surfaces are thick."""
OWN_SHARE = 0.25
"""Least share of a pixel that a branch must have for its Gaussians there to be painted: lips, not the teeth behind."""
STRIDE = 2
"""Pixels between new Gaussians where recoloured ones show the picture well."""
MARGIN = 0.05
"""Of colour, by which a Gaussian may leave the range of its own and the pictures' colours."""
FRINGE, NARROW = 4, 0.25
"""Pixels along the edge of a change left to new Gaussians, and the share of its half width at most."""
MOSTLY = 0.5
"""Share of a Gaussian's weight inside the change from which on it is recoloured."""
SHOWN = 0.3
"""Pixels that a Gaussian makes from which on it is recoloured at any depth: a neck begins behind a chin."""
HOLD = 0.05
"""Weight of the first guess of a Gaussian's colour, in pixels."""
OUTSIDE = 2.0
"""How much an untouched pixel counts beside a changed one."""
ROUGH = 5 / 255
"""Difference left by recolouring, averaged over 3 x 3 pixels, from which on new Gaussians are seeded."""


@dataclass(frozen=True, kw_only=True)
class EditConfig:
    """How painted pictures become a look."""

    strength: float = 1.0
    """Share of the change, 0 to 1."""
    stiff: bool = False
    """What is painted does not bend with the face and rests on it: glasses, a hat, earrings."""
    mirror: bool = False
    """Do the same to the other side of the head wherever it was not painted itself."""

    def __post_init__(self) -> None:
        require_number(self.strength, "strength", least=0, most=1)


@torch.no_grad()
def edit_head(head: Head, painted: Sequence[Painted], config: EditConfig = EditConfig()) -> Head:
    """``head`` as its painted pictures show it, in every frame and view.

    Colours never move with motion here, so that what is fitted in one frame holds in all. Gaussians that made the
    changed pixels take other colours, by least squares through their blend weights; where that is not enough new ones
    are seeded on the surface; what was painted away goes. All others keep every bit.

    Args:
        head: of which the canvases were drawn.
        painted: pictures of one look, at least one.
        config: how.
    """
    if config.strength == 0:
        return head
    change = replace(Change.none(head), gone=rows_removed(head, painted))
    painted = [replace(picture, strength=config.strength) for picture in painted]
    if config.stiff:
        change = replace(change, gone=change.gone | rows_covered(head, painted))
        seeds = [
            standing_off(change.applied(head), picture, picture.changed & ~picture.removed, stiff=True)
            for picture in painted
        ]
    else:
        painted = [picture.blended(config.strength) for picture in painted]
        change = painted_on(head, painted, _painted_over(head, painted, change))
        seeds = [_detail(head, picture, change) for picture in painted]
    change = _with_seeds(head, painted, seeds, change, config)
    if config.mirror:
        change = mirrored(head, change, stiff=config.stiff)
    return change.applied(head, config.strength)


def _painted_over(head: Head, painted: Sequence[Painted], change: Change) -> Change:
    """``change`` with the colours of the Gaussians on the shown surface that come nearest to the pictures."""
    now = change.applied(head)
    wishes = [_wish(now, picture) for picture in painted]
    guesses = [_first_guess(now, picture, wish) for picture, wish in zip(painted, wishes, strict=True)]
    free = torch.stack([rows for _, rows in guesses])
    guess = (torch.stack([g for g, _ in guesses]) * free[..., None]).sum(0) / free.sum(0).clamp(min=1)[:, None]
    free = free.any(0)
    return change.repainted(head, _in_range(now, painted, solve(wishes, guess, free, HOLD)), free)


def _with_seeds(
    head: Head, painted: Sequence[Painted], seeds: Sequence[Seeds], change: Change, config: EditConfig
) -> Change:
    """``change`` with new Gaussians at the seeds of every picture, and all its colours fitted once more."""
    now, fresh = change.applied(head), list(change.fresh)
    for picture, chosen in zip(painted, seeds, strict=True):
        if len(chosen):
            visible = Blend.of(now.gaussians_at(picture.canvas.moment), picture.canvas.camera).visible
            rows = seeded(now, chosen, picture.canvas.moment, visible, stiff=config.stiff)
            fresh = [old.then(new) for old, new in zip(fresh, rows, strict=True)]
    change = replace(change, fresh=tuple(fresh))
    now = change.applied(head)
    changed, new = change.owned(head)
    free = changed | new
    wishes = [_wish(now, picture) for picture in painted]
    return change.repainted(head, _in_range(now, painted, solve(wishes, torch.zeros(len(now), 3), free, HOLD)), free)


def _in_range(head: Head, painted: Sequence[Painted], added: Tensor) -> Tensor:
    """What to add to the SH of degree 0, ``[N, 1, 3]``, that no colour leaves those of its own and of the pictures.

    A Gaussian of little weight could take any colour in the fitted frame, and would show it in others.
    """
    colours = torch.cat([p.target[torch.from_numpy(p.changed)] for p in painted])
    low, high = torch.quantile(colours[:: 1 + len(colours) // 100_000], torch.tensor([0.02, 0.98]), dim=0)
    own = torch.cat([branch.sh0[:, 0] for branch in head.branches]) * C0 + 0.5
    wanted = (own + added).maximum(own.minimum(low - MARGIN)).minimum(own.maximum(high + MARGIN))
    return (wanted - own)[:, None] / C0


def _wish(head: Head, picture: Painted) -> Wish:
    """What the picture still asks of ``head``: its changed pixels, and that the others stay as the canvas has them."""
    canvas = picture.canvas
    gaussians = head.gaussians_at(canvas.moment)
    shown = render_gaussians(gaussians, canvas.camera, background=canvas.plate).rgb
    changed = torch.from_numpy(picture.changed)[..., None]
    return Wish(
        gaussians=gaussians,
        camera=canvas.camera,
        blend=Blend.of(gaussians, canvas.camera),
        change=torch.where(changed, picture.target, canvas.frame.rgb) - shown,
        weight=torch.where(changed, 1.0, OUTSIDE),
    )


def _first_guess(head: Head, picture: Painted, wish: Wish) -> tuple[Tensor, Tensor]:
    """Colours to add ``[N, 3]`` as if every Gaussian on the shown surface were painted where it lies, and which are.

    Gaussians that hardly make a pixel in this frame make one in another; they get the colour of their place.
    """
    on = torch.from_numpy(_well_inside(picture))
    size = torch.tensor([picture.canvas.camera.width, picture.canvas.camera.height])
    cells = wish.blend.positions.floor().long()
    inside = wish.blend.visible & (cells >= 0).all(1) & (cells < size).all(1)
    column, row = cells.clamp(min=torch.zeros(2, dtype=torch.int64), max=size - 1).unbind(1)
    view = picture.canvas.camera.viewmat
    depth = (wish.gaussians.means @ view[:3, :3].T + view[:3, 3])[:, 2]
    off = depth - picture.canvas.frame.depth[row, column]
    layer = (off > -BEFORE) & (off < BEHIND)
    there = inside & layer & on[row, column] & _owning(head, wish, row, column)
    guess = torch.where(there[:, None], _spread(wish.change, on)[row, column], 0)
    weights = wish.blend.gathered(torch.stack([on.float(), torch.ones_like(on).float(), 0 * on.float()], 2))
    shows = (weights[:, 1] > SHOWN) | ((weights[:, 1] > 1e-3) & inside & layer)
    mostly = (weights[:, 0] > MOSTLY * weights[:, 1]) & shows & ~there
    mean = wish.blend.gathered(wish.change * on[..., None]) / weights[:, :1].clamp(min=1e-6)
    return torch.where(mostly[:, None], mean, guess), there | mostly


def _well_inside(picture: Painted) -> np.ndarray:
    """``[H, W]`` bool, changed pixels away from the change's edges, where old Gaussians would fray in other frames.

    Narrow changes keep more of their width. At the outline of the surface, where nothing can be seeded, old Gaussians
    go up to the edge.
    """
    inside = np.pad(picture.changed | steep(picture), 1, constant_values=True)
    depth = np.asarray(ndimage.distance_transform_edt(inside))[1:-1, 1:-1]
    half_width = ndimage.maximum_filter(depth, 6 * FRINGE + 1)
    on = picture.changed & ~picture.removed & ~picture.added
    return on & ((depth > np.minimum(FRINGE, NARROW * half_width)) | steep(picture))


def _owning(head: Head, wish: Wish, row: Tensor, column: Tensor) -> Tensor:
    """``[N]`` bool, Gaussians whose branch makes a good share of the pixel they lie in."""
    parts = head.parts.long()
    of_branch = torch.nn.functional.one_hot(parts, 3).float()
    share = rasterize_view(wish.gaussians, wish.camera, extra=of_branch).extra[0]
    return share[row, column].gather(1, parts[:, None])[:, 0] > OWN_SHARE


def _spread(change: Tensor, on: Tensor) -> Tensor:
    """``change`` averaged over the changed pixels within one pixel."""
    both = torch.cat([change * on[..., None], on[..., None].float()], 2).permute(2, 0, 1)
    summed = torch.nn.functional.avg_pool2d(both[None], 3, stride=1, padding=1)[0].permute(1, 2, 0)
    return summed[..., :3] / summed[..., 3:].clamp(min=1e-6)


def _detail(head: Head, picture: Painted, change: Change) -> Seeds:
    """New Gaussians beyond the outline, for detail that recolouring cannot show, and sparser ones over the rest.

    What lies a little deeper comes into view as the face moves; they cover it.
    """
    canvas = picture.canvas
    now = change.applied(head)
    shown = render_gaussians(now.gaussians_at(canvas.moment), canvas.camera, background=canvas.plate).rgb
    flat = picture.changed & ~picture.removed & ~picture.added & ~steep(picture)
    rough = ndimage.uniform_filter((picture.target - shown).abs().amax(2).numpy() * picture.changed, 3) > ROUGH
    fine, coarse = (flat & rough) | picture.added, flat & ~rough
    coarse[np.arange(len(coarse)) % STRIDE > 0] = False
    coarse[:, np.arange(coarse.shape[1]) % STRIDE > 0] = False
    return Seeds.joined(
        [
            standing_off(now, picture, fine, stiff=False),
            standing_off(now, picture, coarse, stiff=False, spacing=STRIDE),
        ]
    )
