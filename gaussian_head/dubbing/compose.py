"""The frames of a dubbed film, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..motion import Motion
from .patch import Patched, put_back
from .stretches import BRIDGED, DUBBED, PASSED, Stretch
from .surface import LowerFace, Pair

SAME = 1e-5
"""Units and codes that differ by less are the same: such a frame stays as recorded."""
MOST_COVERED = 0.6
"""Share of the lower face from which on a frame stays as recorded: a hand is before it."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A stretch, and what its mouth shall do."""

    stretch: Stretch
    """Where and who."""
    wanted: Motion
    """T frames."""
    face: LowerFace
    """Of their head."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """One frame of the dubbed film."""

    image: np.ndarray
    """``[H, W, 3]`` u8."""
    patches: tuple[tuple[Part, Pair, Patched], ...]
    """What was changed in it; empty where it is as recorded."""
    state: str
    """DUBBED, BRIDGED or PASSED."""


def dubbed_frames(frames: Iterable[tuple[int, np.ndarray]], parts: Sequence[Part], seed: int) -> Iterator[Made]:
    """Frames ``(number, u8 [H, W, 3])`` of a film with new words; pixels that need not change do not."""
    for t, recorded in frames:
        image, done, state = recorded, [], PASSED
        for part in parts:
            k = t - part.stretch.first
            if not 0 <= k < len(part.wanted) or part.stretch.states[k] == PASSED or not changes(part, k):
                continue
            pair = part.face.pair(part.stretch.recorded.at(k), part.wanted.at(k), part.stretch.camera)
            if pair is None:
                continue
            rows = pair.box.slices
            patched = put_back(image[rows], pair, seed=seed + t)
            if patched.covered > MOST_COVERED:
                continue
            if image is recorded:
                image = recorded.copy()
            image[rows] = patched.image
            done.append((part, pair, patched))
            state = BRIDGED if part.stretch.states[k] == BRIDGED else DUBBED
        yield Made(image=image, patches=tuple(done), state=state)


def changes(part: Part, k: int) -> bool:
    """Whether the mouth of frame ``k`` shall be another than recorded."""
    old, new = part.stretch.recorded, part.wanted
    apart = torch.cat([old.units[k] - new.units[k], old.residual[k] - new.residual[k]])
    return bool(apart.abs().max() > SAME)
