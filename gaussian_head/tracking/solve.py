"""From landmarks of a whole clip to a face model and its motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..events import Listener, Progress, ignore
from ..facenet.contours import LIPS
from .bundle import (
    BundleConfig,
    FrameStates,
    FrameTerm,
    LandmarkModel,
    Observations,
    predict,
    select_observations,
    solve_frames,
    solve_shared,
)
from .channels import MEASURED
from .focal import search_focal, varied_frames
from .initial import fill_gaps
from .nodding import nodded
from .start import CODE as CODE
from .start import Start, begin

SHARED_FRAMES = 600
"""Most frames that shape and basis are fitted on."""
FIRST_FRAMES = 2000
"""Most frames that the first guess of them is made from."""
OVERLAP = 12
"""Training frames before the held-out part that its fit sees too, so that the join is smooth."""


@dataclass(frozen=True, kw_only=True)
class Solution:
    """A tracked clip."""

    model: LandmarkModel
    """Focal length, shape and basis, from training frames only."""
    states: FrameStates
    """Pose and code of all N frames."""
    projected: Tensor
    """``[N, L, 2]`` where the model lies in the picture, pixels."""
    residual: Tensor
    """``[N]`` mean distance of detected and projected landmarks, pixels."""
    lip_residual: Tensor
    """``[N]`` the same over the lips."""
    seen: Observations
    """What it was fitted to."""
    code_std: Tensor
    """``[K]`` spread of each channel."""

    @property
    def quats(self) -> Tensor:
        """Head to camera ``[N, 4]``, signs continuous in time."""
        return self.states.quats(self.model)


def solve_clip(
    landmarks: np.ndarray,
    tracked: np.ndarray,
    *,
    width: int,
    height: int,
    fps: float,
    num_train: int,
    nod: float = 1.0,
    config: BundleConfig | None = None,
    listener: Listener = ignore,
) -> Solution:
    """Fit camera, shape, basis, poses and codes to landmarks.

    Args:
        landmarks: ``[N, 478, 3]`` MediaPipe landmarks, pixels, z in the same unit.
        tracked: ``[N]`` bool, True where a face was found.
        width, height: Picture size, pixels.
        fps: Frames per second.
        num_train: Frames from here on do not touch anything shared.
        nod: How much further than its landmarks the head nods; ``nodding.NOD`` for those of the landmark net.
        config: Noise and smoothness.
        listener: Gets Progress events.
    """
    config = config or BundleConfig()
    fit = np.flatnonzero(tracked[:num_train])
    fit = fit[np.unique(np.linspace(0, len(fit) - 1, min(len(fit), FIRST_FRAMES)).round().astype(int))]
    filled = np.concatenate(
        [fill_gaps(landmarks[:num_train], tracked[:num_train]), _fill_rest(landmarks, tracked, num_train)]
    )
    centre = torch.tensor([width / 2, height / 2], dtype=torch.float64)
    focal = search_focal(filled[fit], centre, config)  # before landmarks are nodded: that tells no perspective
    filled = nodded(filled, fit, nod)
    start = begin(filled, tracked, fit, focal, centre, num_train)
    states, seen, code_std = start.states, start.seen, start.code_std
    train = torch.arange(num_train)
    model, train_states = _fit_shared(
        replace(start, states=states.select(train), seen=select_observations(seen, train)), config, fps, listener
    )
    states = fit_frames(model, states, train_states, seen, config, fps, code_std, num_train)
    return solved(model, states, seen, code_std)


def solved(model: LandmarkModel, states: FrameStates, seen: Observations, code_std: Tensor) -> Solution:
    """A solution with what can be told from it."""
    projected = predict(model, states)
    distance = (projected - seen.landmarks).norm(dim=-1)
    return Solution(
        model=model,
        states=states,
        projected=projected,
        residual=distance.mean(1),
        lip_residual=distance[:, list(LIPS)].mean(1),
        seen=seen,
        code_std=code_std,
    )


def _fill_rest(landmarks: np.ndarray, tracked: np.ndarray, num_train: int) -> np.ndarray:
    """Held-out landmarks, gaps filled from held-out frames where there are any."""
    if num_train == len(landmarks):
        return landmarks[num_train:]
    start = num_train if tracked[num_train:].any() else 0
    return fill_gaps(landmarks[start:], tracked[start:])[num_train - start :]


def _fit_shared(
    start: Start, config: BundleConfig, fps: float, listener: Listener
) -> tuple[LandmarkModel, FrameStates]:
    model, seen, code_std, support = start.model, start.seen, start.code_std, start.support
    states = solve_frames(model, start.states, seen, config, fps=fps, code_std=code_std, iterations=3)
    prior = model
    picks = varied_frames(states, SHARED_FRAMES)
    picks = picks[seen.weights[picks, 0] > 0.5]
    some = select_observations(seen, picks)
    for step in range(config.rounds):
        states = solve_frames(model, states, seen, config, fps=fps, code_std=code_std, iterations=1)
        model = solve_shared(model, states.select(picks), some, config, prior=prior, support=support, code_std=code_std)
        model, states = unit_codes(model, states, code_std)
        listener(Progress(stage="tracking: bundle adjustment", done=step + 1, total=config.rounds))
    return model, states


def unit_codes(model: LandmarkModel, states: FrameStates, code_std: Tensor) -> tuple[LandmarkModel, FrameStates]:
    """Keep residual channels at their first spread: only the product of code and basis is seen."""
    scale = torch.ones_like(code_std)
    count = len(MEASURED)
    scale[count:] = (code_std / states.codes.std(0).clamp(min=1e-6))[count:].clamp(0.2, 5.0)
    return (
        replace(model, basis=model.basis / scale[:, None, None]),
        replace(states, codes=states.codes * scale),
    )


def fit_frames(
    model: LandmarkModel,
    start: FrameStates,
    train: FrameStates,
    seen: Observations,
    config: BundleConfig,
    fps: float,
    code_std: Tensor,
    num_train: int,
    *,
    terms: Sequence[FrameTerm] = (),
) -> FrameStates:
    """Poses and codes of all frames with the model fixed: training and held-out part each on its own."""
    frames = torch.arange(len(start.codes))
    parts = [
        solve_frames(
            model,
            train,
            select_observations(seen, frames[:num_train]),
            config,
            fps=fps,
            code_std=code_std,
            iterations=3,
            terms=[term.select(frames[:num_train]) for term in terms],
        )
    ]
    if num_train < len(frames):
        begin = max(num_train - OVERLAP, 0)
        tail = frames[begin:]
        ratio = float(train.positions[:, 2].median() / start.positions[:num_train, 2].median())
        guess = start.select(tail)
        guess = replace(guess, positions=guess.positions * guess.positions.new_tensor([1.0, 1.0, ratio]))
        held = solve_frames(
            model,
            guess,
            select_observations(seen, tail),
            config,
            fps=fps,
            code_std=code_std,
            iterations=8,
            terms=[term.select(tail) for term in terms],
        )
        parts.append(held.select(torch.arange(num_train - begin, len(tail))))
    return FrameStates(
        rotvecs=torch.cat([p.rotvecs for p in parts]),
        positions=torch.cat([p.positions for p in parts]),
        codes=torch.cat([p.codes for p in parts]),
    )
