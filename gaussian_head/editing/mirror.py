"""The same change on the other side of a head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from scipy.spatial import KDTree
from torch import Tensor

from ..head import Branch, Head
from .change import Change
from .fresh import Fresh
from .seeding import carried_by

REACH = 0.004
"""Metres within which the mirror image of a changed Gaussian recolours others."""
PAINTED = 0.002
"""Metres from what was painted itself within which nothing is mirrored."""
NEIGHBOURS = 4


def mirrored(head: Head, change: Change, *, stiff: bool) -> Change:
    """``change`` done on the other side too, wherever that was not painted itself; x is 0 in the head's middle."""
    rows, sh0, fresh, start = change.rows.clone(), change.sh0.clone(), [], 0
    for branch, new in zip(head.branches, change.fresh, strict=True):
        own = slice(start, start + len(branch))
        start = own.stop
        painted = torch.cat([branch.means[change.rows[own]], new.rows.means])
        if len(painted):
            found, added = _colours(branch, change.rows[own], change.sh0[own] - branch.sh0, painted)
            rows[own] |= found
            sh0[own] = torch.where(found[:, None, None], branch.sh0 + added, sh0[own])
        fresh.append(new.then(_reflected(Fresh.all_of(head, branch), new, painted, stiff=stiff)))
    return replace(change, rows=rows, sh0=sh0, fresh=tuple(fresh))


def _colours(branch: Branch, changed: Tensor, added: Tensor, painted: Tensor) -> tuple[Tensor, Tensor]:
    """Which rows ``[N]`` bool lie at the mirror image of changed ones, and what is added to their colours."""
    nothing = torch.zeros(len(branch), dtype=torch.bool), torch.zeros_like(added)
    if not changed.any():
        return nothing
    image = branch.means[changed] * torch.tensor([-1.0, 1.0, 1.0])
    k = min(NEIGHBOURS, len(image))
    distance, near = KDTree(image.numpy()).query(branch.means.numpy(), k)
    distance, near = distance.reshape(-1, k), near.reshape(-1, k)
    found = torch.from_numpy(distance[:, 0] < REACH) & _unpainted(branch.means, painted)
    weight = torch.from_numpy(1 / (distance + 1e-4)).float()
    weight = weight / weight.sum(1, keepdim=True)
    return found, torch.einsum("nk,nkij->nij", weight, added[changed][torch.from_numpy(near)])


def _reflected(whole: Fresh, new: Fresh, painted: Tensor, *, stiff: bool) -> Fresh:
    """New ones at the mirror image of ``new``, moving with what of the ``whole`` branch they sit on there."""
    means = new.rows.means * torch.tensor([-1.0, 1.0, 1.0])
    chosen = _unpainted(means, painted) if len(means) else torch.zeros(0, dtype=torch.bool)
    if not chosen.any():
        return new[torch.zeros(0, dtype=torch.int64)]
    every = torch.arange(len(whole))
    moving = carried_by(whole, whole.rows.means, means[chosen], every, stiff=stiff)
    turned = new.rows.quats[chosen] * torch.tensor([1.0, 1.0, -1.0, -1.0])
    same = {n: getattr(new.rows, n)[chosen] for n in ("log_scales", "logit_opacities", "sh0")}
    return replace(moving, rows=replace(moving.rows, means=means[chosen], quats=turned, **same))


def _unpainted(points: Tensor, painted: Tensor) -> Tensor:
    """``[P]`` bool, points that nothing painted lies near."""
    return torch.from_numpy(np.asarray(KDTree(painted.numpy()).query(points.numpy())[0]) > PAINTED)
