"""How well told lips fit recorded ones: agreement, liveliness, closures, silence."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .mouth import GAP, JAW_OPEN, WIDTH, lip_measures

SILENT, SPEAKING = 0.1, 0.5
"""Activity below which nobody speaks, above which somebody does."""
AROUND = 5
"""Frames on either side in which nobody may speak where the mouth is wanted shut."""
SHUT = 0.15
"""Share of the way from the closed to the widest mouth up to which lips count as shut."""
WIDEST = 0.95
"""Quantile of the gap that stands for the widest mouth."""
NEAR = 2
"""Frames by which two closures may be apart and still be the same."""
STILL_SPREAD = 1e-6


@dataclass(frozen=True, kw_only=True)
class LipScores:
    """Told against recorded lips of one recording."""

    jaw: float
    """Correlation of jawOpen."""
    width: float
    """Correlation of the distance between the corners of the mouth."""
    stretch: float
    """Correlation of smile + stretch - pucker, units that do nearly the same to a face and so trade places: with the
    width seen in the pictures it agrees by .54 in the mean of 33 recordings, the distance of the corners by .94."""
    gap: float
    """Correlation of the gap between the lips."""
    liveliness: float
    """Standard deviation of the gap, told over recorded."""
    closures: float
    """F1 of moments at which the lips meet while somebody speaks, within NEAR frames."""
    shut: float
    """Share of the frames in silence, AROUND frames from speech, with the lips shut; NaN where there are none."""


def scores(told: Tensor, recorded: Tensor, activity: Tensor, closed: Tensor, told_closed: Tensor) -> LipScores:
    """Compare.

    Args:
        told: ``[T, M]`` units.
        recorded: ``[T, M]`` units.
        activity: ``[T]`` probability of speech.
        closed: ``[M]`` the closed mouth of the recording.
        told_closed: ``[M]`` that of ``told``.
    """
    measures = lip_measures()
    ours, theirs = told @ measures, recorded @ measures
    gaps = [_opening(told, told_closed), _opening(recorded, closed)]
    near = torch.nn.functional.max_pool1d(activity[None, None], 2 * AROUND + 1, 1, AROUND)[0, 0]
    speaking, silent = activity > SPEAKING, near < SILENT
    return LipScores(
        jaw=correlation(told[:, JAW_OPEN], recorded[:, JAW_OPEN]),
        width=correlation(ours[:, WIDTH], theirs[:, WIDTH]),
        stretch=correlation(ours[:, 0], theirs[:, 0]),
        gap=correlation(ours[:, GAP], theirs[:, GAP]),
        liveliness=float(ours[:, GAP].std() / theirs[:, GAP].std().clamp(min=STILL_SPREAD)),
        closures=agreement(*(meetings((gap < SHUT) & speaking) for gap in gaps)),
        shut=float((gaps[0][silent] < SHUT).float().mean()),
    )


def correlation(a: Tensor, b: Tensor) -> float:
    """Pearson's, 0 where one of them ``[T]`` does not move."""
    a, b = a - a.mean(), b - b.mean()
    size = a.norm() * b.norm()
    return float(a @ b / size) if size > STILL_SPREAD else 0.0


def _opening(units: Tensor, closed: Tensor) -> Tensor:
    """``[T]`` 0 for the closed mouth, 1 for the widest."""
    gap = (units - closed) @ lip_measures()[:, GAP]
    return gap / gap.quantile(WIDEST).clamp(min=STILL_SPREAD)


def meetings(shut: Tensor) -> Tensor:
    """Middle frames ``[n]`` of the runs in which lips are ``shut [T]`` (bool)."""
    edge = torch.diff(shut.int(), prepend=torch.zeros(1, dtype=torch.int), append=torch.zeros(1, dtype=torch.int))
    return ((edge == 1).nonzero()[:, 0] + (edge == -1).nonzero()[:, 0] - 1) / 2


def agreement(a: Tensor, b: Tensor) -> float:
    """F1 of two lists of moments; 1 where both are empty."""
    if not len(a) or not len(b):
        return float(len(a) == len(b))
    near = (a[:, None] - b).abs() <= NEAR
    precision, recall = near.any(1).float().mean(), near.any(0).float().mean()
    return float(2 * precision * recall / (precision + recall).clamp(min=STILL_SPREAD))
