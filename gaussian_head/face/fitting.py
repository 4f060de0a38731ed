"""The parametric head that is nearest to a tracked face."""

from __future__ import annotations

import torch
from torch import Tensor

from ..facenet import NUM_MESH
from ..facenet.contours import OVAL
from ..similarity import Similarity, fit_similarity
from .model import FaceModel

IDENTITY_SIGMA, OVAL_TRUST = 0.004, 0.35
"""Metres by which the tracked face may miss the model's; weight of its outline, which is no anatomy."""


def fit_identity(face: FaceModel, neutral: Tensor) -> tuple[Tensor, Similarity]:
    """The parametric head nearest to neutral landmarks ``[478, 3]``, and where it stands: ridge and similarity."""
    mean = face.landmarks(face.mean).double()[:NUM_MESH]
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
