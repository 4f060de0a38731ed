"""The focal length of the recording camera, by a search over whole small problems.

The head's depth follows the focal length too closely for them to be alternated.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from .bundle import (
    BundleConfig,
    FrameStates,
    LandmarkModel,
    Observations,
    pixel_sigma,
    predict,
    select_observations,
    shared_priors,
    solve_frames,
    solve_shared,
)


def search_focal(
    model: LandmarkModel,
    states: FrameStates,
    seen: Observations,
    config: BundleConfig,
    *,
    support: Tensor,
    code_std: Tensor,
) -> float:
    """The focal length whose own small bundle adjustment explains a few varied frames best, in pixels."""
    picks = varied_frames(states, 48)
    small, seen_small = states.select(picks), select_observations(seen, picks)
    still = replace(config, position_acceleration=(1e6,) * 3, rotation_acceleration=1e6, code_acceleration=1e6)
    width = 2 * float(model.centre[0])
    factors = np.exp(np.linspace(np.log(0.4), np.log(2.0), 9))
    costs = []
    for factor in factors:
        focal = config.focal_prior * width * float(factor)
        ratio = focal / model.focal
        guess = replace(model, focal=focal)
        moved = replace(small, positions=small.positions * small.positions.new_tensor([1.0, 1.0, ratio]))
        trial = guess
        for _ in range(3):
            moved = solve_frames(trial, moved, seen_small, still, fps=25.0, code_std=code_std, iterations=2)
            trial = solve_shared(trial, moved, seen_small, config, prior=guess, support=support, code_std=code_std)
        sigma = pixel_sigma(trial, moved, config)
        error = (predict(trial, moved) - seen_small.landmarks) / sigma
        data = float((seen_small.weights * (error * error).sum(-1).clamp(max=config.robust_scale**2)).sum())
        precision, target = shared_priors(trial, guess, config, support, code_std)
        current = torch.cat([trial.shape[:, None], trial.basis.transpose(0, 1)], dim=1)
        shared = float((precision * (current - target) ** 2).sum())
        thin = config.independent / model.shape.shape[0]
        costs.append(thin * (data + shared) + (np.log(factor) / config.focal_sigma) ** 2)
    best = int(np.argmin(costs))
    offset = 0.0
    if 0 < best < len(costs) - 1:
        a, b, c = costs[best - 1 : best + 2]
        offset = 0.5 * (a - c) / max(a - 2 * b + c, 1e-9)
    step = np.log(factors[1] / factors[0])
    return float(config.focal_prior * width * factors[best] * np.exp(np.clip(offset, -0.5, 0.5) * step))


def varied_frames(states: FrameStates, count: int) -> Tensor:
    """Up to ``count`` frames spread over the poses: each next is the farthest from those chosen."""
    pose = torch.cat([states.rotvecs, states.positions / 0.3], dim=1)
    chosen = [int((pose - pose.median(0).values).norm(dim=1).argmin())]
    distance = (pose - pose[chosen[0]]).norm(dim=1)
    while len(chosen) < min(count, len(pose)):
        chosen.append(int(distance.argmax()))
        distance = torch.minimum(distance, (pose - pose[chosen[-1]]).norm(dim=1))
    return torch.tensor(sorted(set(chosen)))
