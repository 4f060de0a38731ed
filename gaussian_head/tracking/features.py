"""Skin and hair as landmarks: features of the picture that stay with the skull steady the head's pose.

A landmark network guesses each frame anew, so its poses tremble and lean with the expression. Corners and freckles on
the rigid part of the head are followed to a tenth of a pixel; every frame is matched with key frames directly, so that
nothing drifts. ``held_poses`` holds the poses by them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..events import Listener, ignore, tracked
from ..facenet.contours import LEFT_BROW, LEFT_EYE, RIGHT_BROW, RIGHT_EYE
from .bundle import FrameStates, LandmarkModel
from .labels import FACE, HAIR
from .residuals import project

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
DEPTH_SIGMA = 0.02
"""How far a feature's depth may leave its first guess, metres."""


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


def select_features(features: HeadFeatures, frames: Tensor) -> HeadFeatures:
    """The named frames of the features."""
    return replace(features, pixels=features.pixels[frames], seen=features.seen[frames])


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
