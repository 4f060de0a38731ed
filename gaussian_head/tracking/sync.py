"""Sound of the clip in step with its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..conventions import SAMPLE_RATE
from ..events import Listener, Progress, ignore
from ..media import VideoInfo, read_audio
from .findings import Findings

SURE = 0.2
"""Confidence below which a measured offset is not applied."""
SILENT = 1e-4
"""Loudest sample, of 1, below which a track is silent."""
SHORT_SECONDS = 0.5
"""Seconds that the sound may end before the pictures."""


@dataclass(frozen=True, kw_only=True)
class Sound:
    """The clip's sound, shifted to fit the pictures."""

    samples: np.ndarray
    """``[S]`` f32 mono at 16 kHz, exactly as long as the pictures."""
    offset: float
    """Seconds by which the sound came late (negative: early); corrected in ``samples``."""
    confidence: float
    """0 to 1, how far the measured offset is to be believed."""


def read_sound(video: Path, info: VideoInfo, findings: Findings, listener: Listener = ignore) -> np.ndarray | None:
    """The clip's sound as ``[S]`` f32 mono at 16 kHz; None where there is none.

    Raises:
        InputError: as ``read_audio`` does.
    """
    if not info.has_audio:
        findings.add("no sound", "The video has no sound: the head can be trained, but not taught to speak.")
        return None
    listener(Progress(stage="tracking: sound", done=0, total=1))
    heard = findings.listening("sound")
    samples = read_audio(video, sample_rate=SAMPLE_RATE, listener=heard)
    listener(Progress(stage="tracking: sound", done=1, total=1))
    return samples


def sound_in_step(
    samples: np.ndarray, opening: np.ndarray, fps: float, num_train: int, findings: Findings, *, start: float = 0.0
) -> Sound:
    """Correct the sound's offset, measured on training frames.

    Args:
        samples: ``[S]`` f32 mono at 16 kHz from the video's first picture on.
        opening: ``[N]`` mouth opening of all frames, NaN where no face was found.
        fps: Frames per second.
        num_train: Frames that may be used.
        findings: Gets what is doubtful about the sound.
        start: Seconds of the video before the first of the frames.
    """
    from ..speech import estimate_offset

    seconds = len(opening) / fps
    ours = samples[round(start * SAMPLE_RATE) :]
    heard = ours[: round(num_train / fps * SAMPLE_RATE)]
    if np.abs(heard).max(initial=0) < SILENT:
        findings.add("silent", "The sound track is silent: the head cannot be taught to speak from it.")
        offset, confidence = 0.0, 0.0
    else:
        offset, confidence = estimate_offset(heard, opening[:num_train], fps)
        if confidence < SURE:
            offset = 0.0
            findings.add(
                "sync unknown",
                "It could not be measured whether sound and picture are in step; check that lips and voice agree.",
            )
        if len(ours) / SAMPLE_RATE < seconds - SHORT_SECONDS:
            findings.add(
                "short sound",
                f"The sound ends at {len(ours) / SAMPLE_RATE:.1f} s of {seconds:.1f} s of pictures: silence follows.",
            )
    if abs(offset) > 0.1:
        word = "late" if offset > 0 else "early"
        findings.add("out of step", f"The sound came {abs(offset):.2f} s {word}; this was corrected.")
    length = round(seconds * SAMPLE_RATE)
    return Sound(
        samples=shift_samples(samples, start + offset, length), offset=round(offset, 4), confidence=float(confidence)
    )


def shift_samples(samples: np.ndarray, offset: float, length: int) -> np.ndarray:
    """``length`` samples starting ``offset`` seconds into ``samples [S]``; silence where there are none."""
    start = round(offset * SAMPLE_RATE)
    out = np.zeros(length, np.float32)
    part = samples[max(start, 0) : max(start + length, 0)]
    at = max(-start, 0)
    part = part[: max(length - at, 0)]
    out[at : at + len(part)] = part
    return out
