"""Recorded frames without a recording."""

import numpy as np

from gaussian_head.playing.pictures import to_bytes
from gaussian_head.rendering import render_frame


class Reel:
    """As much of a Capture as Footage uses: the head's own renderings, four grey levels brighter."""

    def __init__(self, head):
        self.num_frames, self._head = len(head.capture_motion), head

    def frame(self, t):
        frame = render_frame(self._head, self._head.capture_motion, t, background=self._head.background)
        image = to_bytes(frame.rgb)
        return type("Frame", (), {"image": np.clip(image.astype(int) + 4, 0, 255).astype(np.uint8)})
