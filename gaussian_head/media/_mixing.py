"""Which sound track is heard, and how its channels become one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

CENTRES = {"FC": 1.0, "FL": 0.5**0.5, "FR": 0.5**0.5, "FLC": 0.5**0.5, "FRC": 0.5**0.5, "LFE": 0.0, "LFE2": 0.0}
"""Weights of channels where there is a centre (ITU-R BT.775, the centre at its own level); of others, SURROUND."""
SURROUND = 0.5
CANCELLED = 0.25
"""Channels whose sum has less than this share of the power that unrelated ones would give cancel each other."""
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
"""Names of the layouts that are written, by their number of channels; others become stereo."""
SILENT = 1e-4
"""Peak below which a track is silence."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What one pass over a sound track found."""

    weights: dict[str, np.ndarray]
    """``[C]`` for each layout of channels in the track."""
    silent: bool
    """True where nothing is to be heard."""
    cancelled: bool
    """True where channels cancelled each other, and only the loudest is taken."""


def standard_weights(layout: Any) -> np.ndarray:
    """``[C]`` by which channels add up to mono: the mean, or BT.775 where there is a centre among others."""
    names = [channel.name for channel in layout.channels]
    if len(names) > 2 and "FC" in names:
        return np.array([CENTRES.get(name, SURROUND) for name in names], np.float32)
    heard = np.array([CENTRES.get(name, 1.0) > 0 for name in names], np.float32)
    return heard / max(heard.sum(), 1)


def listen(frames: Iterable[tuple[Any, np.ndarray]]) -> Heard:
    """Go through the decoded frames of a track and their samples ``[C, S]``, keeping nothing but sums."""
    powers: dict[str, np.ndarray] = {}
    weights: dict[str, np.ndarray] = {}
    peaks: dict[str, float] = {}
    loudest = 0.0
    for frame, samples in frames:
        name = frame.layout.name
        if name not in weights:
            weights[name] = standard_weights(frame.layout)
            powers[name], peaks[name] = np.zeros((len(samples), len(samples))), 0.0
        powers[name] += samples @ samples.T
        peaks[name] = max(peaks[name], float(np.abs(weights[name] @ samples).max(initial=0)))
        loudest = max(loudest, float(np.abs(samples).max(initial=0)))
    cancelled = False
    for name, power in powers.items():
        w = weights[name].astype(np.float64)
        if w @ power @ w < CANCELLED * (w**2 @ power.diagonal()):
            best = int(np.argmax(np.where(w > 0, power.diagonal(), -1)))
            weights[name] = np.eye(len(w), dtype=np.float32)[best]
            cancelled = True
        elif peaks[name] > 1:
            weights[name] = weights[name] / np.float32(peaks[name])
    return Heard(weights=weights, silent=loudest < SILENT, cancelled=cancelled)


def planar(frame: Any) -> np.ndarray:
    """Samples of a decoded frame, ``[C, S]`` f32 with full scale at 1."""
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, len(frame.layout.channels)).T
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - 128) / 128
    if np.issubdtype(samples.dtype, np.integer):
        return samples.astype(np.float32) / np.float32(-float(np.iinfo(samples.dtype).min))
    return samples.astype(np.float32)
