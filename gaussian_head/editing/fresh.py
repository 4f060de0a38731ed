"""New Gaussians of one branch, and what of the parametric head they hang on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..head import Branch, Head
from ..head.anchors import Hung
from ..head.branch import PER_GAUSSIAN


@dataclass(frozen=True, kw_only=True)
class Fresh:
    """P Gaussians, or all of a branch, that move by the inner code and, beyond it, with W vertices."""

    rows: Branch
    """P Gaussians."""
    corners: Tensor
    """``[P, W]`` int64, vertices; no columns where nothing of the branch hangs on any."""
    weights: Tensor
    """``[P, W]``, 0 of those that hang on nothing."""

    def __len__(self) -> int:
        return len(self.rows)

    @staticmethod
    def all_of(head: Head, branch: Branch) -> Fresh:
        """Every Gaussian of a branch of ``head``."""
        hung = None if head.anchors is None else head.anchors.branches.get(branch.name)
        if hung is None:
            nothing = torch.zeros(len(branch), 0)
            return Fresh(rows=branch, corners=nothing.long(), weights=nothing)
        corners, weights = hung.of_all(len(branch))
        return Fresh(rows=branch, corners=corners, weights=weights)

    def __getitem__(self, chosen: Tensor) -> Fresh:
        """Some of them, by number or by a mask ``[P]``."""
        rows = replace(self.rows, **{name: getattr(self.rows, name)[chosen] for name in PER_GAUSSIAN})
        return Fresh(rows=rows, corners=self.corners[chosen], weights=self.weights[chosen])

    def then(self, other: Fresh) -> Fresh:
        """These, then others of the same branch."""
        rows = {n: torch.cat([getattr(self.rows, n), getattr(other.rows, n)]) for n in PER_GAUSSIAN}
        return Fresh(
            rows=replace(self.rows, **rows),
            corners=torch.cat([self.corners, other.corners]),
            weights=torch.cat([self.weights, other.weights]),
        )

    def hung(self) -> Hung:
        """What of them hangs on vertices."""
        return Hung.of(self.corners, self.weights)
