"""Poses that features of skin and hair hold.

Features' places on the head are unknown and solved along with the poses. Which of them keep still on the skull is told
by themselves; where landmarks lean none looks still at first, so that all count alike until poses agree with most.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .bundle import (
    CHUNK,
    BundleConfig,
    FrameStates,
    LandmarkModel,
    pixel_sigma,
    select_observations,
    solve_frames,
    solve_shared,
)
from .features import DEPTH_SIGMA, HeadFeatures, select_features
from .focal import varied_frames
from .residuals import left_jacobian, project, project_jacobian, robust_weight, skew
from .solve import CODE, SHARED_FRAMES, Solution, fit_frames, solved, unit_codes
from .topology import channel_support

MOST_TRUST = 4.0
"""One feature counts for at most so many."""
FEATURE_SIGMA = 0.3
"""Noise of a feature's place, pixels."""
ALONE = (8.0,) * 6 + (4.0,) * 6
"""Widths of the robust loss, pixels, in the first rounds, where every feature counts alike: poses from landmarks are so
far off that none can be told yet to keep still on the skull."""
WIDTHS = (6.0, 3.0, 2.0)
"""The same in the rounds after, which take those that keep still: wide at first, or a brow that takes all landmarks
along would make the hair that stays behind look wrong."""
HELD_OUT_WIDTHS = (8.0, *WIDTHS)
"""The same for held-out frames, once places are known."""
STILL = 1.0
"""Pixels a feature may usually be away and still count as staying with the skull; more where most do, as loose hair
does: half of them count."""
INDEPENDENT = 800.0
"""Features count as this many independent ones; landmarks, which err together, as ``BundleConfig.independent``."""
FEWEST_FEATURES = 20
"""Features below which landmarks alone tell the poses."""


def steadied(
    solution: Solution, features: HeadFeatures, config: BundleConfig, *, fps: float, num_train: int
) -> Solution:
    """Poses, codes, shape and basis from landmarks and features together.

    Args:
        solution: what landmarks alone gave.
        features: of all N frames.
        config: noise and smoothness of the landmarks.
        fps: frames per second.
        num_train: frames from here on do not touch anything shared, nor any earlier frame.
    """
    if features.points.shape[0] < FEWEST_FEATURES:
        return solution
    seen, code_std, prior = solution.seen, solution.code_std, solution.model
    support = torch.from_numpy(channel_support(prior.shape.numpy(), CODE))
    train = torch.arange(num_train)
    ours, early = select_features(features, train), select_observations(seen, train)
    model, states = prior, solution.states.select(train)
    for width in ALONE:
        ours, _ = _placed(model, states, ours, features.points, width)
        terms = [_believed(model, states, ours, torch.ones(()), width)]
        states = solve_frames(model, states, early, config, fps=fps, code_std=code_std, iterations=1, terms=terms)
    for width in WIDTHS:
        ours, quality = _placed(model, states, ours, features.points)
        terms = [_believed(model, states, ours, quality, width)]
        states = solve_frames(model, states, early, config, fps=fps, code_std=code_std, iterations=2, terms=terms)
        picks = varied_frames(states, SHARED_FRAMES)
        some = select_observations(early, picks)
        model = solve_shared(model, states.select(picks), some, config, prior=prior, support=support, code_std=code_std)
        model, states = unit_codes(model, states, code_std)
    ours, quality = _placed(model, states, ours, features.points)
    features = replace(features, points=ours.points)
    everywhere = FrameStates(
        **{
            name: torch.cat([getattr(states, name), getattr(solution.states, name)[num_train:]])
            for name in ("rotvecs", "positions", "codes")
        }
    )
    for width in HELD_OUT_WIDTHS:
        terms = [_believed(model, everywhere, features, quality, width)]
        everywhere = fit_frames(model, everywhere, states, seen, config, fps, code_std, num_train, terms=terms)
    return solved(model, everywhere, seen, code_std)


