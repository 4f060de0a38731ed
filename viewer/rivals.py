"""What another head plays while it is compared with the one on stage."""

from __future__ import annotations

from dataclasses import replace

import torch

from gaussian_head.motion import retarget

from .performances import Performance, spoken
from .shelf import ShelvedHead


def rival_of(person: ShelvedHead, performance: Performance, rival: ShelvedHead) -> Performance:
    """The other head's version of a performance, frame by frame in step with it.

    Two heads of the same clip play the same motion. Otherwise a voice is spoken by the other head as well, and a
    clip is carried over by the names of its channels.

    Raises:
        InputError: the other head cannot speak, or shares no channel.
    """
    if _same_clip(person, rival):
        return performance
    if performance is not person.clip and performance.samples is not None:
        return spoken(rival.head, performance.samples, performance.name)
    motion = retarget(performance.motion, rival.head.capture_motion)
    return replace(performance, motion=motion)


def _same_clip(person: ShelvedHead, rival: ShelvedHead) -> bool:
    a, b = person.head.capture_motion, rival.head.capture_motion
    return a.channels == b.channels and len(a) == len(b) and torch.equal(a.expression, b.expression)
