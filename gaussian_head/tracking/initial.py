"""First guess of shape, basis, poses and codes from MediaPipe's own 3D landmarks (weak perspective)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..facenet import mirror
from ..facenet.contours import LEFT_IRIS, RIGHT_IRIS
from .channels import Neutral, find_neutral, measure
from .topology import RIGID, channel_support

IRIS_DIAMETER = 0.0117
"""Metres, nearly the same in all adults (Rüfer et al., "White-to-white corneal diameter", Cornea 2005)."""
EYE_BULGE = 0.004
"""Metres by which the front of the eye lies before the line through its corners."""


@dataclass(frozen=True, kw_only=True)
class Normalised:
    """Landmarks with the head's pose taken out."""

    points: np.ndarray
    """``[T, L, 3]`` in the head frame, metres."""
    mean: np.ndarray
    """``[L, 3]`` mean face, metres."""
    rotations: np.ndarray
    """``[T, 3, 3]`` head to camera."""
    scales: np.ndarray
    """``[T]`` pixels per metre."""
    centres: np.ndarray
    """``[T, 2]`` pixel of the head frame's origin."""


@dataclass(frozen=True, kw_only=True)
class InitialModel:
    """Linear face model regressed from normalised landmarks of training frames."""

    neutral: Neutral
    """Zero of the semantic channels."""
    shape: np.ndarray
    """``[L, 3]`` neutral face, metres."""
    basis: np.ndarray
    """``[K, L, 3]`` metres per unit of each channel."""
    codes: np.ndarray
    """``[T, K]`` codes of the training frames."""


def fill_gaps(landmarks: np.ndarray, tracked: np.ndarray) -> np.ndarray:
    """Landmarks ``[T, L, D]`` with untracked frames interpolated in time (held at the ends)."""
    good = np.flatnonzero(tracked)
    if len(good) == len(landmarks):
        return landmarks
    times = np.arange(len(landmarks))
    right = np.clip(np.searchsorted(good, times), 0, len(good) - 1)
    left = np.maximum(right - (good[right] > times), 0)
    a, b = good[left], good[right]
    share = np.where(b > a, (times - a) / np.maximum(b - a, 1), 0.0).clip(0, 1)[:, None, None]
    return ((1 - share) * landmarks[a] + share * landmarks[b]).astype(landmarks.dtype)


