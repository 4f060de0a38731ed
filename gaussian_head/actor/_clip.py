"""The clip that a head was captured in."""

from __future__ import annotations

from dataclasses import dataclass

from ..capture import Capture, Split
from ..motion import Motion


@dataclass(frozen=True, kw_only=True)
class Clip:
    """What is kept of a capture beside the head that was trained on it."""

    motion: Motion
    """Its motion, T frames, with the poses as training corrected them: poses to loop, truth to compare with."""
    num_train: int
    """Frames of ``motion`` that training saw; the later ones are held out."""
    capture_path: str = ""
    """Where the capture lies; "" where it is not known."""
    split: Split = "tail"
    """Which of the capture's frames training left out."""

    @staticmethod
    def of(capture: Capture) -> Clip:
        """The clip of a capture, as tracked."""
        place = str(capture.path.resolve())
        return Clip(motion=capture.motion, num_train=capture.num_train, capture_path=place, split=capture.split)
