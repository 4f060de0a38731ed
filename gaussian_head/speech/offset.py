"""How far the sound of a clip is from its picture."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError
from .encoders import encode_speech
from .windows import at_frame_rate

MAX_OFFSET = 0.4
"""Largest offset looked for, seconds."""

STEP = 0.02
"""Distance of the offsets tried, seconds."""

LIP_LEAD = 0.045
"""Seconds by which lips lead the sound they belong to in clips known to be in step."""

PEAK_WIDTH = 0.25
"""Beyond this distance from the peak, seconds, scores tell what chance gives."""
CHANCE, CERTAIN = 0.15, 0.4
"""Rise of the peak over the other scores that means nothing, and that leaves no doubt (another clip's sound
gives up to 0.25, half a minute of the right one 0.4 and more)."""

FOLDS = 5
GAP_SECONDS = 0.3
"""Left out between training and test frames."""
PENALTY = 300.0
MOST_FRAMES = 3000
"""Frames looked at; two minutes settle the matter."""
FEWEST_FRAMES = 50


class OffsetEstimate(NamedTuple):
    """Where the sound lies against the picture."""

    offset: float
    """Seconds by which the sound lags the picture: sound sample ``(t + offset) * 16000`` belongs to picture time t."""
    confidence: float
    """In [0, 1]; below 0.3 the offset should not be trusted (no speech, or the speaker is not in the picture)."""


def estimate_offset(samples: np.ndarray, mouth_opening: Tensor | np.ndarray, fps: float) -> OffsetEstimate:
    """Offset of sound to picture within ±0.4 s, from how well the sound predicts the mouth at each offset.

    For each offset a ridge regression from the speech features of one moment to the mouth opening
    is scored on blocks it was not fitted to; the centre of the peak, less the natural lead of lips, is the
    offset. To correct a clip drop ``offset * 16000`` samples from the start of its sound (or put silence
    before it where negative).

    Args:
        samples: ``[S]`` mono f32 at 16 kHz.
        mouth_opening: ``[T]`` in any unit; NaN where no face was found.
        fps: pictures per second.

    Returns:
        Offset in seconds and confidence. A clip of less than two seconds of seen mouth or with a mouth that never
        moves gets (0, 0).

    Raises:
        InputError: the sound is empty or not finite, or ``fps`` is not positive.
    """
    if not fps > 0:
        raise InputError(f"fps is {fps}; a positive number was wanted.")
    opening = torch.as_tensor(np.asarray(mouth_opening), dtype=torch.float32)[:MOST_FRAMES]
    seen = opening.isfinite()
    features = encode_speech(samples[: int((len(opening) / fps + 1) * 16000)])
    if seen.sum() < max(FEWEST_FRAMES, 2 * fps) or float(opening[seen].std()) < 1e-6:
        return OffsetEstimate(0.0, 0.0)
    reach = MAX_OFFSET + PEAK_WIDTH / 2
    lags = np.arange(LIP_LEAD - reach, LIP_LEAD + reach, STEP)
    scores = np.array([_score(at_frame_rate(features, fps, len(opening), offset=lag), opening, fps) for lag in lags])
    peak = int(scores.argmax())
    elsewhere = scores[np.abs(lags - lags[peak]) > PEAK_WIDTH].max(initial=0.0)
    confidence = np.clip((scores[peak] - elsewhere - CHANCE) / (CERTAIN - CHANCE), 0, 1)
    offset = _peak_centre(lags, scores, peak) - LIP_LEAD
    return OffsetEstimate(float(np.clip(offset, -MAX_OFFSET, MAX_OFFSET)), float(confidence))


def _score(values: Tensor, opening: Tensor, fps: float) -> float:
    """Correlation of the opening with its prediction from ``values [T, A]``, each block predicted from the others."""
    T = len(opening)
    seen = opening.isfinite()
    gap = round(GAP_SECONDS * fps)
    predicted = torch.zeros(T)
    for fold in range(FOLDS):
        first, last = T * fold // FOLDS, T * (fold + 1) // FOLDS
        fit = seen.clone()
        fit[max(first - gap, 0) : last + gap] = False
        x, y = values[fit], opening[fit]
        mean, scale, level = x.mean(0), x.std(0) + 1e-3, y.mean()
        x = (x - mean) / scale
        weights = torch.linalg.solve(x.T @ x + PENALTY * torch.eye(x.shape[1]), x.T @ (y - level))
        predicted[first:last] = (values[first:last] - mean) / scale @ weights + level
    return float(torch.corrcoef(torch.stack([predicted[seen], opening[seen]]))[0, 1].nan_to_num(0))


def _peak_centre(lags: np.ndarray, scores: np.ndarray, peak: int) -> float:
    """Centre of gravity of what rises above four fifths of the peak around it."""
    height = np.clip(scores - 0.8 * scores[peak], 0, None)
    first = last = peak
    while first > 0 and height[first - 1] > 0:
        first -= 1
    while last < len(height) - 1 and height[last + 1] > 0:
        last += 1
    part = slice(first, last + 1)
    return float((height[part] * lags[part]).sum() / max(height[part].sum(), 1e-12))
