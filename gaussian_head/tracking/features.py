"""Skin and hair as landmarks: features of the picture that stay with the skull steady the head's pose.

A landmark network guesses each frame anew, so its poses tremble and lean with the expression. Corners and freckles on
the rigid part of the head are followed to a tenth of a pixel; every frame is matched with key frames directly, so that
nothing drifts. Their places on the head are unknown and solved along with the poses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..events import Listener, ignore, tracked
from ..facenet.contours import LEFT_BROW, LEFT_EYE, RIGHT_BROW, RIGHT_EYE
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
from .focal import varied_frames
from .labels import FACE, HAIR
from .residuals import left_jacobian, project, project_jacobian, robust_weight, skew
from .solve import CODE, SHARED_FRAMES, Solution, fit_frames, solved, unit_codes
from .topology import channel_support

KEY_FRAMES = 16
"""Most key frames."""
KEY_ANGLE = 0.06
"""Radians of head turn, or a fifteenth of the distance, between two key frames."""
REACH = 0.35
"""Radians by which a frame may be turned from the key frame that it is matched with."""
MOST_FEATURES = 100
"""Features of one key frame."""
FEWEST_SEEN = 0.05
"""Share of all frames that must show a feature."""
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
DEPTH_SIGMA = 0.02
"""How far a feature's depth may leave its first guess, metres."""
FEWEST_FEATURES = 20


@dataclass(frozen=True, kw_only=True)
class HeadFeatures:
    """J features and where they were seen."""

    points: Tensor
    """``[J, 3]`` first guess of their places, head frame, metres."""
    pixels: Tensor
    """``[N, J, 2]`` pixels."""
    seen: Tensor
    """``[N, J]`` bool."""


def follow_head(
    read_gray: Callable[[int], np.ndarray],
    read_labels: Callable[[int], np.ndarray],
    landmarks: np.ndarray,
    model: LandmarkModel,
    states: FrameStates,
    train: np.ndarray,
    listener: Listener = ignore,
) -> HeadFeatures:
    """Find features on the rigid part of the head in key frames and match them with all frames.

    Args:
        read_gray: gives u8 ``[H, W]`` of a frame.
        read_labels: gives part labels ``[H, W]`` of a frame.
        landmarks: ``[N, 478, 2]`` pixels.
        model: the face so far.
        states: poses of all N frames so far, which say where to look.
        train: good training frames, among which key frames are chosen.
        listener: receives Progress.
    """
    keys = key_frames(states, train)
    rotations, positions = states.rotations(model), states.positions
    points, sources = [], []
    for key in keys:
        gray = read_gray(key)
        pixels = _corners(gray, read_labels(key), landmarks[key])
        points.append(_lifted(pixels, landmarks[key], model, states, key))
        sources.append((gray, pixels))
    sizes = [len(p) for p in points]
    joined = torch.from_numpy(np.concatenate(points) if points else np.zeros((0, 3)))
    J, N = sum(sizes), len(landmarks)
    found, seen = torch.zeros(N, J, 2, dtype=torch.float64), torch.zeros(N, J, dtype=torch.bool)
    for t in tracked(range(N), "tracking: head features", N, listener):
        gray = read_gray(t)
        for k, key in enumerate(keys):
            turned = float((states.rotvecs[t] - states.rotvecs[key]).norm())
            if turned > REACH or sizes[k] == 0:
                continue
            rows = slice(sum(sizes[:k]), sum(sizes[: k + 1]))
            expected = project(joined[rows] @ rotations[t].T + positions[t], model.focal, model.centre).numpy()
            there, ok = _match(sources[k][0], gray, sources[k][1], expected, same=t == key)
            found[t, rows], seen[t, rows] = torch.from_numpy(there), torch.from_numpy(ok)
    often = seen.double().mean(0) > FEWEST_SEEN
    return HeadFeatures(points=joined[often], pixels=found[:, often], seen=seen[:, often])


def key_frames(states: FrameStates, train: np.ndarray) -> list[int]:
    """Up to KEY_FRAMES training frames spread over the poses, the median pose first."""
    pose = torch.cat([states.rotvecs, states.positions[:, 2:].log()], dim=1)[torch.from_numpy(train)]
    chosen = [int((pose - pose.median(0).values).norm(dim=1).argmin())]
    distance = (pose - pose[chosen[0]]).norm(dim=1)
    while len(chosen) < KEY_FRAMES and float(distance.max()) > KEY_ANGLE:
        chosen.append(int(distance.argmax()))
        distance = torch.minimum(distance, (pose - pose[chosen[-1]]).norm(dim=1))
    return [int(train[i]) for i in chosen]


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


