"""Head acts as a model of movement is told them: which are under way at a moment, how far they go, how far along."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ._types import Motion
from .acts import KINDS, Act, Acted, acted_poses, extent
from .found_acts import find_acts
from .own_track import CHANNELS, MIRRORED, OwnTrack

NAMES = tuple((kind, side) for kind, what in KINDS.items() if kind != "hold" for side in (what.sides or ("",)))
"""Acts that are told apart."""
PROGRESS = ("since", "until", "rate", "sine", "cosine")
"""Seconds since it began and until it ends, how often a second it swings or gets there, and how far in its swing."""
COUNT = len(NAMES) + len(CHANNELS) + len(PROGRESS)
LONGEST = 2.0
"""Seconds beyond which a beginning or an end is far."""
SMALLEST, LARGEST = 0.3, 2.0
"""Times the usual amplitude that an act found in a motion may have."""
_OTHER = {"left": "right", "right": "left"}
SWAPPED = tuple(NAMES.index((kind, _OTHER.get(side, side))) for kind, side in NAMES)


def act_tokens(acts: Sequence[Act], own: OwnTrack, num_frames: int, fps: float) -> Tensor:
    """Acts at each of ``num_frames`` moments ``[T, COUNT]``: flags of NAMES, reach in CHANNELS, PROGRESS; else 0."""
    told = torch.zeros(num_frames, COUNT)
    times = torch.arange(num_frames) / fps
    for act in acts:
        if act.kind == "hold":
            continue
        since, until = times - act.begin, act.begin + act.seconds - times
        during = (since >= 0) & (until >= 0)
        rate = 1 / (act.pace * KINDS[act.kind].seconds)
        told[during, NAMES.index((act.kind, act.side))] = act.size
        told[during, len(NAMES) : -len(PROGRESS)] += reach(act, own)
        swing = 2 * math.pi * rate * since * (not KINDS[act.kind].sides)
        rows = [(x / LONGEST).clamp(0, 1) for x in (since, until)]
        rows += [torch.full_like(since, rate / 2), swing.sin(), swing.cos()]
        told[during, -len(PROGRESS) :] = torch.stack(rows, 1)[during]
    return told


def mirrored_tokens(told: Tensor) -> Tensor:
    """The same acts of the mirrored person."""
    flags, far, progress = told.split([len(NAMES), len(CHANNELS), len(PROGRESS)], -1)
    return torch.cat([flags[..., list(SWAPPED)], far * MIRRORED, progress], -1)


def reach(act: Act, own: OwnTrack) -> Tensor:
    """``[C]`` how far an act takes somebody from where they are, in their spreads."""
    far = extent(act)
    acted = Acted(**{name: value.float()[None] for name, value in far.items()})
    rest = own.rest
    units, gaze, residual = (x[None] for x in (rest.units, rest.gaze, rest.residual))
    still = Motion(
        fps=25.0, head=rest.head.held(1), torso=rest.torso.held(1), units=units, gaze=gaze, residual=residual
    )
    moved = replace(still, gaze=gaze + acted.gaze, **acted_poses(still.head, still.torso, acted))
    return (own.told(moved) - own.told(still))[0]


def captioned(motion: Motion, own: OwnTrack) -> tuple[Act, ...]:
    """The acts that an observer finds in a motion, as large as they are there."""
    told, found = own.told(motion), []
    for act in find_acts(motion.head, motion.gaze, motion.fps):
        first = round(act.begin * motion.fps)
        part, far = told[first : first + max(round(act.seconds * motion.fps), 2)], reach(act, own)
        size = float((part - told[first]).matmul(far).max() / far.square().sum())
        found.append(replace(act, size=min(max(size, SMALLEST), LARGEST)))
    return tuple(found)
