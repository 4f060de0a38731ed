"""What of a tracked face's residual goes with the head's pose: it leans a little as the head turns.

The share is a linear map from the pose, fitted on training frames and used for the numbers of the residual that it
predicts in blocks of time it was not fitted to.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..ridge import explained_in_blocks, ridge
from ..transforms import quat_to_rotvec
from ._types import Motion

PENALTY = 0.01
"""Of the regression, for each frame."""
FOLDS = 5
LEAST_EXPLAINED = 0.1
"""Share of a number's variance that must be explained in blocks left out."""
FARTHEST = 2.5
"""Standard deviations of the training poses beyond which nothing more is added."""


@dataclass(frozen=True, kw_only=True)
class PoseShare:
    """A linear map from head pose to the residual."""

    mean: Tensor
    """``[6]`` of rotation vector and position while training."""
    scale: Tensor
    """``[6]`` standard deviations."""
    weights: Tensor
    """``[6, R]``; zero for numbers that pose does not explain."""

    def of(self, motion: Motion) -> Tensor:
        """Share ``[T, R]`` of the residual that goes with the poses of ``motion``."""
        pose = ((_pose(motion) - self.mean) / self.scale).clamp(-FARTHEST, FARTHEST)
        return pose @ self.weights


def fit_pose_share(motion: Motion, frames: Tensor, asked: Tensor) -> PoseShare:
    """Fit the map of ``asked [R]`` (bool) numbers of the residual on frames ``[n]`` of a motion."""
    pose = _pose(motion)[frames]
    mean, scale = pose.mean(0), pose.std(0).clamp(min=1e-6)
    x = ((pose - mean) / scale).clamp(-FARTHEST, FARTHEST).double()
    y = motion.residual[frames].double()
    y = y - y.mean(0)
    useful = asked & (explained_in_blocks(x, y, PENALTY, FOLDS) > LEAST_EXPLAINED)
    return PoseShare(mean=mean, scale=scale, weights=(ridge(x, y, PENALTY) * useful).float())


def _pose(motion: Motion) -> Tensor:
    return torch.cat([quat_to_rotvec(motion.head.quats), motion.head.positions], dim=1).float()
