"""Similarities: what a single camera cannot know about a subject's size and place."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .checks import InputError


@dataclass(frozen=True, kw_only=True)
class Similarity:
    """``x -> scale * rotation @ x + translation``."""

    scale: float
    """Factor on lengths."""
    rotation: Tensor
    """``[3, 3]``."""
    translation: Tensor
    """``[3]``."""

    def apply(self, points: Tensor) -> Tensor:
        """Map points ``[..., 3]``."""
        return self.scale * points @ self.rotation.T + self.translation


def fit_similarity(source: Tensor, target: Tensor) -> Similarity:
    """Least-squares similarity from points ``[P, 3]`` to their partners ``[P, 3]``.

    Source: Umeyama, "Least-squares estimation of transformation parameters between two point patterns" (1991).

    Raises:
        InputError: Fewer than three points, or shapes that differ.
    """
    if source.shape != target.shape or source.ndim != 2 or source.shape[1] != 3 or len(source) < 3:
        raise InputError(
            f"a similarity needs two equal lists of 3 or more points; {tuple(source.shape)} and "
            f"{tuple(target.shape)} came."
        )
    a, b = source.double(), target.double()
    mean_a, mean_b = a.mean(0), b.mean(0)
    a, b = a - mean_a, b - mean_b
    U, S, Vt = torch.linalg.svd(b.T @ a / len(a))
    flip = torch.ones(3, dtype=torch.float64)
    flip[2] = torch.sign(torch.linalg.det(U) * torch.linalg.det(Vt))
    rotation = U @ torch.diag(flip) @ Vt
    scale = float((S * flip).sum() / a.square().sum(1).mean())
    return Similarity(
        scale=scale,
        rotation=rotation.to(source.dtype),
        translation=(mean_b - scale * rotation @ mean_a).to(source.dtype),
    )
