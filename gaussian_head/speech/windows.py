"""Carries speech features from their own clock to that of the pictures."""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import InputError
from ..smoothing import blurred
from .encoders import SpeechFeatures

BLUR = 0.375
"""Standard deviation, in picture frames, of the Gaussian that keeps fast features from aliasing."""


def at_frame_rate(features: SpeechFeatures, fps: float, num_frames: int, *, offset: float = 0.0) -> Tensor:
    """Features at the times of the pictures.

    Args:
        features: features at their own rate.
        fps: pictures per second.
        num_frames: T; moments past the end repeat the last row.
        offset: seconds added to every picture's time; positive where the sound lags the picture.

    Returns:
        ``[T, A]`` f32; row ``t`` is the features around ``t / fps + offset`` seconds.

    Raises:
        InputError: ``fps`` or ``num_frames`` is not positive.
    """
    if not fps > 0 or num_frames < 1:
        raise InputError(f"fps is {fps} and num_frames {num_frames}; both must be positive.")
    times = (torch.arange(num_frames, dtype=torch.float64) / fps + offset) * features.rate
    return interpolated(blurred(features.values, BLUR * features.rate / fps), times)


def interpolated(values: Tensor, times: Tensor) -> Tensor:
    """Rows of ``values [F, A]`` at fractional row numbers ``times [T]``, held at both ends."""
    times = times.clamp(0, len(values) - 1)
    low = times.long()
    high = (low + 1).clamp(max=len(values) - 1)
    weight = (times - low)[:, None].to(values.dtype)
    return values[low] * (1 - weight) + values[high] * weight
