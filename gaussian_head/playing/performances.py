"""What an actor can perform: its captured clip, and every voice it was given."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from torch import Tensor

from ..actor import Actor, Clip, Direction, captured_sound, perform, speak
from ..checks import InputError
from ..conventions import SAMPLE_RATE
from ..events import Listener, ignore
from ..motion import Performance, blinks

log = logging.getLogger(__name__)
MAX_SECONDS = 600
"""Longest voice; it is kept whole in memory, here and in the browser."""


@dataclass(frozen=True, kw_only=True)
class NamedPerformance(Performance):
    """A performance on offer; its sound has 16 kHz."""

    name: str
    """Shown to the user."""
    direction: Direction | None = None
    """How it is performed; None as `speak` does."""

    @cached_property
    def blinks(self) -> Tensor:
        """``[T]`` generated blinks, 0 open, 1 closed; always the same ones."""
        return blinks(len(self.motion), self.motion.fps)


def captured(clip: Clip) -> NamedPerformance:
    """A clip as it was captured, with its sound where the capture is still there."""
    return NamedPerformance(name="Captured clip", motion=clip.motion, samples=_captured_sound(clip))


def spoken(
    actor: Actor, samples: np.ndarray, name: str, *, direction: Direction | None = None, listener: Listener = ignore
) -> NamedPerformance:
    """The actor saying ``samples``.

    Args:
        actor: the person.
        samples: ``[S]`` mono at 16 kHz.
        name: shown to the user.
        direction: how to perform it.
        listener: receives Warned of what cannot be done as told.

    Raises:
        InputError: the sound is empty or too long, or the direction names something that there is not.
    """
    seconds = len(samples) / SAMPLE_RATE
    if not 0.1 <= seconds <= MAX_SECONDS:
        raise InputError(f"{name} is {seconds:.1f} s long; between 0.1 s and {MAX_SECONDS} s are wanted, so cut it.")
    told = direction is not None
    motion = perform(actor, samples, direction, listener=listener) if told else speak(actor, samples)
    return NamedPerformance(name=name, motion=motion, samples=samples, direction=direction)


def _captured_sound(clip: Clip) -> np.ndarray | None:
    try:
        return captured_sound(clip)
    except InputError as error:
        log.warning("the captured clip plays without sound: %s", error)
        return None
