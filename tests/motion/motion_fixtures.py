"""Synthetic motions with known content."""

import torch

from gaussian_head.face import UNITS
from gaussian_head.motion import Motion, Pose
from gaussian_head.transforms import rotvec_to_quat

PRIVATE = 3
"""Numbers of a wandering motion's residual."""


def smooth_noise(T: int, D: int, seed: int, width: int = 15) -> torch.Tensor:
    noise = torch.randn(T + width, D, generator=torch.Generator().manual_seed(seed))
    return noise.unfold(0, width, 1).mean(-1)[:T] * width**0.5


def wandering(T: int, fps: float = 25.0, seed: int = 0, private: int = PRIVATE) -> Motion:
    """A head that wanders about a metre from the camera."""
    turn, shift = 0.05 * smooth_noise(T, 3, seed), 0.01 * smooth_noise(T, 3, seed + 1)
    centre = torch.tensor([0.0, 0.0, 1.0])
    return Motion(
        fps=fps,
        head=Pose(quats=rotvec_to_quat(turn), positions=shift + centre),
        torso=Pose(quats=rotvec_to_quat(0.2 * turn), positions=0.3 * shift + centre),
        units=0.5 + 0.1 * smooth_noise(T, len(UNITS), seed + 2, 5),
        gaze=0.1 * smooth_noise(T, 2, seed + 3, 5),
        residual=0.05 * smooth_noise(T, private, seed + 4, 5),
    )
