"""A landmark net nods less than the head before it: its landmarks are nodded as far as the head was.

Turns to the side it tells truly, nods by two thirds on made-up people, whose nods are known, and by three quarters of
what their features ask on people who are filmed. A pose that should explain both turns too little, and all that turns
are to tell the depth of lies too deep.
"""

from __future__ import annotations

import numpy as np
import torch

from ..transforms import mean_rotation, quat_to_rotmat, quat_to_rotvec, rotmat_to_quat, rotvec_to_quat
from .initial import normalise

NOD = 1.35
"""Radians that a head nods for one that landmarks nod."""


def nodded(landmarks: np.ndarray, fit: np.ndarray, nod: float = NOD) -> np.ndarray:
    """Landmarks ``[T, 478, 3]`` (pixels, z in the same unit), nodded ``nod`` times as far about the face's middle.

    Args:
        landmarks: as the net tells them, gaps filled.
        fit: frames whose mean face is nodded, about their mean pose.
        nod: 1 leaves landmarks as they are.
    """
    told = normalise(landmarks, fit)
    rotations = torch.from_numpy(told.rotations)
    rest = mean_rotation(rotations[torch.from_numpy(fit)])
    turns = quat_to_rotvec(rotmat_to_quat(rotations @ rest.T))
    further = quat_to_rotmat(rotvec_to_quat(turns * turns.new_tensor([nod, 1.0, 1.0]))) @ rest
    middle = torch.from_numpy(told.mean - told.mean.mean(0))
    moved = (middle @ (further - rotations).mT) * torch.from_numpy(told.scales)[:, None, None]
    return (landmarks + moved.numpy()).astype(landmarks.dtype)
