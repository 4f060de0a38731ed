"""`python scripts/symptoms.py HEAD --out docs/symptoms`: pictures of what goes wrong, each beside what goes well.

Those in `docs/symptoms` were made by

    gaussian-head demo --out runs/demo
    python scripts/symptoms.py runs/demo/head --out docs/symptoms

The demo subject is a public-domain photograph.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import tyro
from PIL import Image

from gaussian_head import Actor, render_frame
from gaussian_head.motion import Motion
from gaussian_head.motion.edit import set_controls
from gaussian_head.rendering import orbit_view, to_uint8


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One picture of a head."""

    yaw: float = 0.0
    """Of the camera, degrees."""
    pitch: float = 0.0
    """Of the camera, degrees."""
    turned: float = 0.0
    """Degrees that the head itself is turned further to the picture's right."""
    jaw: float | None = None
    """How far the jaw opens; None for the moment at which it is open most."""
    part: tuple[float, float, float] = (0.5, 0.5, 1.0)
    """Middle and width of the part that is shown, as shares of the picture."""


MOUTH = (0.5, 0.55, 0.4)
SYMPTOMS: dict[str, tuple[Shot, Shot]] = {
    "profile": (Shot(yaw=15, jaw=0), Shot(yaw=90, jaw=0)),
    "neck_torn": (Shot(turned=8, jaw=0), Shot(turned=55, jaw=0)),
    "from_below": (Shot(), Shot(pitch=-45)),
    "from_above": (Shot(jaw=0), Shot(pitch=40, jaw=0)),
    "mouth_too_wide": (Shot(part=MOUTH), Shot(jaw=1.2, part=MOUTH)),
}
"""What goes well and what goes wrong, by the name of the picture."""


def symptoms(head: tyro.conf.Positional[Path], *, out: Path, size: int = 300, quality: int = 80) -> None:
    """Write a WebP for each symptom: on the left what goes well, on the right what goes wrong.

    Args:
        head: Folder that `train` wrote.
        out: Folder to write to.
        size: Width and height of either side, in pixels.
        quality: Of the WebP, 0 to 100.
    """
    actor = Actor.load(head)
    out.mkdir(parents=True, exist_ok=True)
    for name, shots in SYMPTOMS.items():
        sides = [taken(actor, shot).resize((size, size), Image.Resampling.LANCZOS) for shot in shots]
        Image.fromarray(np.concatenate(sides, axis=1)).save(out / f"{name}.webp", quality=quality, method=6)
    print(f"pictures: {out}, {sum(path.stat().st_size for path in out.glob('*.webp')) / 1e3:.0f} kB")


def taken(actor: Actor, shot: Shot) -> Image.Image:
    """The picture of a shot, square."""
    camera = orbit_view(actor.head, math.radians(shot.yaw), math.radians(shot.pitch))
    pixels = to_uint8(render_frame(actor.head, moment(actor, shot), 0, camera, background="captured"))
    (x, y, width), (high, wide) = shot.part, pixels.shape[:2]
    left, top = max(x - width / 2, 0), max(y - width / 2, 0)
    box = (left * wide, top * high, min(left + width, 1) * wide, min(top + width, 1) * high)
    return Image.fromarray(pixels).crop(tuple(map(round, box)))


def moment(actor: Actor, shot: Shot) -> Motion:
    """The one frame that a shot is of."""
    motion = actor.clip.motion
    at = int(motion.control("jawOpen").argmax()) if shot.jaw is None or shot.jaw else 0
    one = motion[at : at + 1]
    if shot.jaw:
        one = set_controls(one, {"jawOpen": shot.jaw})
    further = torch.tensor([[0.0, -math.radians(shot.turned), 0.0, 0.0, 0.0, 0.0]])
    return replace(one, head=one.head.moved(further))


if __name__ == "__main__":
    tyro.cli(symptoms)
