"""What an edit does to a head, apart from the head: other colours of some Gaussians, some gone, some new."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..head import Head
from .fresh import Fresh

FAINTEST = 1e-4
"""Least opacity that is written."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """An edit of a head of N Gaussians."""

    rows: Tensor
    """``[N]`` bool, whose colours change."""
    sh0: Tensor
    """``[N, 1, 3]`` what they become; read on ``rows`` alone."""
    gone: Tensor
    """``[N]`` bool, those that vanish."""
    fresh: tuple[Fresh, ...]
    """New ones of every branch."""

    @staticmethod
    def none(head: Head) -> Change:
        """The edit that leaves ``head`` as it is."""
        nothing = torch.zeros(len(head), dtype=torch.bool)
        empty = torch.zeros(0, dtype=torch.int64)
        fresh = tuple(Fresh.all_of(head, branch)[empty] for branch in head.branches)
        return Change(
            rows=nothing, sh0=torch.cat([branch.sh0 for branch in head.branches]), gone=nothing.clone(), fresh=fresh
        )

    def applied(self, head: Head, strength: float = 1.0) -> Head:
        """``head`` with this edit; at a ``strength`` below 1 what vanishes is left as faint as that says.

        What the edit does not touch keeps every bit. The rows of a branch keep their order, new ones follow them.
        """
        wholes, start = [], 0
        for old, fresh in zip(head.branches, self.fresh, strict=True):
            own = slice(start, start + len(old))
            start = own.stop
            rows, gone = self.rows[own, None, None], self.gone[own]
            faint = torch.logit((torch.sigmoid(old.logit_opacities) * (1 - strength)).clamp(min=FAINTEST))
            kept = replace(
                old,
                sh0=torch.where(rows, self.sh0[own], old.sh0),
                logit_opacities=torch.where(gone, faint, old.logit_opacities),
                opacity_basis=torch.where(gone[:, None], 0.0, old.opacity_basis),
            )
            whole = replace(Fresh.all_of(head, old), rows=kept)
            wholes.append(whole[~gone | (strength < 1)].then(fresh))
        edited = head.with_branches(tuple(whole.rows for whole in wholes))
        if head.anchors is None:
            return edited
        hung = {whole.rows.name: whole.hung() for whole in wholes if whole.rows.name in head.anchors.branches}
        return replace(edited, anchors=replace(head.anchors, branches=hung))

    def repainted(self, head: Head, added: Tensor, free: Tensor) -> Change:
        """This edit with ``added [M, 1, 3]`` to the colours of the rows ``free [M]`` bool of what ``applied`` gives."""
        rows, sh0, fresh = self.rows.clone(), self.sh0.clone(), []
        start, at = 0, 0
        for old, new in zip(head.branches, self.fresh, strict=True):
            own = slice(start, start + len(old))
            kept = (~self.gone[own]).nonzero()[:, 0]
            here = slice(at, at + len(kept))
            chosen = kept[free[here]] + own.start
            rows[chosen] = True
            sh0[chosen] += added[here][free[here]]
            there = slice(here.stop, here.stop + len(new))
            recoloured = replace(new.rows, sh0=new.rows.sh0 + added[there] * free[there, None, None])
            fresh.append(replace(new, rows=recoloured))
            start, at = own.stop, there.stop
        return replace(self, rows=rows, sh0=sh0, fresh=tuple(fresh))

    def owned(self, head: Head) -> tuple[Tensor, Tensor]:
        """Of what ``applied`` gives, ``[M]`` bool: rows whose colours this edit changed, and new rows."""
        changed, new, start = [], [], 0
        for old, fresh in zip(head.branches, self.fresh, strict=True):
            own = slice(start, start + len(old))
            kept = self.rows[own][~self.gone[own]]
            changed += [kept, torch.zeros(len(fresh), dtype=torch.bool)]
            new += [torch.zeros(len(kept), dtype=torch.bool), torch.ones(len(fresh), dtype=torch.bool)]
            start = own.stop
        return torch.cat(changed), torch.cat(new)
