"""How well lips move: from landmark arrays ``[T, 478, 2]`` in pixels, NaN where no face was found.

Landmarks are MediaPipe's face mesh. Every measure skips frames in which either side has no face.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checks import InputError

LIPS = (61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91, 78, 81, 13, 311, 308, 402, 14, 178)
"""The 20 mesh points nearest to points 48 to 67 of the 68-point scheme, on which papers measure LMD."""
UPPER_INNER, LOWER_INNER = 13, 14
CORNER_RIGHT, CORNER_LEFT = 61, 291
EYE_RIGHT, EYE_LEFT = 33, 263

_DTW_FRAMES = 500  # sequences are aligned in pieces of at most this many frames


@dataclass(frozen=True, kw_only=True)
class Lag:
    """Where two signals agree best."""

    seconds: float
    """How much later the second signal is than the first."""
    correlation: float
    """Pearson correlation at that lag."""


@dataclass(frozen=True, kw_only=True)
class ClosureErrors:
    """Lips that are open when they should not be."""

    open_in_silence: float
    """Share of silent frames with closed true lips in which the predicted mouth is open; NaN without such frames."""
    unclosed: float
    """Share of the frames of speech with closed true lips (p, b, m) in which the predicted lips stay apart."""
    silent_frames: int
    """Silent frames with closed lips in the truth."""
    closed_frames: int
    """Frames of speech with closed lips in the truth."""


@dataclass(frozen=True, kw_only=True)
class Misalignment:
    """Mean temporal misalignment of lip motion."""

    seconds: float
    """Mean time between an extremum of the true lip distance and its partner; NaN where none has a partner."""
    matched: float
    """Share of the true extrema that found a partner."""


def detect_landmarks(frames: Iterable[np.ndarray]) -> np.ndarray:
    """Landmarks ``[T, 478, 2]`` of pictures u8 ``[H, W, 3]``, each on its own; NaN where no face is found."""
    from mediapipe.python.solutions.face_mesh import FaceMesh

    found = []
    with FaceMesh(static_image_mode=True, refine_landmarks=True, max_num_faces=1) as mesh:
        for frame in frames:
            result: Any = mesh.process(np.ascontiguousarray(frame))
            faces = result.multi_face_landmarks
            points = np.full((478, 2), np.nan)
            if faces:
                size = (frame.shape[1], frame.shape[0])
                points = np.array([(p.x, p.y) for p in faces[0].landmark]) * size
            found.append(points)
    return np.array(found, dtype=np.float32).reshape(-1, 478, 2)


def landmark_distance(truth: np.ndarray, predicted: np.ndarray, *, centred: bool = True) -> float:
    """LMD: mean distance in pixels between true and predicted lip landmarks.

    Args:
        truth: ``[T, 478, 2]`` pixels.
        predicted: ``[T, 478, 2]`` pixels.
        centred: Subtract the mean of the lips from each frame first, as the papers do, so that only shape counts.
            False also counts where the mouth is.

    Source: Chen et al., "Lip movements generation at a glance" (ECCV 2018).
    """
    _require_pair(truth, predicted)
    a, b = (np.asarray(x, dtype=float)[:, LIPS] for x in (truth, predicted))
    if centred:
        a, b = (x - x.mean(1, keepdims=True) for x in (a, b))
    return _nanmean(np.linalg.norm(a - b, axis=-1).mean(1))


def mouth_opening(landmarks: np.ndarray) -> np.ndarray:
    """Gap of the inner lips over the distance of the outer eye corners, ``[T]``."""
    return _distance(landmarks, UPPER_INNER, LOWER_INNER) / _distance(landmarks, EYE_RIGHT, EYE_LEFT)


def lip_width(landmarks: np.ndarray) -> np.ndarray:
    """Distance of the mouth corners over that of the outer eye corners, ``[T]``."""
    return _distance(landmarks, CORNER_RIGHT, CORNER_LEFT) / _distance(landmarks, EYE_RIGHT, EYE_LEFT)


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson correlation of two signals ``[T]`` over their finite frames; NaN where one does not move."""
    _require_pair(a, b)
    good = np.isfinite(a) & np.isfinite(b)
    if good.sum() < 3:
        return float("nan")
    x, y = a[good] - a[good].mean(), b[good] - b[good].mean()
    norm = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / norm) if norm > 1e-12 else float("nan")


