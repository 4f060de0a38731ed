"""One picture that tells what a photographed head is made of: the photo, the fit, a ring of views, what is guessed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from ..face.looks import Look
from ..face.painted import Painter
from ..gaussians import Gaussians
from ..motion import MotionFrame
from ..rendering import orbit_view
from ..rendering.frames import render_gaussians, render_moment
from .building import BuiltHead, shares
from .refining import moment_of
from .shape import camera_of

TILE = 320
RING_DEG = (-90, -45, 0, 45, 90, 180)
GROUND = (0.55, 0.60, 0.60)
COLOURS = {"seen": (0.35, 0.75, 0.40), "mirrored": (0.35, 0.50, 0.90), "guessed": (0.90, 0.60, 0.25)}
"""Of Gaussians by where their colour comes from."""


def picture_of(built: BuiltHead) -> np.ndarray:
    """``[H, W, 3]`` u8: first photograph, fitted shape, rendering, origins; below them a ring; below it the same ring
    in the colours of where it comes from, and the shares in words."""
    import cv2

    head, view, photo = built.actor.head, built.views[0], built.fit.photos[0]
    moment = moment_of(photo)
    neutral = replace(MotionFrame.neutral(moment.head, moment.torso), gaze=moment.gaze)
    ground = torch.tensor(GROUND)
    painter = Painter(built.shape.model, Look(background=GROUND))
    fitted = painter.paint(torch.from_numpy(built.shape.posed(photo)), camera_of(photo, len(view.image)))
    same = render_moment(head, moment, head.camera, background=head.background)
    rest = render_moment(head, neutral, head.camera, background=head.background)
    top = [view.image, fitted, _u8(same.rgb), _u8(rest.rgb)]
    cameras = [orbit_view(head, yaw=float(np.radians(angle))) for angle in RING_DEG]
    plain, coloured = head.gaussians_at(neutral), _coloured(head.gaussians_at(neutral), built)
    ring = [[_u8(render_gaussians(g, c, background=ground).rgb) for c in cameras] for g in (plain, coloured)]
    rows = [_row(top, 6 * TILE // 4), _row(ring[0], TILE), _row(ring[1], TILE)]
    picture = np.ascontiguousarray(np.concatenate([*rows, np.full((44, 6 * TILE, 3), 245, np.uint8)]))
    x = 12
    for name, share in shares(built.origin).items():
        colour = tuple(int(255 * v) for v in COLOURS[name])
        cv2.rectangle(picture, (x, len(picture) - 32), (x + 20, len(picture) - 12), colour, -1)
        cv2.putText(
            picture, f"{name} {100 * share:.0f} %", (x + 28, len(picture) - 16), cv2.FONT_HERSHEY_SIMPLEX, 0.6,
            (20, 20, 20), 1, cv2.LINE_AA,
        )  # fmt: skip
        x += 220
    return picture


def _coloured(gaussians: Gaussians, built: BuiltHead) -> Gaussians:
    """Gaussians in the colours of where theirs come from, as bright as they are."""
    from ..sh import sh_to_rgb

    rgb = sh_to_rgb(gaussians.colors, gaussians.means, 0) if gaussians.colors.ndim == 3 else gaussians.colors
    tints = torch.tensor([COLOURS[name] for name in ("seen", "mirrored", "guessed")])[built.origin.long()]
    return replace(gaussians, colors=(0.35 + 0.65 * rgb.mean(-1, keepdim=True)) * tints)


def _row(pictures: list[np.ndarray], side: int) -> np.ndarray:
    import cv2

    return np.concatenate([cv2.resize(p, (side, side), interpolation=cv2.INTER_AREA) for p in pictures], 1)


def _u8(rgb: torch.Tensor) -> np.ndarray:
    return (rgb.clamp(0, 1) * 255 + 0.5).byte().numpy()
