"""How well lips move: from landmark arrays ``[T, 478, 2]`` in pixels, NaN where no face was found.

Landmarks are MediaPipe's face mesh. Every measure skips frames in which either side has no face.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..conventions import SAMPLE_RATE
from ..facenet import NUM_LANDMARKS, FaceLandmarks
from ..quiet import frame_loudness, silent_frames
from .alignment import (
    Lag,
    Misalignment,
    best_lag,
    correlation,
    mean_temporal_misalignment,
    require_pair,
)

LIPS = (61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91, 78, 81, 13, 311, 308, 402, 14, 178)
"""The 20 mesh points nearest to points 48 to 67 of the 68-point scheme, on which papers measure LMD."""
UPPER_INNER, LOWER_INNER = 13, 14
CORNER_RIGHT, CORNER_LEFT = 61, 291
EYE_RIGHT, EYE_LEFT = 33, 263
SHORTEST_SPEECH = 1.5
"""Seconds below which no correlation of lips and loudness is told."""


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
class SilenceScores:
    """A head driven by the sound of its own clip, in the silences of that sound."""

    closed: float
    """Share of the silent frames in which the rendered mouth is closed; NaN without silence."""
    closed_truth: float
    """The same of the recorded person, who may well pause with open lips."""
    frames: int
    """Silent frames rendered."""


def silence_scores(captured: np.ndarray, driven: np.ndarray, recorded: np.ndarray) -> SilenceScores:
    """Count closed mouths.

    Args:
        captured: Mouth opening ``[N]`` of the training frames; a mouth is closed below 25 % of their range
            (1st to 99th percentile).
        driven: Mouth opening ``[T]`` of the driven head in silent frames.
        recorded: Mouth opening ``[T]`` of the recording in the same frames.
    """
    low, high = np.percentile(captured[np.isfinite(captured)], [1, 99])
    limit = low + 0.25 * (high - low)
    shares = [float((x[np.isfinite(x)] < limit).mean()) if np.isfinite(x).any() else np.nan for x in (driven, recorded)]
    return SilenceScores(closed=shares[0], closed_truth=shares[1], frames=int(np.isfinite(driven).sum()))


@dataclass(frozen=True, kw_only=True)
class LipSync:
    """What a judge of lips says of pictures and the sound beside them."""

    readability: float
    """How well the lips say the sound, -1 to 1."""
    offset: float
    """Seconds by which the sound is late; NaN for less than two seconds or so."""
    confidence: float
    """How sure that is; NaN likewise."""


@dataclass(frozen=True, kw_only=True)
class LipScores:
    """Everything measured on the lips of one prediction."""

    lmd: float
    """Mean-centred lip landmark distance, pixels (see :func:`landmark_distance`)."""
    lmd_uncentred: float
    """The same without centring."""
    opening_correlation: float
    """Pearson correlation of true and predicted mouth opening."""
    width_correlation: float
    """Pearson correlation of true and predicted lip width."""
    opening_lag: Lag
    """Lag of the predicted mouth opening behind the true one."""
    closure: ClosureErrors
    """Lips that stay open."""
    misalignment: Misalignment
    """MTM."""
    slcc: float
    """Speech-lip intensity correlation of the prediction, which a still mouth in a moving head may have too (see
    ``speech_lip_correlation``); NaN without sound."""
    slcc_truth: float
    """The same of the truth."""
    detected: float
    """Share of frames in which both sides have a face."""


class LandmarkDetector:
    """Finds the landmarks of single pictures."""

    def __init__(self) -> None:
        self._find = FaceLandmarks()

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Landmarks ``[478, 2]`` in pixels of a picture u8 ``[H, W, 3]``; NaN where no face is found."""
        faces = self._find(frame)
        return faces[0][:, :2] if faces else np.full((NUM_LANDMARKS, 2), np.nan, np.float32)


def detect_landmarks(frames: Iterable[np.ndarray]) -> np.ndarray:
    """Landmarks ``[T, 478, 2]`` in pixels of pictures u8 ``[H, W, 3]``, each on its own; NaN where no face is found."""
    detector = LandmarkDetector()
    return np.array([detector(frame) for frame in frames], np.float32).reshape(-1, NUM_LANDMARKS, 2)


