"""The frames of a dubbed film, one after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from ..camera import Camera
from ..motion import Motion
from .patch import Patched, put_back
from .stretches import BRIDGED, DUBBED, PASSED, Stretch
from .surface import LowerFace
from .view import Box

SAME = 1e-5
"""Units and codes that differ by less are the same: such a frame stays as recorded."""
WORKERS = 2
"""Frames made at once."""
MOST_COVERED = 0.6
"""Share of the lower face from which on a frame stays as recorded: a hand is before it."""


class Mouth(Protocol):
    """What gives a recorded frame another mouth."""

    def put(
        self, picture: np.ndarray, recorded: Motion, wanted: Motion, k: int, camera: Camera, seed: int
    ) -> tuple[Box, Patched] | None:
        """Frame ``k`` of a stretch, u8 ``[H, W, 3]``, with its mouth as wanted; None where it is out of sight."""
        ...


@dataclass(frozen=True, kw_only=True)
class DrawnMouth:
    """A mouth drawn by a head."""

    face: LowerFace
    """Of the head."""

    def put(
        self, picture: np.ndarray, recorded: Motion, wanted: Motion, k: int, camera: Camera, seed: int
    ) -> tuple[Box, Patched] | None:
        """See Mouth."""
        pair = self.face.pair(recorded.at(k), wanted.at(k), camera)
        return None if pair is None else (pair.box, put_back(picture[pair.box.slices], pair, seed=seed))


@dataclass(frozen=True, kw_only=True)
class Part:
    """A stretch, and what its mouth shall do."""

    stretch: Stretch
    """Where and who."""
    wanted: Motion
    """T frames."""
    mouth: Mouth
    """Theirs."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """One frame of the dubbed film."""

    recorded: np.ndarray
    """``[H, W, 3]`` u8 as recorded."""
    image: np.ndarray
    """``[H, W, 3]`` u8 dubbed; ``recorded`` itself where nothing changes."""
    patches: tuple[tuple[Part, Box, Patched], ...]
    """What was changed in it; empty where it is as recorded."""
    state: str
    """DUBBED, BRIDGED or PASSED."""


def dubbed_frames(frames: Iterable[tuple[int, np.ndarray]], parts: Sequence[Part], seed: int) -> Iterator[Made]:
    """Frames ``(number, u8 [H, W, 3])`` of a film with new words; pixels that need not change do not."""
    waiting: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(WORKERS) as pool:
        try:
            for t, recorded in frames:
                waiting.append(pool.submit(dubbed_frame, t, recorded, parts, seed))
                if len(waiting) > WORKERS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for rest in waiting:
                rest.cancel()


def dubbed_frame(t: int, recorded: np.ndarray, parts: Sequence[Part], seed: int) -> Made:
    """Frame ``t``, u8 ``[H, W, 3]``, of a film with new words."""
    image, done, state = recorded, [], PASSED
    for part in parts:
        k = t - part.stretch.first
        if not 0 <= k < len(part.wanted) or part.stretch.states[k] == PASSED or not changes(part, k):
            continue
        put = part.mouth.put(image, part.stretch.recorded, part.wanted, k, part.stretch.camera, seed + t)
        if put is None:
            continue
        box, patched = put
        if patched.covered > MOST_COVERED:
            continue
        if image is recorded:
            image = recorded.copy()
        image[box.slices] = patched.image
        done.append((part, box, patched))
        state = BRIDGED if part.stretch.states[k] == BRIDGED else DUBBED
    return Made(recorded=recorded, image=image, patches=tuple(done), state=state)


def changes(part: Part, k: int) -> bool:
    """Whether the mouth of frame ``k`` shall be another than recorded."""
    old, new = part.stretch.recorded, part.wanted
    apart = torch.cat([old.units[k] - new.units[k], old.residual[k] - new.residual[k]])
    return bool(apart.abs().max() > SAME)
