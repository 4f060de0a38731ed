"""How far the sound of a clip is from its picture."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError
from ..conventions import SAMPLE_RATE
from ..ridge import left_out, solve_normal
from .encoders import encode_speech
from .windows import at_frame_rate, interpolated

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
FEWEST_SECONDS = 3.0


class OffsetEstimate(NamedTuple):
    """Where the sound lies against the picture."""

    offset: float
    """Seconds by which the sound lags the picture: sound sample ``(t + offset) * 16000`` belongs to picture time t."""
    confidence: float
    """In [0, 1]; below 0.3 the offset should not be trusted (no speech, or the speaker is not in the picture)."""


def estimate_offset(samples: np.ndarray, mouth_opening: Tensor | np.ndarray, fps: float) -> OffsetEstimate:
    """Offset of sound to picture within ±0.4 s, from how well the sound predicts the mouth at each offset.

    For each offset a ridge regression from the speech features of one moment to the mouth opening is
    scored on blocks it was not fitted to; the centre of the peak, less the natural lead of lips, is the
    offset. To correct a clip drop ``offset * 16000`` samples from the start of its sound (or put silence
    before it where negative).

    Args:
        samples: ``[S]`` mono f32 at 16 kHz.
        mouth_opening: ``[T]`` in any unit; NaN where no face was found.
        fps: pictures per second.

    Returns:
        Offset in seconds and confidence. A clip of less than three seconds of seen mouth or with a mouth that never
        moves gets (0, 0).

    Raises:
        InputError: the sound is empty or not finite, or ``fps`` is not positive.
    """
    if not fps > 0:
        raise InputError(f"fps is {fps}; a positive number was wanted.")
    opening = torch.as_tensor(np.asarray(mouth_opening), dtype=torch.float64)[:MOST_FRAMES]
    features = encode_speech(samples[: int((len(opening) / fps + 1) * SAMPLE_RATE)])
    seen = opening.isfinite()
    if seen.sum() < FEWEST_SECONDS * fps or float(opening[seen].std()) < 1e-6:
        return OffsetEstimate(0.0, 0.0)
    reach = MAX_OFFSET + PEAK_WIDTH / 2
    lags = torch.arange(LIP_LEAD - reach, LIP_LEAD + reach, STEP, dtype=torch.float64)
    row = torch.arange(len(opening), dtype=torch.float64)
    filled = torch.from_numpy(np.interp(row.numpy(), row[seen].numpy(), opening[seen].numpy()))
    shifted = torch.stack([interpolated(filled[:, None], row - lag * fps)[:, 0] for lag in lags], 1)
    margin = round((reach + LIP_LEAD) * fps)
    inside = slice(margin, len(opening) - margin)
    values = at_frame_rate(features, fps, len(opening)).double()
    scores = _scores(values[inside], shifted[inside], round(GAP_SECONDS * fps)).numpy()
    return _estimate(lags.numpy(), scores)


def _scores(values: Tensor, wanted: Tensor, gap: int) -> Tensor:
    """Correlation ``[n]`` of each column of ``wanted [T, n]`` with its prediction from ``values [T, A]``.

    Each block of frames is predicted by a ridge regression on the others.
    """
    predicted = torch.zeros_like(wanted)
    begins = [len(values) * fold // FOLDS for fold in range(1, FOLDS)]
    for block, fit in left_out(torch.arange(len(values)), begins, gap):
        mean, scale, level = values[fit].mean(0), values[fit].std(0) + 1e-3, wanted[fit].mean(0)
        x = (values[fit] - mean) / scale
        weights = solve_normal(x.T @ x, x.T @ (wanted[fit] - level), PENALTY)
        predicted[block] = (values[block] - mean) / scale @ weights + level
    predicted, wanted = predicted - predicted.mean(0), wanted - wanted.mean(0)
    return (predicted * wanted).sum(0) / (predicted.norm(dim=0) * wanted.norm(dim=0)).clamp(min=1e-12)


def _estimate(lags: np.ndarray, scores: np.ndarray) -> OffsetEstimate:
    """Offset and confidence from the score at each lag."""
    peak = int(scores.argmax())
    elsewhere = scores[np.abs(lags - lags[peak]) > PEAK_WIDTH].max(initial=0.0)
    confidence = np.clip((scores[peak] - elsewhere - CHANCE) / (CERTAIN - CHANCE), 0, 1)
    offset = np.clip(_peak_centre(lags, scores, peak) - LIP_LEAD, -MAX_OFFSET, MAX_OFFSET)
    return OffsetEstimate(float(offset), float(confidence))


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