def landmark_distance(truth: np.ndarray, predicted: np.ndarray, *, centred: bool = True) -> float:
    """LMD: mean distance in pixels between true and predicted lip landmarks.

    Args:
        truth: ``[T, 478, 2]`` pixels.
        predicted: ``[T, 478, 2]`` pixels.
        centred: Subtract the mean of the lips from each frame first, as the papers do, so that only shape counts.
            False also counts where the mouth is.

    Source: Chen et al., "Lip movements generation at a glance" (ECCV 2018).
    """
    require_pair(truth, predicted)
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


def closure_errors(truth: np.ndarray, predicted: np.ndarray, silent: np.ndarray) -> ClosureErrors:
    """Count frames with closed true lips in which the predicted mouth is open.

    Closed means within 10 % of the range of the true opening (1st to 99th percentile) above its bottom; the
    prediction must stay below 25 %.

    Args:
        truth: Mouth opening ``[T]`` (see :func:`mouth_opening`).
        predicted: Mouth opening ``[T]``.
        silent: ``[T]`` bool (see `quiet`).
    """
    require_pair(truth, predicted)
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


def speech_lip_correlation(
    landmarks: np.ndarray, samples: np.ndarray, fps: float, *, window: float = 0.2, sample_rate: int = SAMPLE_RATE
) -> float:
    """SLCC: correlation of how loud speech is with how much the lips move, over windows of ``window`` seconds.

    The paper correlates whole clips of several loudness levels; within one recording its windows take the place of the
    clips. They begin a fifth of a window, or a frame, apart. Lips are centred and scaled by the eye distance. NaN for
    less than SHORTEST_SPEECH.

    What it tells: whether lips move when the voice is loud, not how far. Heads nod with their voice, and in three
    clips landmarks on the nose, which move a quarter as much, went with loudness as well as the lips did (over 2 s .17
    and .25, .38 and .50, .58 and .53); centring lips on the face, or turning and stretching it straight first, changes
    little. So a still mouth in a moving head scores like a speaking one, and another sound does not (.04, -.14, .05).

    Source: Chae-Yeon et al., "Perceptually accurate 3D talking head generation" (CVPR 2025).
    """
    lips = np.asarray(landmarks, dtype=float)[:, LIPS]
    lips = lips - lips.mean(1, keepdims=True)
    lips = lips / np.nanmedian(_distance(landmarks, EYE_RIGHT, EYE_LEFT))
    motion = np.linalg.norm(np.diff(lips, axis=0), axis=-1).mean(1)
    loudness = frame_loudness(samples, fps, len(landmarks), sample_rate=sample_rate)[1:]
    length = max(1, round(window * fps))
    if len(motion) < SHORTEST_SPEECH * fps:
        return float("nan")
    starts = np.arange(0, len(motion) - length + 1, max(1, length // 5))
    lip_power, speech_power = (
        np.array([np.sqrt(np.square(x[s : s + length]).mean()) for s in starts]) for x in (motion, loudness)
    )
    return correlation(lip_power, speech_power)


def lip_scores(truth: np.ndarray, predicted: np.ndarray, fps: float, samples: np.ndarray | None = None) -> LipScores:
    """All lip measures of landmarks ``[T, 478, 2]``; ``samples`` is the sound, 16 kHz mono, from the first frame on."""
    require_pair(truth, predicted)
    opening = mouth_opening(truth), mouth_opening(predicted)
    T = len(truth)
    silent = np.zeros(T, bool) if samples is None else silent_frames(samples, fps, T)
    slcc = [float("nan") if samples is None else speech_lip_correlation(x, samples, fps) for x in (predicted, truth)]
    return LipScores(
        lmd=landmark_distance(truth, predicted),
        lmd_uncentred=landmark_distance(truth, predicted, centred=False),
        opening_correlation=correlation(*opening),
        width_correlation=correlation(lip_width(truth), lip_width(predicted)),
        opening_lag=best_lag(*opening, fps),
        closure=closure_errors(*opening, silent),
        misalignment=mean_temporal_misalignment(*opening, fps),
        slcc=slcc[0],
        slcc_truth=slcc[1],
        detected=float(np.isfinite(opening[0] + opening[1]).mean()) if T else float("nan"),
    )


def _distance(landmarks: np.ndarray, i: int, j: int) -> np.ndarray:
    return np.linalg.norm(np.asarray(landmarks[:, i], float) - np.asarray(landmarks[:, j], float), axis=-1)


def _nanmean(values: np.ndarray) -> float:
    good = values[np.isfinite(values)]
    return float(good.mean()) if good.size else float("nan")
