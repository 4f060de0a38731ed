"""What the learned pose corrections of the training frames say about frames that training never saw."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..motion import Motion
from ..ridge import explained_in_blocks, ridge
from ..transforms import quat_to_rotvec

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Of the regression, for each frame; the best for each column is taken."""
FOLDS = 5


def extend_corrections(motion: Motion, code: Tensor, corrections: Tensor, train_frames: Tensor) -> Tensor:
    """Corrections for every frame: as learned on training frames, predicted from pose and face elsewhere.

    A tracker errs systematically (a turned head, an open mouth) and at random. The systematic part is fitted by ridge
    regression, its strength chosen by cross-validation over blocks of time; where nothing is predictable the
    prediction is zero. The random part of unseen frames stays.

    Args:
        motion: T frames as tracked.
        code: ``[T, K]`` their inner code.
        corrections: ``[T, 12]`` learned, meaningful on ``train_frames`` only.
        train_frames: ``[M]`` int64.

    Returns:
        ``[T, 12]``.
    """
    features = _features(motion, code, train_frames)
    x, y = features[train_frames], corrections[train_frames].double()
    begins = [-(-len(x) * fold // FOLDS) for fold in range(1, FOLDS)]
    of_inputs = torch.ones(x.shape[1], dtype=x.dtype)
    of_inputs[-1] = 1e-8  # the constant is free
    scores = torch.stack([explained_in_blocks(x, y, penalty * of_inputs, begins) for penalty in PENALTIES])
    best = scores.argmax(0)
    predicted = torch.stack([features @ ridge(x, y, penalty * of_inputs) for penalty in PENALTIES])
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


def _features(motion: Motion, code: Tensor, train_frames: Tensor) -> Tensor:
    columns = [
        quat_to_rotvec(motion.head.quats),
        motion.head.positions,
        quat_to_rotvec(motion.torso.quats),
        motion.torso.positions,
        code,
    ]
    x = torch.cat(columns, dim=1).double()
    mean, std = x[train_frames].mean(0), x[train_frames].std(0)
    x = torch.where(std > 1e-9, (x - mean) / std.clamp(min=1e-9), 0).clamp(-3, 3)
    return torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], dim=1)
