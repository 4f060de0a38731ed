"""Gaussians beside each other move alike: what training adds to the tracked motion is drawn to its neighbours' mean.

A few turned frames can be explained by every Gaussian moving for itself with the face's code as well as by surfaces at
their true depth; only the latter holds at poses and faces that were not trained on.
"""

from __future__ import annotations

import torch
from torch import Tensor

NEIGHBOURS = 8
"""Nearest Gaussians that one is compared with."""
LIKE = 1e-3
"""Metres a unit by which tracked motions may differ and still be of one piece of skin: lips that part are two."""


def neighbours_of(means: Tensor, anchor: Tensor) -> tuple[Tensor, Tensor]:
    """Indices ``[N, k]`` of each Gaussian's nearest ones and their weights ``[N, k]``, sum 1.

    Args:
        means: ``[N, 3]`` canonical centres, metres.
        anchor: ``[N, 3, J]`` tracked offset basis, metres a unit.
    """
    from scipy.spatial import KDTree

    device, means, anchor = means.device, means.cpu(), anchor.cpu()
    points = means.double().numpy()
    count = min(NEIGHBOURS + 1, len(points))
    rows = torch.from_numpy(KDTree(points).query(points, k=count)[1]).reshape(len(points), -1)[:, 1:]
    if not rows.shape[1]:
        return torch.arange(len(points), device=device)[:, None], torch.ones(len(points), 1, device=device)
    flat = anchor.flatten(1)
    apart = torch.stack([(flat[rows[:, k]] - flat).square().mean(1) for k in range(rows.shape[1])], dim=1)
    weights = torch.exp(-apart / (2 * LIKE**2)) + 1e-3
    return rows.to(device), (weights / weights.sum(1, keepdim=True)).to(device)


def drawn_to_neighbours(delta: Tensor, rows: Tensor, weights: Tensor, share: float) -> Tensor:
    """``delta [N, D]`` moved by ``share`` of the way to the weighted mean of the neighbours'."""
    mean = torch.zeros_like(delta)
    for k in range(rows.shape[1]):
        mean += weights[:, k, None] * delta[rows[:, k]]
    return torch.lerp(delta, mean, share)
