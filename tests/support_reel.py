"""Recorded frames without a recording."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from gaussian_head.playing.pictures import to_bytes
from gaussian_head.rendering import render_frame


class Reel:
    """As much of a Capture as Footage uses: the head's own renderings, four grey levels brighter."""

    def __init__(self, actor):
        self.num_frames, self._actor = len(actor.clip.motion), actor
        self.camera, self.path = actor.head.camera, Path("no folder")
        self.info = SimpleNamespace(source={"name": "reel.mp4"})

    def frame(self, t):
        head = self._actor.head
        frame = render_frame(head, self._actor.clip.motion, t, background=head.background)
        image = to_bytes(frame.rgb)
        return type("Frame", (), {"image": np.clip(image.astype(int) + 4, 0, 255).astype(np.uint8)})