def best_lag(first: np.ndarray, second: np.ndarray, fps: float, *, max_seconds: float = 0.4) -> Lag:
    """The shift of ``second`` ``[T]`` against ``first`` ``[T]`` at which they correlate best, finer than a frame."""
    _require_pair(first, second)
    T = len(first)
    reach = max(1, min(round(max_seconds * fps), T // 3))
    lags = np.arange(-reach, reach + 1)
    scores = np.array([correlation(first[max(0, -k) : T - max(0, k)], second[max(0, k) : T + min(0, k)]) for k in lags])
    if not np.isfinite(scores).any():
        return Lag(seconds=float("nan"), correlation=float("nan"))
    best = int(np.nanargmax(scores))
    offset = 0.0
    if 0 < best < len(lags) - 1:
        left, peak, right = scores[best - 1 : best + 2]
        bend = left - 2 * peak + right
        offset = 0.5 * (left - right) / bend if np.isfinite(bend) and bend < 0 else 0.0
    return Lag(seconds=float((lags[best] + offset) / fps), correlation=float(scores[best]))


def silent_frames(samples: np.ndarray, fps: float, num_frames: int, *, sample_rate: int = 16000) -> np.ndarray:
    """``[T]`` bool: the sound within 0.1 s either side of the frame is 25 dB below the loud parts of the clip."""
    level = frame_loudness(samples, fps, num_frames, sample_rate=sample_rate)
    reach = max(1, round(0.1 * fps))
    padded = np.pad(level, reach, mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(1)
    return around < np.percentile(level, 95) * 10 ** (-25 / 20) if num_frames else np.zeros(0, bool)


def frame_loudness(samples: np.ndarray, fps: float, num_frames: int, *, sample_rate: int = 16000) -> np.ndarray:
    """Root mean square of the sound of each frame, ``[T]``; 0 beyond its end."""
    edges = np.round(np.arange(num_frames + 1) * sample_rate / fps).astype(int).clip(0, len(samples))
    sums = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=float))])
    return np.sqrt((sums[edges[1:]] - sums[edges[:-1]]) / np.maximum(edges[1:] - edges[:-1], 1))


def closure_errors(truth: np.ndarray, predicted: np.ndarray, silent: np.ndarray) -> ClosureErrors:
    """Count frames with closed true lips in which the predicted mouth is open.

    Closed means within 10 % of the range of the true opening (1st to 99th percentile) above its bottom; the
    prediction must stay below 25 %.

    Args:
        truth: Mouth opening ``[T]`` (see :func:`mouth_opening`).
        predicted: Mouth opening ``[T]``.
        silent: ``[T]`` bool (see :func:`silent_frames`).
    """
    _require_pair(truth, predicted)
    good = np.isfinite(truth) & np.isfinite(predicted)
    if not good.any():
        return ClosureErrors(open_in_silence=float("nan"), unclosed=float("nan"), silent_frames=0, closed_frames=0)
    low, high = np.percentile(truth[good], [1, 99])
    closed = good & (truth <= low + 0.10 * (high - low))
    is_open = predicted > low + 0.25 * (high - low)
    quiet, spoken = closed & silent, closed & ~silent
    return ClosureErrors(
        open_in_silence=float(is_open[quiet].mean()) if quiet.any() else float("nan"),
        unclosed=float(is_open[spoken].mean()) if spoken.any() else float("nan"),
        silent_frames=int(quiet.sum()),
        closed_frames=int(spoken.sum()),
    )


def mean_temporal_misalignment(truth: np.ndarray, predicted: np.ndarray, fps: float) -> Misalignment:
    """MTM: time between matching extrema of the lip distance after derivative dynamic time warping.

    Both signals are smoothed (sigma 2 frames) and their slopes aligned; a true maximum or minimum and the
    predicted one that the path pairs with it count if the latter lies between the neighbouring true extrema.
    Longer clips are aligned in pieces of 500 frames.

    Args:
        truth: Lip distance ``[T]``, any unit.
        predicted: Lip distance ``[T]``.
        fps: Frames per second.

    Source: Chae-Yeon et al., "Perceptually accurate 3D talking head generation" (CVPR 2025).
    """
    from scipy.ndimage import gaussian_filter1d

    _require_pair(truth, predicted)
    deltas: list[int] = []
    extrema = 0
    for start in range(0, len(truth), _DTW_FRAMES):
        pieces = [_without_gaps(x[start : start + _DTW_FRAMES]) for x in (truth, predicted)]
        if any(x is None or len(x) < 3 for x in pieces):
            continue
        a, b = (gaussian_filter1d(x, 2.0) for x in pieces if x is not None)
        found, total = _paired_extrema(a, b)
        deltas += found
        extrema += total
    return Misalignment(
        seconds=float(np.mean(deltas)) / fps if deltas else float("nan"),
        matched=len(deltas) / extrema if extrema else float("nan"),
    )


