"""What a head can perform: its captured clip, and every voice it was given."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from torch import Tensor

from gaussian_head.checks import InputError
from gaussian_head.head import Head
from gaussian_head.media import read_audio
from gaussian_head.motion import Motion, blinks
from gaussian_head.rendering import captured_sound

from . import uploads
from .bridge import outline, wav_base64

log = logging.getLogger(__name__)
SAMPLE_RATE = 16000
MAX_SECONDS = 600
"""Longest voice taken from a browser; it is kept whole in its memory."""


@dataclass(frozen=True, kw_only=True)
class Performance:
    """A motion and the sound that belongs to it."""

    name: str
    """Shown to the user."""
    motion: Motion
    """T frames."""
    samples: np.ndarray | None = None
    """``[S]`` mono at 16 kHz, None for silence."""

    @cached_property
    def blinks(self) -> Tensor:
        """``[T]`` generated blinks, 0 open, 1 closed; always the same ones."""
        return blinks(len(self.motion), self.motion.fps)

    def payload(self, number: int) -> dict[str, object]:
        """What the browser's player needs, as plain JSON; silent ones are outlined by how the jaw moves."""
        jaw = self.motion.channel("jaw_open").numpy() if "jaw_open" in self.motion.channels else np.zeros(1)
        return {
            "id": number,
            "name": self.name,
            "fps": self.motion.fps,
            "duration": self.motion.duration,
            "peaks": outline(jaw - jaw.min() if self.samples is None else self.samples),
            "sound": None if self.samples is None else wav_base64(self.samples, SAMPLE_RATE),
        }


def captured(head: Head) -> Performance:
    """The head's own clip, with its sound where the capture is still there."""
    return Performance(name="Captured clip", motion=head.capture_motion, samples=_captured_sound(head))


def spoken(head: Head, samples: np.ndarray, name: str, *, seed: int = 0) -> Performance:
    """The head saying ``samples``.

    Raises:
        InputError: the sound is empty or too long, or the head was trained on a silent clip.
    """
    from gaussian_head.rendering.speak import speak

    seconds = len(samples) / SAMPLE_RATE
    if not 0.1 <= seconds <= MAX_SECONDS:
        raise InputError(f"{name} is {seconds:.1f} s long; between 0.1 s and {MAX_SECONDS} s are wanted, so cut it.")
    return Performance(name=name, motion=speak(head, samples, seed=seed), samples=samples)


def uploaded_samples(name: str, content: bytes) -> np.ndarray:
    """Sound ``[S]`` of a file that a browser sent; messages name the file as the user knows it.

    Raises:
        InputError: too large, or no sound in it.
    """
    uploads.check_size(name, len(content), uploads.MAX_UPLOAD_MB)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"upload{Path(name).suffix[:8]}"
        path.write_bytes(content)
        try:
            return read_audio(path, sample_rate=SAMPLE_RATE)
        except InputError as error:
            raise InputError(str(error).replace(str(path), name)) from None


def _captured_sound(head: Head) -> np.ndarray | None:
    try:
        return captured_sound(head)
    except InputError as error:
        log.warning("the captured clip plays without sound: %s", error)
        return None
