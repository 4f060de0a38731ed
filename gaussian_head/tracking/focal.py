"""The focal length of the recording camera, by a search over whole small problems.

The head's depth follows the focal length too closely for them to be alternated.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ..face import FaceModel
from ..face.fitting import fit_identity
from .bundle import (
    BundleConfig,
    FrameStates,
    pixel_sigma,
    predict,
    shared_priors,
    solve_frames,
    solve_shared,
)
from .start import Start, begin

TRIED, FRAMES, ROUNDS = (0.4, 2.0, 9), 48, 3
"""Focal lengths tried, next to the expected one: from, to, how many; on how many frames; alternations for each."""
IRRELEVANT_FPS = 25.0


def search_focal(landmarks: np.ndarray, centre: Tensor, config: BundleConfig) -> float:
    """The focal length in pixels whose own small bundle adjustment explains a few varied frames best.

    Args:
        landmarks: ``[T, 478, 3]`` of training frames in which the face was found, pixels, z in the same unit.
        centre: ``[2]`` principal point, pixels.
        config: noise and priors.
    """
    expected = config.focal_prior * 2 * float(centre[0])
    picks = varied_frames(_begun(landmarks, expected, centre).states, FRAMES).numpy()
    factors = np.exp(np.linspace(np.log(TRIED[0]), np.log(TRIED[1]), TRIED[2]))
    some = landmarks[picks]
    costs = [
        _cost(_begun(some, expected * float(factor), centre), config) + (np.log(factor) / config.focal_sigma) ** 2
        for factor in factors
    ]
    best = int(np.argmin(costs))
    offset = 0.0
    if 0 < best < len(costs) - 1:
        a, b, c = costs[best - 1 : best + 2]
        offset = 0.5 * (a - c) / max(a - 2 * b + c, 1e-9)
    step = np.log(factors[1] / factors[0])
    return float(expected * factors[best] * np.exp(np.clip(offset, -0.5, 0.5) * step))


def _begun(landmarks: np.ndarray, focal: float, centre: Tensor) -> Start:
    everywhere = np.ones(len(landmarks), bool)
    return begin(landmarks, everywhere, np.arange(len(landmarks)), focal, centre, len(landmarks), wholly=True)


def _cost(start: Start, config: BundleConfig) -> float:
    """What a small bundle adjustment of ``start`` leaves, and how unusual the head is that it finds."""
    still = replace(config, position_acceleration=(1e6,) * 3, rotation_acceleration=1e6, code_acceleration=1e6)
    model, states, seen, code_std = start.model, start.states, start.seen, start.code_std
    for _ in range(ROUNDS):
        states = solve_frames(model, states, seen, still, fps=IRRELEVANT_FPS, code_std=code_std, iterations=2)
        model = solve_shared(model, states, seen, config, prior=start.model, support=start.support, code_std=code_std)
    error = (predict(model, states) - seen.landmarks) / pixel_sigma(model, states, config)
    data = float((seen.weights * (error * error).sum(-1).clamp(max=config.robust_scale**2)).sum())
    precision, target = shared_priors(model, start.model, config, start.support, code_std)
    current = torch.cat([model.shape[:, None], model.basis.transpose(0, 1)], dim=1)
    shared = float((precision * (current - target) ** 2).sum())
    identity, _ = fit_identity(FaceModel.load(), model.shape)
    return config.focal_independent / len(model.shape) * (data + shared) + float(identity.square().sum())


def varied_frames(states: FrameStates, count: int) -> Tensor:
    """Up to ``count`` frames spread over the poses: each next is the farthest from those chosen."""
    pose = torch.cat([states.rotvecs, states.positions / 0.3], dim=1)
    chosen = [int((pose - pose.median(0).values).norm(dim=1).argmin())]
    distance = (pose - pose[chosen[0]]).norm(dim=1)
    while len(chosen) < min(count, len(pose)):
        chosen.append(int(distance.argmax()))
        distance = torch.minimum(distance, (pose - pose[chosen[-1]]).norm(dim=1))
    return torch.tensor(sorted(set(chosen)))