def speech_lip_correlation(
    landmarks: np.ndarray, samples: np.ndarray, fps: float, *, window: float = 1.0, sample_rate: int = 16000
) -> float:
    """SLCC: correlation of how loud speech is with how much the lips move, over windows of ``window`` seconds.

    The paper correlates whole clips of several loudness levels; within one recording its windows take the place
    of the clips. Lips are centred and scaled by the eye distance, so that head motion does not count.

    Source: Chae-Yeon et al., "Perceptually accurate 3D talking head generation" (CVPR 2025).
    """
    lips = np.asarray(landmarks, dtype=float)[:, LIPS]
    lips = lips - lips.mean(1, keepdims=True)
    lips = lips / np.nanmedian(_distance(landmarks, EYE_RIGHT, EYE_LEFT))
    motion = np.linalg.norm(np.diff(lips, axis=0), axis=-1).mean(1)
    loudness = frame_loudness(samples, fps, len(landmarks), sample_rate=sample_rate)[1:]
    length = max(1, round(window * fps))
    count = len(motion) // length
    if count < 3:
        return float("nan")
    cut = count * length
    lip_power, speech_power = (np.sqrt(np.square(x[:cut]).reshape(count, length).mean(1)) for x in (motion, loudness))
    return correlation(lip_power, speech_power)


def _paired_extrema(truth: np.ndarray, predicted: np.ndarray) -> tuple[list[int], int]:
    from scipy.signal import find_peaks

    kinds = []
    for signal in (truth, predicted):
        kind = np.zeros(len(signal), int)
        kind[find_peaks(signal)[0]], kind[find_peaks(-signal)[0]] = 1, -1
        kinds.append(kind)
    at = np.flatnonzero(kinds[0])
    before = dict(zip(at, [0, *at[:-1]], strict=True))
    after = dict(zip(at, [*at[1:], len(truth) - 1], strict=True))
    path = derivative_time_warping(truth, predicted)
    paired = {
        int(i): abs(int(i) - int(j))
        for i, j in path
        if kinds[0][i] != 0 and kinds[0][i] == kinds[1][j] and before[i] <= j <= after[i]
    }
    return list(paired.values()), len(at)


def derivative_time_warping(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cheapest monotone path ``[P, 2]`` of index pairs that aligns the slopes of ``a`` ``[T]`` and ``b`` ``[S]``.

    Source: Keogh and Pazzani, "Derivative dynamic time warping" (2001), with first differences as slopes.
    """
    slopes_a, slopes_b = np.diff(a, prepend=a[0]), np.diff(b, prepend=b[0])
    n, m = len(a), len(b)
    total = np.full((n + 1, m + 1), np.inf)
    total[0, 0] = 0
    for diagonal in range(n + m - 1):
        i = np.arange(max(0, diagonal - m + 1), min(n, diagonal + 1))
        j = diagonal - i
        best = np.minimum(np.minimum(total[i, j], total[i, j + 1]), total[i + 1, j])
        total[i + 1, j + 1] = np.abs(slopes_a[i] - slopes_b[j]) + best
    path, i, j = [], n, m
    while i > 0 and j > 0:
        path.append((i - 1, j - 1))
        step = int(np.argmin([total[i - 1, j - 1], total[i - 1, j], total[i, j - 1]]))
        i, j = (i - 1, j - 1) if step == 0 else (i - 1, j) if step == 1 else (i, j - 1)
    return np.array(path[::-1])


def _without_gaps(signal: np.ndarray) -> np.ndarray | None:
    good = np.isfinite(signal)
    if good.mean() < 0.5:
        return None
    at = np.arange(len(signal))
    return np.interp(at, at[good], signal[good])


def _distance(landmarks: np.ndarray, i: int, j: int) -> np.ndarray:
    return np.linalg.norm(np.asarray(landmarks[:, i], float) - np.asarray(landmarks[:, j], float), axis=-1)


def _nanmean(values: np.ndarray) -> float:
    good = values[np.isfinite(values)]
    return float(good.mean()) if good.size else float("nan")


def _require_pair(a: np.ndarray, b: np.ndarray) -> None:
    if np.shape(a) != np.shape(b):
        raise InputError(f"truth has shape {np.shape(a)} and the prediction {np.shape(b)}; they must be equal.")
