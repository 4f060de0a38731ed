"""What a head's own inner code cannot say: units beyond what its clip showed, as the parametric head moves in them.

Every Gaussian hangs on a few vertices of the parametric head that was laid on the tracked face. Up to ``reach`` a unit
is the inner code's, as trained; what is asked beyond that moves the vertices, and they take their Gaussians along.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from ..checks import InputError, require_shapes
from ..face import UNITS
from ..transforms import quat_multiply, quat_normalize, quat_to_rotmat
from .branch import Branch

MOST = 1.2
"""Largest weight of a unit that is followed."""
MOST_STRETCH = 0.6
"""Radians that a Gaussian turns, and change of a log-scale, at most."""
JAW, CLOSE, TONGUE = (UNITS.index(name) for name in ("jawOpen", "mouthClose", "tongueOut"))
TONGUE_PER_JAW = 3.0
"""How far a tongue comes out of a mouth, next to how far the jaw is open: it goes through no lips."""


@dataclass(frozen=True, kw_only=True)
class Hung:
    """The Gaussians of one branch that hang on vertices: H of them, each on W vertices."""

    rows: Tensor
    """``[H]`` int64, which Gaussians of the branch."""
    corners: Tensor
    """``[H, W]`` int64, vertices."""
    weights: Tensor
    """``[H, W]``; their sum is 1, or less where a Gaussian only half follows the head."""

    @staticmethod
    def of(corners: Tensor, weights: Tensor) -> Hung:
        """What hangs on vertices, of all N Gaussians of a branch: ``[N, W]`` both, weights 0 of what does not."""
        rows = weights.any(1).nonzero()[:, 0]
        return Hung(rows=rows, corners=corners[rows], weights=weights[rows])

    def of_all(self, count: int) -> tuple[Tensor, Tensor]:
        """Corners and weights ``[count, W]`` of all Gaussians of the branch, 0 of those that hang on nothing."""
        corners, weights = (t.new_zeros(count, t.shape[1]) for t in (self.corners, self.weights))
        return corners.index_copy(0, self.rows, self.corners), weights.index_copy(0, self.rows, self.weights)


@dataclass(frozen=True, kw_only=True)
class Anchors:
    """V vertices that move with the 52 units, and what hangs on them.

    Raises:
        InputError: tensors whose shapes do not belong together.
    """

    reach: Tensor
    """``[52]`` weight of each unit up to which the inner code says it."""
    offsets: Tensor
    """``[52, V, 3]`` metres per unit in the head frame."""
    slopes: Tensor
    """``[52, V, 3, 3]`` spatial derivative of that, of the surface and its normal."""
    branches: dict[str, Hung]
    """By the name of the branch."""

    def __post_init__(self) -> None:
        V = self.offsets.shape[1] if self.offsets.ndim > 1 else 0
        wanted: dict[str, tuple[int | None, ...]] = {"reach": (len(UNITS),)}
        wanted |= {"offsets": (len(UNITS), V, 3), "slopes": (len(UNITS), V, 3, 3)}
        require_shapes(vars(self), wanted, "the anchors")
        for name, hung in self.branches.items():
            H, W = hung.corners.shape if hung.corners.ndim == 2 else (0, 0)
            require_shapes(vars(hung), {"rows": (H,), "corners": (H, W), "weights": (H, W)}, f"anchors of {name!r}")
            if hung.corners.numel() and not 0 <= int(hung.corners.min()) <= int(hung.corners.max()) < V:
                raise InputError(f"anchors of {name!r} hang on vertices beyond the {V} there are.")

    def within(self, units: Tensor) -> Tensor:
        """What the inner code is asked for, of units ``[..., 52]``."""
        return torch.minimum(units, self.reach)

    def beyond(self, units: Tensor) -> Tensor:
        """What the vertices are asked for, of units ``[..., 52]``.

        Lips close over an open jaw only, and a tongue comes out of an open mouth only.
        """
        asked = units.clamp(max=MOST).clone()
        asked[..., CLOSE] = torch.minimum(asked[..., CLOSE], asked[..., JAW])
        asked[..., TONGUE] = torch.minimum(asked[..., TONGUE], TONGUE_PER_JAW * asked[..., JAW])
        return torch.where(self._follows, asked - self.reach, 0).clamp(min=0)

    def moved(self, branches: Sequence[Branch], units: Tensor) -> tuple[Branch, ...]:
        """``branches`` as units ``[52]`` leave them before the inner code moves them; the same where none is beyond."""
        beyond = self.beyond(units)
        if not bool(beyond.any()):
            return tuple(branches)
        motion = (beyond @ self._table).view(-1, 12)
        return tuple(self._moved(branch, motion) if branch.name in self.branches else branch for branch in branches)

    def columns(self, branch: Branch, unit: int) -> tuple[Tensor, Tensor]:
        """What one unit adds to the offset basis ``[N, 3]`` and the stretch ``[N, 6]`` of ``branch``, per weight."""
        basis, stretch = branch.means.new_zeros(len(branch), 3), branch.means.new_zeros(len(branch), 6)
        if (hung := self.branches.get(branch.name)) is not None:
            motion = torch.cat([self.offsets[unit], self.slopes[unit].flatten(1)], 1)
            basis[hung.rows], stretch[hung.rows] = _carried(hung, branch, motion)
        return basis, stretch

    def to(self, device: torch.device) -> Anchors:
        """The same in a device's memory."""
        return Anchors.from_tensors({name: t.to(device) for name, t in self.tensors().items()}, tuple(self.branches))

    def tensors(self) -> dict[str, Tensor]:
        """Its numbers by name; ``from_tensors`` takes them back."""
        tensors = {name: getattr(self, name) for name in ("reach", "offsets", "slopes")}
        for branch, hung in self.branches.items():
            tensors |= {f"{branch}.{name}": value for name, value in vars(hung).items()}
        return tensors

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor], branches: Sequence[str]) -> Anchors:
        """What ``tensors`` gave, of the named branches; InputError where numbers do not belong together."""
        hung = {
            branch: Hung(**{name: tensors[f"{branch}.{name}"] for name in ("rows", "corners", "weights")})
            for branch in branches
        }
        return Anchors(**{name: tensors[name] for name in ("reach", "offsets", "slopes")}, branches=hung)

    @cached_property
    def _follows(self) -> Tensor:
        """``[52]`` bool, units that move any vertex."""
        return self.offsets.flatten(1).any(1)

    @cached_property
    def _table(self) -> Tensor:
        """``[52, 12 V]``, offset and slope of one vertex side by side."""
        return torch.cat([self.offsets, self.slopes.flatten(2)], 2).flatten(1)

    def _moved(self, branch: Branch, motion: Tensor) -> Branch:
        hung = self.branches[branch.name]
        offset, stretch = _carried(hung, branch, motion)
        turn, grow = stretch.split(3, dim=1)
        spin = torch.cat([torch.ones_like(turn[:, :1]), 0.5 * turn], dim=1)
        turned = quat_multiply(spin, quat_normalize(branch.quats[hung.rows]))
        return replace(
            branch,
            means=branch.means.index_add(0, hung.rows, offset),
            quats=branch.quats.index_copy(0, hung.rows, turned),
            log_scales=branch.log_scales.index_add(0, hung.rows, grow),
        )


def _carried(hung: Hung, branch: Branch, motion: Tensor) -> tuple[Tensor, Tensor]:
    """Offsets ``[H, 3]`` and stretch ``[H, 6]`` of what hangs on vertices whose ``motion [V, 12]`` is given."""
    carried = embedding_bag(hung.corners, motion, per_sample_weights=hung.weights, mode="sum")
    offset, slope = carried[:, :3], carried[:, 3:].view(-1, 3, 3)
    turn = 0.5 * torch.stack(
        [slope[:, 2, 1] - slope[:, 1, 2], slope[:, 0, 2] - slope[:, 2, 0], slope[:, 1, 0] - slope[:, 0, 1]], 1
    )
    axes = quat_to_rotmat(quat_normalize(branch.quats[hung.rows]))
    grow = (axes * (slope @ axes)).sum(1)
    return offset, torch.cat([turn, grow], 1).clamp(-MOST_STRETCH, MOST_STRETCH)
