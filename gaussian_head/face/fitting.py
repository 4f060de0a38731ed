"""The parametric head that is nearest to a tracked face."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..facenet import NUM_MESH
from ..facenet.contours import OVAL
from ..similarity import Similarity, fit_similarity
from .model import FaceModel

OFFSETS = Path(__file__).with_name("landmark_offsets.safetensors")
"""Where tracked landmarks of everybody lie beside the model's, learnt by ``scripts/learn_offsets.py``."""
IDENTITY_SIGMA, OVAL_TRUST = 0.004, 0.35
"""Metres by which the tracked face may miss the model's; weight of its outline, which is no anatomy."""


def read_offsets(path: Path = OFFSETS) -> Tensor:
    """Where tracked neutral landmarks lie beside those of the head that was filmed, ``[468, 3]`` metres, model's frame.

    A landmark net has a depth of its own for every face, and marks other points than the model's map names.
    """
    from safetensors.torch import load_file

    return load_file(path)["offsets"].double()


def fit_identity(face: FaceModel, neutral: Tensor, offset: Tensor | None = None) -> tuple[Tensor, Similarity]:
    """The parametric head nearest to neutral landmarks, and where it stands: ridge and similarity.

    Args:
        face: the parametric head.
        neutral: ``[478, 3]`` landmarks of a neutral face, any similarity away.
        offset: ``[468, 3]`` metres in the model's frame by which landmarks of everybody lie beside the model's; None
            for landmarks that are drawn as they are.
    """
    mean = face.landmarks(face.mean).double()[:NUM_MESH]
    if offset is not None:
        mean = mean + offset
    modes = face.landmarks(face.modes).double()[:, :NUM_MESH]
    weight = torch.ones(NUM_MESH, dtype=torch.float64)
    weight[list(OVAL)] = OVAL_TRUST
    design = (modes * weight[:, None].sqrt()).flatten(1).T / IDENTITY_SIGMA
    normal = design.T @ design + torch.eye(len(modes), dtype=torch.float64)
    target, identity = neutral[:NUM_MESH].double(), torch.zeros(len(modes), dtype=torch.float64)
    for _ in range(6):
        place = fit_similarity(mean + (identity @ modes.flatten(1)).unflatten(0, mean.shape), target)
        back = (target - place.translation) @ place.rotation / place.scale
        wanted = ((back - mean) * weight[:, None].sqrt()).flatten() / IDENTITY_SIGMA
        identity = torch.linalg.solve(normal, design.T @ wanted)
    return identity, place
