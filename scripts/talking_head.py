"""`python scripts/talking_head.py HEAD --audio speech.wav --out talk.webp`: a head that speaks, in front and turning.

The picture at the top of the README was made by

    gaussian-head demo --out runs/demo --seconds 8
    python scripts/population.py --out people --first 20 --people 1 --seconds 9
    gaussian-head reconstruct people/person_20.mp4 --out runs/person --preset preview
    python scripts/talking_head.py runs/person/head --audio runs/demo/clip/speech.wav --out talking_head.webp

Nobody has that face or that voice: the person is a parametric head (CC0) with random shape and looks, and
`gaussian_head/demo/voice.py` makes the voice.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import tyro
from PIL import Image

from gaussian_head import Actor, render_frame, speak
from gaussian_head.media import read_audio, resize_image
from gaussian_head.rendering import orbit_view, to_uint8


def talking_head(
    head: tyro.conf.Positional[Path],
    *,
    audio: Path,
    out: Path,
    seconds: float = 5.0,
    size: int = 320,
    turn_deg: float = 15.0,
    quality: int = 80,
) -> None:
    """Write an animated WebP: the head from its recording camera, and beside it from one that swings.

    Args:
        head: Folder that `train` wrote.
        audio: What it says.
        out: Picture to write (.webp).
        seconds: Length.
        size: Width and height of either view, in pixels.
        turn_deg: How far the camera swings to both sides, in degrees.
        quality: Of the WebP, 0 to 100.
    """
    actor = Actor.load(head)
    motion = speak(actor, read_audio(audio))
    frames = range(0, min(len(motion), round(seconds * motion.fps)))
    pictures = []
    for t in frames:
        swung = orbit_view(actor.head, math.radians(turn_deg) * math.sin(2 * math.pi * t / frames.stop))
        views = [to_uint8(render_frame(actor.head, motion, t, c, background="captured")) for c in (None, swung)]
        pictures.append(Image.fromarray(np.concatenate([resize_image(v, size, size) for v in views], axis=1)))
    length = round(1000 / motion.fps)
    pictures[0].save(out, append_images=pictures[1:], duration=length, loop=0, quality=quality, method=4)
    print(f"talking head: {out}, {out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    tyro.cli(talking_head)
