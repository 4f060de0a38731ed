"""New Gaussians where a picture shows more than recoloured ones can: they move with what they sit on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
import torch
from scipy.spatial import KDTree
from torch import Tensor

from ..gaussians import Gaussians
from ..head import Branch, Head
from ..motion import MotionFrame
from ..sh import rgb_to_sh
from ..transforms import quat_conjugate, quat_multiply, quat_normalize, quat_to_rotmat, rotmat_to_quat
from .fresh import Fresh

THICKNESS = 0.36
"""Standard deviation across the surface, in that along it."""
STEEPEST = 0.3
"""Least cosine between surface and line of sight with which Gaussians are lengthened along the slope."""
NEIGHBOURS, REACH = 160, 0.01
"""A new Gaussian moves like the mean of so many around it, over about so many metres; single ones are noisy."""
AT_ONCE = 1000
"""New Gaussians whose neighbours are in memory at a time."""
CLOSEST, MOVES_APART = 8, 0.004
"""Those nearest say how it moves; who moves otherwise by more metres per unit of the code than this hardly counts."""


@dataclass(frozen=True, kw_only=True)
class Seeds:
    """P new Gaussians, placed in the world at the moment of a picture."""

    points: Tensor
    """``[P, 3]`` metres."""
    normals: Tensor
    """``[P, 3]`` unit, towards the camera."""
    sight: Tensor
    """``[P, 3]`` unit, from the camera."""
    widths: Tensor
    """``[P]`` standard deviations across the line of sight, metres."""
    colours: Tensor
    """``[P, 3]`` RGB."""
    opacities: Tensor
    """``[P]`` in (0, 1)."""

    def __len__(self) -> int:
        return len(self.points)

    def gaussians(self) -> Gaussians:
        """As they stand in the world at that moment."""
        axes, scales = _shapes(self)
        return Gaussians(
            means=self.points,
            quats=rotmat_to_quat(axes),
            scales=scales,
            opacities=self.opacities,
            colors=rgb_to_sh(self.colours)[:, None],
        )

    @staticmethod
    def joined(parts: Sequence[Seeds]) -> Seeds:
        """Those of several, one after the other."""
        return Seeds(**{name: torch.cat([getattr(part, name) for part in parts]) for name in vars(parts[0])})


def seeded(head: Head, seeds: Seeds, moment: MotionFrame, visible: Tensor, *, stiff: bool) -> list[Fresh]:
    """For every branch of ``head`` the new rows that belong to it, perhaps none.

    A seed joins the branch of the visible Gaussian nearest to it, and moves like the mean of the nearest ones there;
    a ``stiff`` one follows the skull and no expression.

    Args:
        head: whose Gaussians are sat on.
        seeds: P of them.
        moment: at which they were placed.
        visible: ``[N]`` bool, Gaussians that the picture shows.
        stiff: things that do not bend: glasses, a hat, earrings.
    """
    placed = head.gaussians_at(moment)
    coefficients = head.coefficients_at(moment)
    owner = _owners(head, placed, seeds, visible, stiff=stiff)
    rows, start = [], 0
    for number, branch in enumerate(head.branches):
        mine = torch.from_numpy(owner == number)
        chosen = Seeds(**{name: value[mine] for name, value in vars(seeds).items()})
        shown = visible[start : start + len(branch)].nonzero()[:, 0]
        there = placed.means[start : start + len(branch)][shown]
        start += len(branch)
        around = Fresh.all_of(head, branch)
        if not len(chosen):
            rows.append(around[shown[:0]])
            continue
        sat_on = carried_by(around, there, chosen.points, shown, stiff=stiff)
        rows.append(replace(sat_on, rows=_unposed(sat_on.rows, chosen, coefficients, moment)))
    return rows


def carried_by(whole: Fresh, there: Tensor, points: Tensor, rows: Tensor, *, stiff: bool) -> Fresh:
    """New Gaussians that move as ``rows`` of a branch do whose places ``there`` are nearest to ``points [P, 3]``.

    Place, shape, colour and the vertices they hang on are those of the nearest one, place, shape and colour for the
    caller to replace.
    """
    near, weight = _nearest(there, points)
    near = rows[near]
    parts = zip(near.split(AT_ONCE), weight.split(AT_ONCE), strict=True)
    moving = reduce(Fresh.then, (_mean_of(whole, *part) for part in parts))
    return _stiffened(moving) if stiff else moving


def _owners(head: Head, placed: Gaussians, seeds: Seeds, visible: Tensor, *, stiff: bool) -> np.ndarray:
    """``[P]`` which branch each seed joins."""
    number = torch.cat([torch.full((len(b),), i) for i, b in enumerate(head.branches)])
    if stiff:
        names = [branch.name for branch in head.branches]
        return np.full(len(seeds), names.index("face"))
    tree = KDTree(placed.means[visible].numpy())
    return number[visible].numpy()[tree.query(seeds.points.numpy())[1]]


def _nearest(there: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Rows ``[P, k]`` of the nearest of ``there``, and their weights."""
    k = min(NEIGHBOURS, len(there))
    distance, near = KDTree(there.numpy()).query(points.numpy(), k)
    distance, near = distance.reshape(len(points), k), near.reshape(len(points), k)
    weight = np.exp(-0.5 * (np.square(distance) - np.square(distance[:, :1])) / REACH**2)
    weight /= weight.sum(1, keepdims=True)
    return torch.from_numpy(near), torch.from_numpy(weight).float()