def procrustes(points: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rotation ``[T, 3, 3]``, scale ``[T]``, centre ``[T, 3]`` that map ``target [P, 3]`` to ``points [T, P, 3]``.

    Source: Umeyama, "Least-squares estimation of transformation parameters" (1991).
    """
    centre, middle = points.mean(1), target.mean(0)
    a, b = points - centre[:, None], target - middle
    U, S, Vt = np.linalg.svd(np.einsum("tpi,pj->tij", a, b))
    sign = np.ones_like(S)
    sign[:, 2] = np.linalg.det(U @ Vt)
    rotation = (U * sign[:, None]) @ Vt
    scale = (S * sign).sum(1) / (b * b).sum()
    return rotation, scale, centre - scale[:, None] * (rotation @ middle)


def normalise(landmarks: np.ndarray, fit: np.ndarray) -> Normalised:
    """Take rotation, scale and place out of landmarks ``[T, 478, 3]`` (pixels, z in the same unit).

    Args:
        landmarks: All frames, gaps filled.
        fit: Indices of the frames that shared quantities are measured on.
    """
    rigid = list(RIGID)
    points = _with_iris_depth(landmarks.astype(np.float64))
    mean = points[fit[len(fit) // 2]] - points[fit[len(fit) // 2], rigid].mean(0)
    for _ in range(6):
        rotation, scale, centre = procrustes(points[fit][:, rigid], mean[rigid])
        mean = _undo(points[fit], rotation, scale, centre).mean(0)
    mean = _upright(mean, rotation) * _metres_per_unit(mean)
    rotation, scale, centre = procrustes(points[:, rigid], mean[rigid])
    head = _undo(points, rotation, scale, centre)
    return Normalised(points=head, mean=head[fit].mean(0), rotations=rotation, scales=scale, centres=centre[:, :2])


def _undo(points: np.ndarray, rotation: np.ndarray, scale: np.ndarray, centre: np.ndarray) -> np.ndarray:
    return (points - centre[:, None]) @ rotation / scale[:, None, None]


def _with_iris_depth(points: np.ndarray) -> np.ndarray:
    """MediaPipe gives irises no depth of their own: put them just before the line through the eye corners."""
    points = points.copy()
    for iris, outer, inner in ((RIGHT_IRIS, 33, 133), (LEFT_IRIS, 263, 362)):
        diameter = np.linalg.norm(points[:, iris[1], :2] - points[:, iris[3], :2], axis=1)
        depth = points[:, [outer, inner], 2].mean(1) - EYE_BULGE / IRIS_DIAMETER * diameter
        points[:, list(iris), 2] = depth[:, None]
    return points


def _upright(mean: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """The mean face in the head frame's axes: origin between the ears, x across, pitch as at the median pose."""
    partner = mirror()
    across = (mean[partner] - mean) * np.sign(mean[partner] - mean)[:, :1]
    x = across[np.linalg.norm(across, axis=1) > 1e-3 * np.ptp(mean)].mean(0)
    x /= np.linalg.norm(x)
    down = rotations.transpose(0, 2, 1)[:, :, 1].mean(0)
    y = down - (down @ x) * x
    y /= np.linalg.norm(y)
    axes = np.stack([x, y, np.cross(x, y)])
    ears = mean[[127, 234, 356, 454]].mean(0)
    return (mean - ears) @ axes.T


def _metres_per_unit(mean: np.ndarray) -> float:
    """Scale from the width of the irises, kept where the face would be of human size (0.115 to 0.175 m wide)."""
    widths = [np.linalg.norm(mean[iris[1]] - mean[iris[3]]) for iris in (RIGHT_IRIS, LEFT_IRIS)]
    scale = IRIS_DIAMETER / float(np.mean(widths))
    face = float(np.linalg.norm(mean[454] - mean[234]))
    return float(np.clip(scale * face, 0.115, 0.175)) / face


def initial_model(normalised: Normalised, fit: np.ndarray, channels: tuple[str, ...]) -> InitialModel:
    """Regress landmark motion on the measured channels, then PCA of what is left in the lower and upper face.

    Args:
        normalised: Landmarks of all frames without pose.
        fit: Indices of training frames.
        channels: K names, the semantic ones first.
    """
    points = normalised.points[fit]
    neutral = find_neutral(points)
    measured = measure(points, neutral)
    num_semantic, K = measured.shape[1], len(channels)
    support = channel_support(normalised.mean, channels)
    codes = np.zeros((len(fit), K))
    codes[:, :num_semantic] = measured
    mean_code = measured.mean(0)
    basis = np.zeros((K, *normalised.mean.shape))
    basis[:num_semantic] = _regress(points - points.mean(0), measured - mean_code, support[:num_semantic])
    shape = points.mean(0) - np.einsum("k,klc->lc", mean_code, basis[:num_semantic])
    left = points - shape - np.einsum("tk,klc->tlc", measured, basis[:num_semantic])
    for prefix in ("lip_", "face_"):
        rows = [k for k, name in enumerate(channels) if k >= num_semantic and name.startswith(prefix)]
        if rows:
            modes, values = _residual_modes(left * support[rows[0]][:, None], normalised.mean, len(rows))
            basis[rows], codes[:, rows] = modes, values
            left = left - np.einsum("tk,klc->tlc", values, modes)
    return InitialModel(neutral=neutral, shape=shape, basis=basis, codes=codes)


def _regress(motion: np.ndarray, code: np.ndarray, support: np.ndarray, ridge: float = 1e-3) -> np.ndarray:
    """Basis ``[k, L, 3]`` by ridge regression of motion ``[T, L, 3]`` on codes ``[T, k]``, faded by the support."""
    scaled = code / (code.std(0) + 1e-6)
    gram = np.einsum("ti,tj->ij", scaled, scaled)
    target = np.einsum("ti,tlc->lic", scaled, motion)
    penalty = ridge + 30 * (1 - support.T) ** 4
    system = gram[None] + len(code) * penalty[:, :, None] * np.eye(gram.shape[0])
    basis = np.linalg.solve(system, target) / (code.std(0) + 1e-6)[None, :, None]
    return basis.transpose(1, 0, 2) * support[:, :, None]


def _residual_modes(motion: np.ndarray, mean: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Leading modes ``[count, L, 3]`` of motion ``[T, L, 3]`` and their unit-variance codes ``[T, count]``.

    Depth counts for less because the landmarks' depth is a guess, and motion that looks like a
    turn, shift or growth of the whole region is left to the head's pose.
    """
    weight = np.array([1.0, 1.0, 0.3])
    flat = (motion * weight).reshape(len(motion), -1)
    inside = (np.abs(motion).sum((0, 2)) > 0).astype(np.float64)[:, None]
    rigid = np.concatenate(
        [np.eye(3)[:, None].repeat(len(mean), 1), np.cross(np.eye(3)[:, None], mean[None]), mean[None]]
    )
    rigid = (rigid * inside * weight).reshape(7, -1)
    q = np.linalg.qr(rigid.T)[0]
    flat = flat - (flat @ q) @ q.T
    _, S, Vt = np.linalg.svd(flat, full_matrices=False)
    count_found = min(count, len(S))
    modes, values = np.zeros((count, *mean.shape)), np.zeros((len(motion), count))
    spread = S[:count_found] / np.sqrt(len(motion)) + 1e-12
    modes[:count_found] = (Vt[:count_found] * spread[:, None]).reshape(-1, *mean.shape) / weight
    values[:, :count_found] = flat @ Vt[:count_found].T / spread
    return modes, values
