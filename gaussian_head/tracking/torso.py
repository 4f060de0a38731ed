"""The torso's own smooth pose from features on the clothes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..conventions import TORSO
from ..transforms import quat_multiply, quat_rotate, rotvec_to_quat
from .torso_picture import follow_picture

MOST_FEATURES = 300
FEWEST_FEATURES = 10
PLAIN = 40
"""Features, usually agreeing, below which the torso's whole picture is followed instead."""
FEWEST_PIXELS = 0.002
"""Share of the picture that must be torso for that."""


@dataclass(frozen=True, kw_only=True)
class TorsoMotion:
    """Motion of the torso in the picture, relative to the rest frame, about a pivot."""

    pivot: np.ndarray
    """``[2]`` pixel that shifts are measured at."""
    shift: np.ndarray
    """``[N, 2]`` pixels."""
    angle: np.ndarray
    """``[N]`` turn in the picture, radians."""
    growth: np.ndarray
    """``[N]`` logarithm of the size."""
    features: np.ndarray
    """``[N]`` features that agreed with each other; where few usually do, the motion is that of the whole picture."""


def rest_frame(quats: Tensor, positions: Tensor, frames: np.ndarray) -> int:
    """The frame of ``frames`` whose head pose is nearest to their median pose."""
    index = torch.as_tensor(frames)
    p, q = positions[index], quats[index]
    away = (p - p.median(0).values).norm(dim=1) / 0.01 + (q - q.median(0).values).norm(dim=1) / 0.05
    return int(index[away.argmin()])


def follow_torso(
    read_gray: Callable[[int], np.ndarray], rest: int, labels: np.ndarray, num_frames: int, fps: float
) -> TorsoMotion:
    """Track features of the clothes, or where they have few their whole picture, from the rest frame to all others.

    Every frame is matched with the rest frame itself, started from its neighbour's motion, so that
    nothing drifts.

    Args:
        read_gray: Gives u8 ``[H, W]`` of a frame.
        rest: The frame that motion is relative to.
        labels: ``[H, W]`` part labels of the rest frame.
        num_frames: N.
        fps: Frames per second.
    """
    import cv2

    height, width = labels.shape
    template = read_gray(rest)
    where = cv2.erode((labels == TORSO).astype(np.uint8), np.ones((9, 9), np.uint8))
    where[-6:], where[:, :6], where[:, -6:] = 0, 0, 0
    points = cv2.goodFeaturesToTrack(template, MOST_FEATURES, 0.003, max(4, width // 90), mask=where)
    points = np.zeros((0, 1, 2), np.float32) if points is None else points
    ys, xs = np.nonzero(labels == TORSO)
    pivot = np.array([xs.mean(), ys.mean()]) + 0.5 if len(xs) else np.array([width / 2, height])
    motion = np.full((num_frames, 4), np.nan)
    features = np.zeros(num_frames, int)
    for order in (range(rest, num_frames), range(rest - 1, -1, -1)):
        guess = points.copy()
        for t in order:
            gray = template if t == rest else read_gray(t)
            found, guess = _match(template, gray, points, guess)
            if found is not None:
                motion[t], features[t] = _decompose(found[0], pivot), found[1]
    whole = labels == TORSO
    if np.median(features) < PLAIN and whole.sum() > FEWEST_PIXELS * labels.size:
        motion = follow_picture(read_gray, rest, whole, pivot, num_frames)
    smooth = _smooth(motion, fps)
    return TorsoMotion(pivot=pivot, shift=smooth[:, :2], angle=smooth[:, 2], growth=smooth[:, 3], features=features)


def _match(template: np.ndarray, gray: np.ndarray, points: np.ndarray, guess: np.ndarray):
    """Similarity ``[2, 3]`` and number of agreeing features, or None; and where to start in the next frame."""
    import cv2

    if len(points) < FEWEST_FEATURES:
        return None, guess
    options = {"winSize": (21, 21), "maxLevel": 2, "flags": cv2.OPTFLOW_USE_INITIAL_FLOW}
    there, ok, _ = cv2.calcOpticalFlowPyrLK(template, gray, points, guess.copy(), **options)
    back, ok_back, _ = cv2.calcOpticalFlowPyrLK(gray, template, there, points.copy(), **options)
    agree = (ok[:, 0] > 0) & (ok_back[:, 0] > 0) & (np.linalg.norm(back - points, axis=2)[:, 0] < 0.5)
    if agree.sum() < FEWEST_FEATURES:
        return None, guess
    cv2.setRNGSeed(0)
    matrix, inliers = cv2.estimateAffinePartial2D(
        points[agree], there[agree], method=cv2.RANSAC, ransacReprojThreshold=1.5, maxIters=500
    )
    if matrix is None or inliers.sum() < FEWEST_FEATURES:
        return None, guess
    following = points @ matrix[:, :2].T.astype(np.float32) + matrix[:, 2].astype(np.float32)
    return (matrix, int(inliers.sum())), following.astype(np.float32)


def _decompose(matrix: np.ndarray, pivot: np.ndarray) -> np.ndarray:
    """Shift at the pivot, angle and log size ``[4]`` of a similarity ``[2, 3]`` of pixel indices."""
    index = pivot - 0.5
    shift = matrix[:, :2] @ index + matrix[:, 2] - index
    return np.array([*shift, np.arctan2(matrix[1, 0], matrix[0, 0]), np.log(np.hypot(matrix[0, 0], matrix[1, 0]))])


def _smooth(motion: np.ndarray, fps: float) -> np.ndarray:
    """Gaps interpolated, outliers replaced, then Gaussian smoothing: 60 ms for shifts, longer for turn and size."""
    from scipy.ndimage import gaussian_filter1d, median_filter

    times = np.arange(len(motion))
    out = np.zeros_like(motion)
    for k, seconds in enumerate((0.06, 0.06, 0.2, 0.3)):
        good = np.isfinite(motion[:, k])
        if good.any():
            filled = np.interp(times, times[good], motion[good, k])
            out[:, k] = gaussian_filter1d(median_filter(filled, 5, mode="nearest"), seconds * fps, mode="nearest")
    return out


def torso_poses(
    motion: TorsoMotion, rest_quat: Tensor, rest_position: Tensor, focal: float, centre: Tensor, rest: int
) -> tuple[Tensor, Tensor]:
    """T_world_torso of all frames: quats ``[N, 4]`` and positions ``[N, 3]``, equal to the head's at rest.

    Shifts move the torso's pivot parallel to the picture, size moves it in depth, and the angle
    turns it about the line of sight; other turns cannot be told from clothes and stay at rest.
    """
    relative = np.concatenate([motion.shift, motion.angle[:, None], motion.growth[:, None]], axis=1)
    relative = torch.from_numpy(relative - relative[rest])
    depth = rest_position[2]
    pivot = torch.cat([(torch.from_numpy(motion.pivot) - centre) * depth / focal, depth[None]])
    new_depth = depth * torch.exp(-relative[:, 3])
    moved = (torch.from_numpy(motion.pivot) + relative[:, :2] - centre) * (new_depth / focal)[:, None]
    moved = torch.cat([moved, new_depth[:, None]], dim=1)
    turn = rotvec_to_quat(torch.nn.functional.pad(relative[:, 2:3], (2, 0)))
    quats = quat_multiply(turn, rest_quat.expand_as(turn))
    positions = quat_rotate(turn, (rest_position - pivot).expand(len(turn), 3)) + moved
    return quats, positions