@dataclass(frozen=True, kw_only=True)
class Believed:
    """Features as a term of the frame step: points of the skull, which no channel moves."""

    features: HeadFeatures
    """J features, where they are now thought to lie."""
    weights: Tensor
    """``[T, J]`` how many independent landmarks each sighting counts as."""

    def select(self, frames: Tensor) -> Believed:
        """The named frames."""
        return Believed(features=select_features(self.features, frames), weights=self.weights[frames])

    def frame_normals(self, model: LandmarkModel, states: FrameStates, config: BundleConfig) -> tuple[Tensor, Tensor]:
        """Normal matrices ``[T, 6 + K, 6 + K]`` and gradients ``[T, 6 + K]`` of poses and codes."""
        sigma, T, K = pixel_sigma(model, states, config), *states.codes.shape
        hessian, slope = states.codes.new_zeros(T, 6 + K, 6 + K), states.codes.new_zeros(T, 6 + K)
        for frames in torch.arange(T).split(CHUNK):
            part, pixels = states.select(frames), self.features.pixels[frames]
            turned = self.features.points @ part.rotations(model).mT
            cam = turned + part.positions[:, None]
            residual = project(cam, model.focal, model.centre) - pixels
            by_cam = project_jacobian(cam, model.focal)
            by_rotation = -by_cam @ (skew(turned) @ left_jacobian(part.rotvecs)[:, None])
            jacobian = torch.cat([by_rotation, by_cam], dim=-1).flatten(1, 2)
            weight = self.weights[frames] * robust_weight(residual, config.robust_scale * sigma) / sigma**2
            weighted = jacobian * weight[..., None].expand_as(residual).flatten(1)[..., None]
            hessian[frames, :6, :6] = weighted.mT @ jacobian
            slope[frames, :6] = (weighted.mT @ residual.flatten(1)[..., None]).squeeze(-1)
        return hessian, slope


def _believed(
    model: LandmarkModel, states: FrameStates, features: HeadFeatures, quality: Tensor, width: float
) -> Believed:
    """Sightings weighted by their feature's quality ``[J]`` and by how near they lie to where the pose puts them."""
    residual = _projected(model, states, features.points) - features.pixels
    trust = features.seen * quality * robust_weight(residual, width)
    share = (INDEPENDENT / trust.sum(1, keepdim=True).clamp(min=1)).clamp(max=MOST_TRUST)
    return Believed(features=features, weights=trust * share)


def _projected(model: LandmarkModel, states: FrameStates, points: Tensor) -> Tensor:
    cam = points @ states.rotations(model).transpose(1, 2) + states.positions[:, None]
    return project(cam, model.focal, model.centre)


def _placed(
    model: LandmarkModel, states: FrameStates, features: HeadFeatures, guess: Tensor, width: float = 2 * STILL
) -> tuple[HeadFeatures, Tensor]:
    """The features where poses put them, near a first guess ``[J, 3]``, and how far each keeps still ``[J]``.

    ``width`` is that of the robust loss, pixels.
    """
    pixels, seen, points = features.pixels, features.seen, features.points
    rotations = states.rotations(model)
    depth = torch.diag(guess.new_tensor([1e-2, 1e-2, 1.0])) / DEPTH_SIGMA**2
    for _ in range(3):
        hessian, slope = depth.expand(len(points), 3, 3), (points - guess) @ depth
        for frames in torch.arange(len(pixels)).split(CHUNK):
            cam = points @ rotations[frames].mT + states.positions[frames, None]
            residual = project(cam, model.focal, model.centre) - pixels[frames]
            jacobian = project_jacobian(cam, model.focal) @ rotations[frames, None]
            weight = seen[frames] * robust_weight(residual, width) / FEATURE_SIGMA**2
            weighted = jacobian * weight[..., None, None]
            hessian = hessian + torch.einsum("tjab,tjac->jbc", weighted, jacobian)
            slope = slope + torch.einsum("tjab,tja->jb", weighted, residual)
        points = points - torch.cholesky_solve(slope[..., None], torch.linalg.cholesky(hessian))[..., 0]
    residual = (_projected(model, states, points) - pixels).square().sum(-1)
    typical = torch.where(seen, residual, torch.nan).nanmedian(0).values.nan_to_num(1e6)
    still = typical.median().clamp(min=STILL**2)
    return replace(features, points=points), 1 / (1 + typical / still) ** 2
