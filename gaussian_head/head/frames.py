"""The frames of a clip that a head is begun from."""

from __future__ import annotations

import torch

from ..capture import Capture
from ..transforms import quat_to_rotvec

ARM = 0.1
"""Metres from the middle of a head at which turns count as ways."""


def rest_frame(capture: Capture) -> int:
    """The training frame nearest the median pose with mouth shut and eyes open."""
    motion, frames = capture.motion, capture.train_frames
    positions, quats = motion.head.positions[frames], motion.head.quats[frames]
    away = (positions - positions.median(0).values).norm(dim=1) / 0.01
    turned = (quats - quats.median(0).values).norm(dim=1) / 0.05
    code = capture.code[frames]
    calm = (code / code.std(0).clamp(min=1e-3)).abs().mean(1)
    return int(frames[(away + turned + 2 * calm).argmin()])


def varied_frames(capture: Capture, first: int, count: int) -> list[int]:
    """At most ``count`` training frames from ``first`` on, each the one least like the earlier ones in its poses.

    Source: Gonzalez, "Clustering to minimize the maximum intercluster distance" (1985).
    """
    motion, frames = capture.motion, capture.train_frames
    poses = [ARM * quat_to_rotvec(p.quats[frames]) for p in (motion.head, motion.torso)]
    places = torch.cat([*poses, *(p.positions[frames] for p in (motion.head, motion.torso))], 1)
    chosen = [int((frames == first).nonzero()[0])]
    for _ in range(min(count, len(frames)) - 1):
        chosen.append(int(torch.cdist(places, places[chosen]).min(1).values.argmax()))
    return frames[chosen].tolist()
