"""What a head does while somebody else speaks: it breathes, looks on, and nods where the other pauses."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from ..face import UNITS
from ..speech.prosody import Prosody
from ._types import Motion, Pose
from .acts import Act, Acted, acted_poses, perform
from .edit import typical_frame
from .emotion import livened

CALM, STILL = 0.7, 0.45
"""Of a speaker's slow and quick movement, in a listener."""
BREATH_SECONDS, BREATH_RISE, BREATH_NOD = 3.9, 0.0016, 0.006
"""Length of a breath; how far the shoulders rise with it, metres; how far the head goes back, radians."""
INHALING = 0.42
"""Share of a breath that goes in."""
AFTER_PAUSE = (0.15, 0.55)
"""Seconds after the other's phrase ends within which a nod begins (Ward and Tsukahara 2000)."""
AT_PAUSE, AT_STRESS = 0.65, 0.12
"""Share of phrases' ends and of stresses that are answered by a nod."""
NOD_APART = 1.6
"""Seconds between nods at least."""
NOD_SIZES, NOD_PACE = (0.25, 0.55), (0.9, 1.3)
"""Times a nod's usual amplitude and duration."""
BROWS_WITH_NOD = 0.1


def listening(motion: Motion, other: Prosody, busy: Tensor | None = None, seed: int = 0) -> Motion:
    """``motion`` of somebody who also listens: breath throughout, nods where the other's voice asks for them.

    Args:
        motion: T frames.
        other: the other's voice, T moments.
        busy: ``[T]`` bool, where they speak themselves and do not nod; None for a mere listener, who is also calmer.
        seed: of the nods.
    """
    T = len(motion)
    if busy is None:
        motion, busy = calmed(motion), torch.zeros(T, dtype=torch.bool)
    nods = nods_to(other, busy, seed)
    acted = perform(nods, T, motion.fps)
    poses = breathing(motion, _breath(T, motion.fps, seed), acted)
    units = motion.units.clone()
    nodding = acted.turn[:, 0].clamp(min=0) / max(float(acted.turn[:, 0].max()), 1e-6)
    units[:, UNITS.index("browInnerUp")] += BROWS_WITH_NOD * nodding * bool(nods)
    return replace(motion, units=units.clamp(0, 1), **poses)


def nods_to(other: Prosody, busy: Tensor, seed: int = 0) -> tuple[Act, ...]:
    """Small nods that answer another's voice: most where a phrase ends, a few at a stress, none where ``busy [T]``."""
    generator = torch.Generator().manual_seed(seed)

    def chance(least: float = 0.0, most: float = 1.0) -> float:
        return least + (most - least) * float(torch.rand((), generator=generator))

    ends = (other.speaking[:-1] & ~other.speaking[1:]).nonzero()[:, 0].tolist()
    moments = [(end / other.fps + chance(*AFTER_PAUSE), AT_PAUSE) for end in ends]
    moments += [(peak / other.fps + chance(*AFTER_PAUSE), AT_STRESS) for peak in other.peaks().tolist()]
    nods: list[Act] = []
    for begin, share in sorted(moments):
        size, pace, count = chance(*NOD_SIZES), chance(*NOD_PACE), 1 + int(chance() < 0.35)
        wanted = chance() < share and (not nods or begin - nods[-1].begin > NOD_APART)
        if wanted and not busy[min(round(begin * other.fps), len(busy) - 1)]:
            nods.append(Act(kind="nod", count=count, size=size, pace=pace, begin=begin))
    return tuple(nods)


def calmed(motion: Motion) -> Motion:
    """``motion`` with head and torso moving as little as a listener's."""
    rest = typical_frame(motion)
    still = torch.ones(len(motion), 1)
    poses = {
        part: livened(pose, rest, CALM * still, STILL * still, motion.fps)
        for part, pose in (("head", motion.head), ("torso", motion.torso))
    }
    return replace(motion, **poses)


def breath_at(phase: Tensor) -> Tensor:
    """How full the lungs are, 0 to 1, at ``phase [T]`` of a breath in [0, 1): in quickly, out slowly."""
    share = torch.where(phase < INHALING, phase / INHALING, (1 - phase) / (1 - INHALING))
    return 0.5 - 0.5 * torch.cos(math.pi * share)


def breathing(motion: Motion, breath: Tensor, acted: Acted) -> dict[str, Pose]:
    """``head`` and ``torso`` of ``motion`` lifted by ``breath [T]``, the head going back with it, and ``acted``."""
    back = BREATH_NOD * breath[:, None] * torch.tensor([1.0, 0.0, 0.0])
    rise = BREATH_RISE * breath
    return acted_poses(_lifted(motion.head, rise), _lifted(motion.torso, rise), replace(acted, turn=acted.turn - back))


def _breath(T: int, fps: float, seed: int) -> Tensor:
    """Breaths ``[T]`` of uneven length."""
    generator = torch.Generator().manual_seed(seed + 1)
    pace = 1 + 0.12 * torch.randn(T // 25 + 2, generator=generator).repeat_interleave(25)[:T]
    phase = (
        torch.cumsum(pace.clamp(0.6, 1.5), 0) / fps / BREATH_SECONDS + float(torch.rand((), generator=generator))
    ) % 1
    return breath_at(phase)


def _lifted(pose: Pose, rise: Tensor) -> Pose:
    up = torch.zeros_like(pose.positions)
    up[:, 1] = -rise
    return replace(pose, positions=pose.positions + up)
