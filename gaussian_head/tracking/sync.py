"""Sound of the clip in step with its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..capture.layout import SAMPLE_RATE
from ..events import Listener, Progress, Warned, ignore
from ..media import VideoInfo, read_audio

SURE = 0.2
"""Confidence below which a measured offset is not applied."""


@dataclass(frozen=True, kw_only=True)
class Sound:
    """The clip's sound, shifted to fit the pictures."""

    samples: np.ndarray
    """``[S]`` f32 mono at 16 kHz, exactly as long as the pictures."""
    offset: float
    """Seconds by which the sound came late (negative: early); corrected in ``samples``."""
    confidence: float
    """0 to 1, how far the measured offset is to be believed."""


def sound_in_step(
    video: Path, info: VideoInfo, opening: np.ndarray, fps: float, num_train: int, listener: Listener = ignore
) -> Sound | None:
    """Read the sound and correct its offset, measured on training frames; None where there is no sound.

    Args:
        video: The clip.
        info: What probing said of it.
        opening: ``[N]`` mouth opening of all frames.
        fps: Frames per second.
        num_train: Frames that may be used.
    """
    from ..speech import estimate_offset

    if not info.has_audio:
        listener(Warned(message="The video has no sound: the head can be trained, but not taught to speak."))
        return None
    listener(Progress(stage="tracking: sound", done=0, total=1))
    samples = read_audio(video, sample_rate=SAMPLE_RATE)
    heard = samples[: round(num_train / fps * SAMPLE_RATE)]
    if np.abs(heard).max(initial=0) < 1e-4:
        listener(Warned(message="The sound track is silent: the head cannot be taught to speak from it."))
        offset, confidence = 0.0, 0.0
    else:
        offset, confidence = estimate_offset(heard, opening[:num_train], fps)
    if confidence < SURE:
        offset = 0.0
    if abs(offset) > 0.1:
        word = "late" if offset > 0 else "early"
        listener(Warned(message=f"The sound came {abs(offset):.2f} s {word}; this was corrected."))
    listener(Progress(stage="tracking: sound", done=1, total=1))
    length = round(len(opening) / fps * SAMPLE_RATE)
    return Sound(samples=shift_samples(samples, offset, length), offset=round(offset, 4), confidence=float(confidence))


def shift_samples(samples: np.ndarray, offset: float, length: int) -> np.ndarray:
    """``length`` samples starting ``offset`` seconds into ``samples [S]``; silence where there are none."""
    start = round(offset * SAMPLE_RATE)
    out = np.zeros(length, np.float32)
    part = samples[max(start, 0) : max(start + length, 0)]
    at = max(-start, 0)
    part = part[: max(length - at, 0)]
    out[at : at + len(part)] = part
    return out