def _mean_of(whole: Fresh, near: Tensor, weight: Tensor) -> Fresh:
    """Rows that move and shine as the weighted mean of rows ``near [P, k]`` does; shape and place follow later."""
    branch = whole.rows
    weight = weight * _alike(branch.basis, near, weight)
    weight = weight / weight.sum(1, keepdim=True)
    names = ("basis", "stretch", "shN", "head_weights", "opacity_basis")
    mean = {name: torch.einsum("pk,pk...->p...", weight, getattr(branch, name)[near]) for name in names}
    turn, grow = mean["stretch"].split(3, dim=1)
    mean["stretch"] = torch.cat([turn, grow[:, :2].mean(1, keepdim=True).expand(-1, 2, -1), 0 * grow[:, :1]], 1)
    first = whole[near[:, 0]]
    return replace(first, rows=replace(first.rows, **mean))


def _alike(basis: Tensor, near: Tensor, weight: Tensor) -> Tensor:
    """``[P, k]`` how much each of the ``near`` moves like the nearest few: those of the other lip do not."""
    around = basis[near].flatten(2)
    close = weight[:, :CLOSEST, None]
    first = (close * around[:, :CLOSEST]).sum(1) / close.sum(1)
    away = (around - first[:, None]).square().sum(2)
    usual = away.median(1, keepdim=True).values.clamp(max=MOVES_APART**2)
    return torch.exp(-away / (2 * usual).clamp(min=1e-12))


def _stiffened(fresh: Fresh) -> Fresh:
    rows = fresh.rows
    still = replace(
        rows,
        basis=torch.zeros_like(rows.basis),
        stretch=torch.zeros_like(rows.stretch),
        head_weights=torch.ones_like(rows.head_weights),
        opacity_basis=torch.zeros_like(rows.opacity_basis),
    )
    return replace(fresh, rows=still, weights=torch.zeros_like(fresh.weights))


def _unposed(rows: Branch, seeds: Seeds, coefficients: Tensor, moment: MotionFrame) -> Branch:
    """``rows`` with the canonical place and shape that ``deform`` takes to the seeds at the moment; its inverse."""
    asked, faded = coefficients[rows.uses], rows.opacity_basis @ coefficients[rows.opacity_uses]
    w = rows.head_weights[:, None]
    R, offset = (quat_to_rotmat(pose.quats) for pose in (moment.head, moment.torso)), w * moment.head.positions
    head_R, torso_R = R
    mixed = w[..., None] * head_R + (1 - w)[..., None] * torso_R
    offset = offset + (1 - w) * moment.torso.positions
    posed = torch.linalg.solve(mixed, (seeds.points - offset)[..., None])[..., 0]
    turn, grow = (rows.stretch.flatten(0, 1) @ asked).view(-1, 6).split(3, dim=1)
    spin = quat_normalize(torch.cat([torch.ones_like(turn[:, :1]), 0.5 * turn], 1))
    flip = torch.where((moment.head.quats * moment.torso.quats).sum() < 0, -1.0, 1.0)
    bone = quat_normalize(w * moment.head.quats + (1 - w) * flip * moment.torso.quats)
    axes, scales = _shapes(seeds)
    return replace(
        rows,
        means=posed - (rows.basis.flatten(0, 1) @ asked).view(-1, 3),
        quats=quat_multiply(quat_conjugate(quat_multiply(bone, spin)), rotmat_to_quat(axes)),
        log_scales=scales.log() - grow,
        logit_opacities=torch.logit(seeds.opacities) - faded,
        sh0=rgb_to_sh(seeds.colours)[:, None],
    )


def _shapes(seeds: Seeds) -> tuple[Tensor, Tensor]:
    """Rotations ``[P, 3, 3]``, first column along the slope and third the normal, and standard deviations."""
    cosine = -(seeds.normals * seeds.sight).sum(1, keepdim=True)
    slope = seeds.sight + cosine * seeds.normals
    x = torch.nn.functional.normalize(slope + 1e-5, dim=1)
    y = torch.nn.functional.normalize(torch.linalg.cross(seeds.normals, x), dim=1)
    x = torch.linalg.cross(y, seeds.normals)
    along = 1 / cosine.abs().clamp(min=STEEPEST)
    sizes = torch.cat([along, torch.ones_like(along), torch.full_like(along, THICKNESS)], 1)
    return torch.stack([x, y, seeds.normals], 2), sizes * seeds.widths[:, None]
