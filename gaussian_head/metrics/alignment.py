"""How two signals agree in time: correlation, lag, and derivative dynamic time warping."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..checks import InputError

_DTW_FRAMES = 500  # sequences are aligned in pieces of at most this many frames


@dataclass(frozen=True, kw_only=True)
class Lag:
    """Where two signals agree best."""

    seconds: float
    """How much later the second signal is than the first."""
    correlation: float
    """Pearson correlation at that lag."""


@dataclass(frozen=True, kw_only=True)
class Misalignment:
    """Mean temporal misalignment of lip motion."""

    seconds: float
    """Mean time between an extremum of the true lip distance and its partner; NaN where none has a partner."""
    matched: float
    """Share of the true extrema that found a partner."""


def require_pair(a: np.ndarray, b: np.ndarray) -> None:
    """Raise InputError unless truth and prediction have one shape."""
    if np.shape(a) != np.shape(b):
        raise InputError(f"truth has shape {np.shape(a)} and the prediction {np.shape(b)}; they must be equal.")


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson correlation of two signals ``[T]`` over their finite frames; NaN where one does not move."""
    require_pair(a, b)
    good = np.isfinite(a) & np.isfinite(b)
    if good.sum() < 3:
        return float("nan")
    x, y = a[good] - a[good].mean(), b[good] - b[good].mean()
    norm = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / norm) if norm > 1e-12 else float("nan")


def best_lag(first: np.ndarray, second: np.ndarray, fps: float, *, max_seconds: float = 0.4) -> Lag:
    """The shift of ``second`` ``[T]`` against ``first`` ``[T]`` at which they correlate best, finer than a frame."""
    require_pair(first, second)
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

    require_pair(truth, predicted)
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


def _paired_extrema(truth: np.ndarray, predicted: np.ndarray) -> tuple[list[int], int]:
    from scipy.signal import find_peaks

    kinds = []
    for signal in (truth, predicted):
        kind = np.zeros(len(signal), int)
        kind[find_peaks(signal)[0]], kind[find_peaks(-signal)[0]] = 1, -1
        kinds.append(kind)
    at = np.flatnonzero(kinds[0])
    bounds = [0, *at, len(truth) - 1]
    before, after = dict(zip(at, bounds[:-2], strict=True)), dict(zip(at, bounds[2:], strict=True))
    path = derivative_time_warping(truth, predicted)
    paired = {
        int(i): abs(int(i) - int(j))
        for i, j in path
        if kinds[0][i] != 0 and kinds[0][i] == kinds[1][j] and before[i] <= j <= after[i]
    }
    return list(paired.values()), len(at)


def _without_gaps(signal: np.ndarray) -> np.ndarray | None:
    good = np.isfinite(signal)
    if good.mean() < 0.5:
        return None
    at = np.arange(len(signal))
    return np.interp(at, at[good], signal[good])