def select_features(features: HeadFeatures, frames: Tensor) -> HeadFeatures:
    """The named frames of the features."""
    return replace(features, pixels=features.pixels[frames], seen=features.seen[frames])


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
    trust = quality * robust_weight(_projected(model, states, features.points) - features.pixels, width)
    trust = features.seen * trust
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
        cam = points @ rotations.transpose(1, 2) + states.positions[:, None]
        residual = project(cam, model.focal, model.centre) - pixels
        jacobian = project_jacobian(cam, model.focal) @ rotations[:, None]
        weight = seen * robust_weight(residual, width) / FEATURE_SIGMA**2
        weighted = jacobian * weight[..., None, None]
        hessian = torch.einsum("tjab,tjac->jbc", weighted, jacobian) + depth
        slope = torch.einsum("tjab,tja->jb", weighted, residual) + (points - guess) @ depth
        points = points - torch.cholesky_solve(slope[..., None], torch.linalg.cholesky(hessian))[..., 0]
    residual = (_projected(model, states, points) - pixels).square().sum(-1)
    typical = torch.where(seen, residual, torch.nan).nanmedian(0).values.nan_to_num(1e6)
    still = typical.median().clamp(min=STILL**2)
    return replace(features, points=points), 1 / (1 + typical / still) ** 2


def _corners(gray: np.ndarray, labels: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Pixels ``[P, 2]`` of corners on hair, forehead, nose and temples: above the nose's base, away from the eyes."""
    import cv2

    mask = cv2.erode(np.isin(labels, (HAIR, FACE)).astype(np.uint8), np.ones((7, 7), np.uint8))
    height, width = gray.shape
    mask[:4], mask[-4:], mask[:, :4], mask[:, -4:] = 0, 0, 0, 0
    down = landmarks[152] - landmarks[10]
    down = down / np.linalg.norm(down)
    v, u = np.mgrid[0:height, 0:width] + 0.5
    mask[(u * down[0] + v * down[1]) > landmarks[2, :2] @ down] = 0
    for eye, brow in ((RIGHT_EYE, RIGHT_BROW), (LEFT_EYE, LEFT_BROW)):
        hull = cv2.convexHull(landmarks[[*eye, *brow], :2].astype(np.float32)).astype(np.int32)
        blocked = cv2.fillConvexPoly(np.zeros_like(mask), hull, (1.0,))
        mask[cv2.dilate(blocked, np.ones((9, 9), np.uint8)) > 0] = 0
    found = cv2.goodFeaturesToTrack(gray, MOST_FEATURES, 0.01, max(4, width // 80), mask=mask)
    return np.zeros((0, 2)) if found is None else found[:, 0].astype(np.float64) + 0.5


def _lifted(pixels: np.ndarray, landmarks: np.ndarray, model: LandmarkModel, states: FrameStates, t: int) -> np.ndarray:
    """First guess ``[P, 3]`` of the places behind pixels: the mesh's depth, or that of its nearest point."""
    from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator

    R, position = states.rotations(model)[t], states.positions[t]
    cam = (model.vertices(states.codes[t : t + 1])[0] @ R.T + position).numpy()
    screen = landmarks[:, :2].astype(np.float64)
    depth = LinearNDInterpolator(screen, cam[:, 2])(pixels) if len(pixels) else np.zeros(0)
    outside = ~np.isfinite(depth)
    if outside.any():
        depth[outside] = NearestNDInterpolator(screen, cam[:, 2])(pixels[outside]) + DEPTH_SIGMA
    ahead = np.concatenate([(pixels - model.centre.numpy()) / model.focal, np.ones((len(pixels), 1))], axis=1)
    return (ahead * depth[:, None] - position.numpy()) @ R.numpy()


def _match(template: np.ndarray, gray: np.ndarray, pixels: np.ndarray, expected: np.ndarray, *, same: bool):
    """Where corners ``[P, 2]`` of the template lie, searched for around ``expected``, and which were found."""
    import cv2

    if same:
        return pixels, np.ones(len(pixels), bool)
    options = {"winSize": (17, 17), "maxLevel": 1, "flags": cv2.OPTFLOW_USE_INITIAL_FLOW}
    start = (pixels - 0.5).astype(np.float32)[:, None]
    guess = (expected - 0.5).astype(np.float32)[:, None]
    there, ok, _ = cv2.calcOpticalFlowPyrLK(template, gray, start, guess.copy(), **options)
    back, ok_back, _ = cv2.calcOpticalFlowPyrLK(gray, template, there, start.copy(), **options)
    agree = np.linalg.norm(back - start, axis=2)[:, 0] < 0.4
    near = np.linalg.norm(there - guess, axis=2)[:, 0] < 8.0
    return there[:, 0].astype(np.float64) + 0.5, (ok[:, 0] > 0) & (ok_back[:, 0] > 0) & agree & near
