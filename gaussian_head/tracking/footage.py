"""The part of a video that is tracked: upright, and of one shot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from ..events import Listener, ignore
from ..facenet import FaceDetector
from ..media import VideoInfo, read_frames

LOOK_SIDE = 640
"""Longest side of a picture looked at for that, pixels."""
SURER = 0.04
"""By how much the detector must be surer of faces in turned pictures; upright clips are 0.08 and more the other way."""
SURE = 0.75
"""How sure it must be of them; of whole faces it is 0.8 and more, of halves it finds some in any turn."""
TURNS = ("", "lies on its right side", "stands upside down", "lies on its left side")
"""How a picture stands that is put right by so many quarter turns counter-clockwise."""


@dataclass(frozen=True, kw_only=True)
class Footage:
    """Frames of a video as they will be used."""

    video: Path
    info: VideoInfo
    """What probing said."""
    turn: int = 0
    """Quarter turns counter-clockwise that put the pictures upright."""
    first: int = 0
    """Frame of the video, at its own rate, that comes first."""
    count: int | None = None
    """Frames used, None for all that follow."""

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self.info.fps

    @property
    def width(self) -> int:
        """Width of the upright pictures."""
        return self.info.height if self.turn % 2 else self.info.width

    @property
    def height(self) -> int:
        """Height of the upright pictures."""
        return self.info.width if self.turn % 2 else self.info.height

    def frames(self, listener: Listener = ignore) -> Iterator[np.ndarray]:
        """Upright pictures u8 ``[H, W, 3]``, one by one."""
        every = read_frames(self.video, fps=self.fps, listener=listener)
        stop = None if self.count is None else self.first + self.count
        for image in islice(every, self.first, stop):
            yield np.ascontiguousarray(np.rot90(image, self.turn))


def looks_upright(detector: FaceDetector, image: np.ndarray) -> list[float]:
    """How sure the detector is of a face in u8 ``image [H, W, 3]`` after 0 to 3 quarter turns counter-clockwise."""
    import cv2

    scale = min(1.0, LOOK_SIDE / max(image.shape))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return [detector.score(np.rot90(small, turn)) for turn in range(4)]


def best_turn(scores: np.ndarray) -> int:
    """Quarter turns that most pictures and their mean agree on; ``scores [S, 4]`` of faces after 0 to 3 turns."""
    seen = scores[scores.max(1, initial=0.0) > 0]
    if not len(seen):
        return 0
    turn = int(seen.mean(0).argmax())
    agreed = (seen.argmax(1) == turn).mean() > 0.7
    best, unturned = seen.mean(0)[[turn, 0]]
    return turn if agreed and best > max(SURE, unturned + SURER) else 0
