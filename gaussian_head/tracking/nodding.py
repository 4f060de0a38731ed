"""A landmark net nods less than the head before it: its landmarks are nodded as far as the head was.

Turns to the side it tells truly, nods by two thirds on made-up people, whose nods are known, and by three quarters of
what their features ask on people who are filmed. A pose that should explain both turns too little, and all that turns
are to tell the depth of lies too deep.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..transforms import mean_rotation, quat_to_rotmat, quat_to_rotvec, rotmat_to_quat, rotvec_to_quat
from .initial import normalise, procrustes
from .topology import RIGID

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
    usual = mean_rotation(rotations[torch.from_numpy(fit)])
    return _further(landmarks, told.mean, rotations, told.scales, usual, nod)


def nodded_as_known(landmarks: np.ndarray, shape: np.ndarray, usual: Tensor) -> np.ndarray:
    """The same of a face that is known, about the pose it usually has where it was learnt: one frame is enough.

    Args:
        landmarks: as for ``nodded``.
        shape: ``[478, 3]`` neutral face, metres.
        usual: ``[3, 3]`` head to camera, against the line of sight to the face.
    """
    rigid = list(RIGID)
    rotations, scales, _ = procrustes(landmarks[:, rigid].astype(np.float64), shape[rigid])
    return _further(landmarks, shape, torch.from_numpy(rotations), scales, usual, NOD)


def _further(
    landmarks: np.ndarray, face: np.ndarray, rotations: Tensor, scales: np.ndarray, usual: Tensor, nod: float
) -> np.ndarray:
    """Landmarks carried by ``face [478, 3]`` from ``rotations [T, 3, 3]`` to those that nod further about ``usual``."""
    turns = quat_to_rotvec(rotmat_to_quat(rotations @ usual.T))
    further = quat_to_rotmat(rotvec_to_quat(turns * turns.new_tensor([nod, 1.0, 1.0]))) @ usual
    middle = torch.from_numpy(face - face.mean(0))
    moved = (middle @ (further - rotations).mT) * torch.from_numpy(scales)[:, None, None]
    return (landmarks + moved.numpy()).astype(landmarks.dtype)
