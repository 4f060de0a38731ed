"""Sound of the clip in step with its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..capture.layout import SAMPLE_RATE
from ..checks import InputError
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


def read_sound(video: Path, info: VideoInfo, listener: Listener = ignore) -> np.ndarray | None:
    """The clip's sound as ``[S]`` f32 mono at 16 kHz, checked; None where there is none.

    Raises:
        InputError: the sound cannot be decoded, or holds values that are no numbers.
    """
    if not info.has_audio:
        listener(Warned(message="The video has no sound: the head can be trained, but not taught to speak."))
        return None
    listener(Progress(stage="tracking: sound", done=0, total=1))
    samples = read_audio(video, sample_rate=SAMPLE_RATE)
    broken = np.flatnonzero(~np.isfinite(samples))
    if len(broken):
        raise InputError(
            f"the sound of video {video} is damaged: {len(broken)} of its values are no numbers, the first at"
            f" {broken[0] / SAMPLE_RATE:.2f} s. Export the video again with its sound as AAC or 16-bit PCM."
        )
    listener(Progress(stage="tracking: sound", done=1, total=1))
    return samples


def sound_in_step(
    samples: np.ndarray, opening: np.ndarray, fps: float, num_train: int, listener: Listener = ignore
) -> Sound:
    """Correct the sound's offset, measured on training frames.

    Args:
        samples: ``[S]`` f32 mono at 16 kHz from the first picture on.
        opening: ``[N]`` mouth opening of all frames, NaN where no face was found.
        fps: Frames per second.
        num_train: Frames that may be used.
        listener: Gets Warned events.
    """
    from ..speech import estimate_offset

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
