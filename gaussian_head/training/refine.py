"""What the learned pose corrections of the training frames say about frames that training never saw."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..motion import Motion
from ..transforms import quat_to_rotvec

RIDGES = (1e-2, 1e-1, 1.0, 10.0, 100.0)
FOLDS = 5


def extend_corrections(motion: Motion, corrections: Tensor, train_frames: Tensor) -> Tensor:
    """Corrections for every frame: as learned on training frames, predicted from pose and expression elsewhere.

    A tracker errs systematically (a turned head, an open mouth) and at random. The systematic part is fitted by ridge
    regression, its strength chosen by cross-validation over blocks of time; where nothing is predictable the
    prediction is zero. The random part of unseen frames stays.

    Args:
        motion: T frames as tracked.
        corrections: ``[T, 12]`` learned, meaningful on ``train_frames`` only.
        train_frames: ``[M]`` int64.

    Returns:
        ``[T, 12]``.
    """
    features = _features(motion, train_frames)
    x, y = features[train_frames], corrections[train_frames].double()
    blocks = torch.arange(len(train_frames)) * FOLDS // max(len(train_frames), 1)
    scores = torch.stack([_explained(x, y, blocks, ridge) for ridge in RIDGES])
    best = scores.argmax(0)
    predicted = torch.stack([_ridge(x, y, ridge)(features) for ridge in RIDGES])
    chosen = predicted.gather(0, best.expand(len(motion), -1)[None])[0]
    result = torch.where(scores.max(0).values > 0, chosen, torch.zeros_like(chosen))
    result[train_frames] = y
    return result.float()


def apply_corrections(motion: Motion, corrections: Tensor) -> Motion:
    """Turn and move head and torso of every frame by ``[T, 12]``: two rotation vectors and translations."""
    return replace(
        motion,
        head=motion.head.moved(corrections[:, 0:6]),
        torso=motion.torso.moved(corrections[:, 6:12]),
    )


def _features(motion: Motion, train_frames: Tensor) -> Tensor:
    columns = [
        quat_to_rotvec(motion.head.quats),
        motion.head.positions,
        quat_to_rotvec(motion.torso.quats),
        motion.torso.positions,
        motion.expression,
    ]
    x = torch.cat(columns, dim=1).double()
    mean, std = x[train_frames].mean(0), x[train_frames].std(0)
    x = torch.where(std > 1e-9, (x - mean) / std.clamp(min=1e-9), 0).clamp(-3, 3)
    return torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], dim=1)


def _ridge(x: Tensor, y: Tensor, ridge: float):
    penalty = ridge * len(x) / 10 * torch.eye(x.shape[1], dtype=x.dtype)
    penalty[-1, -1] = 1e-6
    weights = torch.linalg.solve(x.T @ x + penalty, x.T @ y)
    return lambda features: features @ weights


def _explained(x: Tensor, y: Tensor, blocks: Tensor, ridge: float) -> Tensor:
    """Cross-validated share of the mean square that the prediction removes, per column ``[12]``."""
    error = torch.zeros_like(y)
    for block in range(FOLDS):
        inside = blocks == block
        if inside.any() and (~inside).any():
            error[inside] = y[inside] - _ridge(x[~inside], y[~inside], ridge)(x[inside])
    return 1 - (error**2).mean(0) / (y**2).mean(0).clamp(min=1e-20)
