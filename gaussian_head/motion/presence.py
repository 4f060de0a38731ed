"""A head that is there without end: it moves as in its clip while it speaks, and rests, breathes and looks about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

import torch
from torch import Tensor

from ..face import UNITS
from ..smoothing import smoothstep
from ._types import Motion
from .acts import Acted
from .drive import LIDS, lid_reach, slowed
from .idle import LoopPlan, loop_pieces, unending_blinks, unending_gaze
from .listening import BREATH_SECONDS, breath_at, breathing, calmed

SETTLING_SECONDS = 0.8
"""How long a head takes from the movement of a speaker to that of somebody at rest, and back."""
UNEVEN = 0.12
"""Standard deviation of the pace of breaths."""
GLANCE = 0.6
"""Of the way to the next point that eyes go in a frame."""


@dataclass(frozen=True, kw_only=True)
class Bearing:
    """What a clip tells of how somebody moves; made once, read by any number of Presence."""

    speaking: Motion
    """The clip, its face slow."""
    resting: Motion
    """The same, head and torso calm."""
    lids: tuple[tuple[int, float, float], ...]
    """Column of each lid's unit, its usual value, and what a blink adds to that."""

    @staticmethod
    def of(captured: Motion) -> Bearing:
        """That of a clip."""
        calm = slowed(captured)
        lids = []
        for name in LIDS:
            rest, reach = lid_reach(captured.control(name))
            lids.append((UNITS.index(name), float(rest), float(reach)))
        return Bearing(speaking=calm, resting=calmed(calm), lids=tuple(lids))


class Presence:
    """The frames of somebody who is there, one by one; memory and price of a frame stay the same for ever."""

    def __init__(self, bearing: Bearing, seed: int = 0) -> None:
        """Begin.

        Args:
            bearing: how they move.
            seed: of blinks, glances, breath and of which stretch of the clip follows which.
        """
        self._bearing, self._fps = bearing, bearing.speaking.fps
        self._moments = chain.from_iterable(map(_moments, loop_pieces(bearing.speaking, seed)))
        self._blinks = unending_blinks(self._fps, seed)
        self._blink, self._next_blink = next(self._blinks), next(self._blinks)
        self._glances = unending_gaze(self._fps, seed)
        self._point, self._hold, self._gaze = torch.zeros(2), 0, torch.zeros(2)
        self._chance = torch.Generator().manual_seed(seed + 1)
        self._phase, self._pace, self._breath_frames = 0.0, 1.0, 0
        self._spoken = 0.0
        self._number = 0

    def next(self, speaking: bool, acted: Acted | None = None) -> Motion:
        """The next frame, a motion of one; its mouth is the clip's and wants to be told.

        Args:
            speaking: whether something is said now.
            acted: of one frame, what the head does on top.
        """
        step = 1 / (SETTLING_SECONDS * self._fps)
        self._spoken = min(max(self._spoken + (step if speaking else -step), 0.0), 1.0)
        share = smoothstep(self._spoken)
        first, second, weight = next(self._moments)
        motion = _between(
            _shown(self._bearing.resting, first, second, weight),
            _shown(self._bearing.speaking, first, second, weight),
            share,
        )
        motion = replace(motion, units=self._blinking(motion.units), gaze=motion.gaze + (1 - share) * self._glance())
        still = (
            Acted(turn=torch.zeros(1, 3), shift=torch.zeros(1, 3), gaze=torch.zeros(1, 2)) if acted is None else acted
        )
        self._number += 1
        return replace(motion, gaze=motion.gaze + still.gaze, **breathing(motion, self._breath(), still))

    def _blinking(self, units: Tensor) -> Tensor:
        now = self._number / self._fps
        if now > self._next_blink.peak - self._next_blink.closing:
            self._blink, self._next_blink = self._next_blink, next(self._blinks)
        closed = float(self._blink.closed(torch.tensor([now])))
        units = units.clone()
        for column, rest, reach in self._bearing.lids:
            units[:, column] = rest + reach * closed
        return units

    def _glance(self) -> Tensor:
        if self._hold == 0:
            self._point, self._hold = next(self._glances)
        self._hold -= 1
        self._gaze = self._gaze.lerp(self._point, GLANCE)
        return self._gaze

    def _breath(self) -> Tensor:
        if self._breath_frames == 0:
            self._pace = min(max(1 + UNEVEN * float(torch.randn((), generator=self._chance)), 0.6), 1.5)
            self._breath_frames = round(self._fps)
        self._breath_frames -= 1
        self._phase = (self._phase + self._pace / self._fps / BREATH_SECONDS) % 1
        return breath_at(torch.tensor([self._phase]))


def _moments(piece: LoopPlan) -> Iterator[tuple[int, int, float]]:
    return zip(piece.first.tolist(), piece.second.tolist(), piece.weight.tolist(), strict=True)


def _shown(motion: Motion, first: int, second: int, weight: float) -> Motion:
    """A cross-fade of two frames of ``motion``."""
    a = motion.select(slice(first, first + 1))
    return _between(a, motion.select(slice(second, second + 1)), weight) if weight else a


def _between(a: Motion, b: Motion, share: float) -> Motion:
    """Share of the way from one frame to another."""
    if share in (0.0, 1.0):
        return b if share else a
    return a.blended(b, torch.tensor([[share]]))
