"""A Performance: what is shown and what is heard meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..conventions import SAMPLE_RATE
from ._types import Motion


@dataclass(frozen=True, kw_only=True)
class Performance:
    """A motion, the sound that belongs to it, and the rates of both."""

    motion: Motion
    """T frames at ``motion.fps``."""
    samples: np.ndarray | None = None
    """``[S]``, or ``[S, C]`` with 1, 2, 6 or 8 channels, in [-1, 1]; sample 0 belongs to frame 0. None for silence."""
    sample_rate: int = SAMPLE_RATE
    """Hz of ``samples``."""

    def __len__(self) -> int:
        return len(self.motion)

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self.motion.fps

    def select(self, frames: slice) -> Performance:
        """Those frames with their sound; silent where they do not follow one another."""
        start, _, step = frames.indices(len(self.motion))
        samples = None
        if self.samples is not None and step == 1:
            samples = self.samples[round(start / self.fps * self.sample_rate) :]
        return replace(self, motion=self.motion.select(frames), samples=samples)
