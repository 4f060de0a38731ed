"""Growing and pruning of Gaussians as pure functions: tensors in, row indices and tensors out.

Source: Kerbl et al., "3D Gaussian Splatting" (2023), section 5.2, with a budget in place of a fixed
gradient threshold (Rota Bulo et al., "Revising Densification in Gaussian Splatting", 2024).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..transforms import quat_normalize, quat_rotate


@dataclass(frozen=True, kw_only=True)
class Growth:
    """Which rows stay, and which rows are written twice."""

    keep: Tensor
    """``[M]`` rows that stay, ascending."""
    copy: Tensor
    """``[P]`` rows among the old ones to duplicate at the end."""


def choose_growth(mean_gradient: Tensor, opacities: Tensor, *, share: float, room: int, min_opacity: float) -> Growth:
    """Drop transparent Gaussians and duplicate those whose screen position pulls hardest.

    Args:
        mean_gradient: ``[N]`` mean length of the screen-space gradient since the last call.
        opacities: ``[N]`` in [0, 1].
        share: at most this share of N is duplicated.
        room: at most so many are added after the pruned ones are gone.
        min_opacity: rows below it are dropped.
    """
    alive = opacities >= min_opacity
    count = min(int(share * len(opacities)), max(room + int((~alive).sum()), 0))
    score = torch.where(alive, mean_gradient, torch.zeros_like(mean_gradient))
    count = min(count, int((score > 0).sum()))
    hardest = score.sort(descending=True, stable=True).indices[:count]
    return Growth(keep=alive.nonzero()[:, 0], copy=hardest.sort().values)


def split_growth(growth: Growth, sizes: list[int]) -> list[Growth]:
    """The same choice for consecutive blocks of rows, numbered from each block's start."""
    parts, start = [], 0
    for size in sizes:
        inside = [rows[(rows >= start) & (rows < start + size)] - start for rows in (growth.keep, growth.copy)]
        parts.append(Growth(keep=inside[0], copy=inside[1]))
        start += size
    return parts


def split_rows(
    means: Tensor, quats: Tensor, log_scales: Tensor, logit_opacities: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Two children for each of P parents, drawn inside it, smaller and together about as opaque.

    Returns:
        means ``[2, P, 3]``; log_scales ``[P, 3]`` and logit_opacities ``[P]``, shared by both.
    """
    noise = torch.randn(means.shape, generator=generator).to(means.device) * 0.7  # the same on every device
    offset = quat_rotate(quat_normalize(quats), noise * log_scales.exp())
    opacity = 1 - (1 - torch.sigmoid(logit_opacities)).clamp(min=1e-6).sqrt()
    return (
        torch.stack([means + offset, means - offset]),
        log_scales - torch.log(torch.tensor(1.4)),
        torch.logit(opacity.clamp(0.01, 0.99)),
    )
