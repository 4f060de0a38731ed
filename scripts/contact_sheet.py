"""`python scripts/contact_sheet.py HEAD --out sheet.jpg`: recorded frames beside rendered ones, from both sides."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import tyro

from gaussian_head import Actor, render_frame
from gaussian_head.capture import capture_of
from gaussian_head.media import resize_image, write_image
from gaussian_head.rendering import orbit_view, to_uint8


def contact_sheet(
    head: tyro.conf.Positional[Path], *, out: Path, rows: int = 3, size: int = 320, yaw_deg: tuple[float, ...] = (30.0,)
) -> None:
    """Draw held-out frames of a head's clip: recorded, rendered, and rendered from both sides.

    Args:
        head: Folder that `train` wrote.
        out: Picture to write (.jpg or .png).
        rows: Frames to show, evenly spaced over the held-out part.
        size: Width and height of one picture, in pixels.
        yaw_deg: Angles of the side views, in degrees, such as 20 40 60 90.
    """
    actor = Actor.load(head)
    loaded, clip = actor.head, actor.clip
    capture = capture_of(clip.motion, clip.capture_path)
    chosen = capture.test_frames[np.linspace(0, len(capture.test_frames) - 1, rows).astype(int)].tolist()
    turned = [math.radians(side * yaw) for yaw in yaw_deg for side in (1, -1)]
    cameras = [loaded.camera, *(orbit_view(loaded, yaw) for yaw in turned)]
    lines = []
    for t in chosen:
        frames = [render_frame(loaded, clip.motion, t, c, background=loaded.background) for c in cameras]
        pictures = [capture.frame(t).image, *map(to_uint8, frames)]
        lines.append(np.concatenate([resize_image(p, size, size) for p in pictures], axis=1))
    write_image(out, np.concatenate(lines))
    print(f"contact sheet: {out}")


if __name__ == "__main__":
    tyro.cli(contact_sheet)
