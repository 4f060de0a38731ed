"""The recorded frames of a clip, where they are still there."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..actor import Clip
from ..camera import Camera
from ..capture import Capture, views_of
from ..checks import InputError
from ..media import resize_image

log = logging.getLogger(__name__)
CACHE_BYTES = 64 * 2**20
"""Memory for decoded frames of one head."""
MISSING = "The capture that this head was trained on is no longer beside it."


@dataclass(frozen=True, kw_only=True)
class Footage:
    """Recorded frames, or why there are none."""

    capture: Capture | None = None
    """The capture, None where it cannot be shown."""
    reason: str = MISSING
    """Why not, for the user."""

    @staticmethod
    def of(clip: Clip) -> Footage:
        """Look where the clip says that its capture lies."""
        place = Path(clip.capture_path)
        if not clip.capture_path or not place.is_dir():
            return Footage()
        try:
            capture = Capture.load(place, cache_bytes=CACHE_BYTES)
        except InputError as error:
            log.warning("recorded frames cannot be shown: %s", error)
            return Footage(reason="The capture of this head cannot be read; the server's log says why.")
        if capture.num_frames != len(clip.motion):
            return Footage(reason="The capture of this head is of another clip.")
        return Footage(capture=capture)

    def cameras(self) -> dict[str, Camera]:
        """The cameras that filmed, by name, where there was more than one."""
        views = () if self.capture is None else views_of(self.capture)
        return {view.name: view.camera for view in views} if len(views) > 1 else {}

    def frame(self, t: int, width: int, height: int) -> np.ndarray:
        """Frame ``t`` as ``[height, width, 3]`` uint8."""
        if self.capture is None:
            raise InputError(self.reason)
        return resize_image(self.capture.frame(t).image, width, height)
