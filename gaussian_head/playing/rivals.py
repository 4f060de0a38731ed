"""What another head plays while it is compared with the one on stage."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from ..checks import InputError
from ..motion import retarget
from .compare import RECORDED, Versus
from .performances import NamedPerformance, spoken
from .shelf import ShelvedHead
from .staging import Staging


def rival_of(person: ShelvedHead, performance: NamedPerformance, rival: ShelvedHead) -> NamedPerformance:
    """The other head's version of a performance, frame by frame in step with it.

    Two heads of the same clip play the same motion. Otherwise a voice is spoken by the other head as well, and a
    clip lends its units.
    """
    if _same_clip(person, rival):
        return performance
    if performance is not person.clip and performance.samples is not None:
        return spoken(rival.actor, performance.samples, performance.name)
    motion = retarget(performance.motion, rival.actor.clip.motion)
    return replace(performance, motion=motion)


def _same_clip(person: ShelvedHead, rival: ShelvedHead) -> bool:
    a, b = person.actor.clip.motion, rival.actor.clip.motion
    return len(a) == len(b) and torch.equal(a.controls, b.controls) and torch.equal(a.residual, b.residual)


def why_not_recorded(staging: Staging) -> str | None:
    """Why a picture cannot be held against the recorded frame; None where it can."""
    if staging.performance is not staging.person.clip:
        return "Only the captured clip has recorded frames: choose it as the performance."
    footage = staging.person.footage
    return footage.reason if footage.capture is None else None


def compared(staging: Staging, versus: Versus | None, rival: ShelvedHead | None) -> dict[str, Any]:
    """Changes of the staging that hold its picture against the recorded frame, or against ``rival``.

    Raises:
        InputError: there is nothing recorded of what is played, or the other head cannot play it.
    """
    if versus is not None and rival is None and (reason := why_not_recorded(staging)) is not None:
        raise InputError(reason)
    played = None
    if rival is not None:
        known = staging.rival_performance if staging.rival is rival else None
        played = known or rival_of(staging.person, staging.performance, rival)
    return {"versus": versus, "rival": rival, "rival_performance": played}


def still_comparable(staging: Staging, performance: NamedPerformance) -> dict[str, Any]:
    """Changes of the staging that end a comparison which would not fit another performance."""
    if staging.versus is None or (staging.versus.other == RECORDED and performance is staging.person.clip):
        return {}
    return {"versus": None, "rival": None, "rival_performance": None}
