"""What of the lip channels goes with the head's pose: a tracked face leans a little as the head turns.

Sound knows nothing of it. The share is a linear map from the pose, fitted on training frames and used for the residual
lip channels that it predicts in blocks of time it was not fitted to; jaw and width of the lips belong to speech.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..ridge import explained_in_blocks, ridge
from ..transforms import quat_to_rotvec
from ._types import Motion

PENALTY = 0.01
"""Of the regression, for each frame."""
FOLDS = 5
LEAST_EXPLAINED = 0.1
"""Share of a channel's variance that must be explained in blocks left out."""
FARTHEST = 2.5
"""Standard deviations of the training poses beyond which nothing more is added."""


@dataclass(frozen=True, kw_only=True)
class PoseShare:
    """A linear map from head pose to expression channels."""

    mean: Tensor
    """``[6]`` of rotation vector and position while training."""
    scale: Tensor
    """``[6]`` standard deviations."""
    weights: Tensor
    """``[6, K]``; zero for channels that pose does not explain."""

    def of(self, motion: Motion) -> Tensor:
        """Share ``[T, K]`` of the expression that goes with the poses of ``motion``."""
        pose = ((_pose(motion) - self.mean) / self.scale).clamp(-FARTHEST, FARTHEST)
        return pose @ self.weights

    def added_to(self, motion: Motion, weight: Tensor | None = None) -> Motion:
        """``motion`` with the share of its poses, where given times ``weight [T]``, added to the expression."""
        share = self.of(motion) if weight is None else weight[:, None] * self.of(motion)
        return replace(motion, expression=motion.expression + share)


def fit_pose_share(motion: Motion, frames: Tensor, private: str = "lip_") -> PoseShare:
    """Fit the map of the private channels whose names begin with ``private`` on frames ``[n]`` of a motion."""
    pose = _pose(motion)[frames]
    mean, scale = pose.mean(0), pose.std(0).clamp(min=1e-6)
    x = ((pose - mean) / scale).clamp(-FARTHEST, FARTHEST).double()
    y = motion.expression[frames].double()
    y = y - y.mean(0)
    asked = torch.tensor([name.startswith(private) for name in motion.channels])
    asked &= torch.tensor([name in motion.private_channels for name in motion.channels])
    useful = asked & (explained_in_blocks(x, y, PENALTY, FOLDS) > LEAST_EXPLAINED)
    return PoseShare(mean=mean, scale=scale, weights=(ridge(x, y, PENALTY) * useful).float())


def _pose(motion: Motion) -> Tensor:
    return torch.cat([quat_to_rotvec(motion.head.quats), motion.head.positions], dim=1).float()
