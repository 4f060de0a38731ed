"""Moods and head acts keyed over the time of what is played: the same that `--emotion FILE` and `--pose TEXT` read."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace

from gaussian_head.checks import InputError
from gaussian_head.motion.act_words import parse_acts
from gaussian_head.motion.mood_words import FORMAT, parse_moods

MOST = 100
"""Keys that a performance may have."""
SAME = 0.005
"""Seconds within which two moods are of one moment."""


@dataclass(frozen=True, kw_only=True)
class Key:
    """One thing that is told of a moment."""

    at: float
    """Seconds."""
    what: str
    """A mood's name, or a head act in words without its time."""
    strength: float | None
    """Of the mood, 0 to 1; None for an act."""

    @property
    def told(self) -> str:
        """In the words that the command line takes."""
        return f"{self.what} at {self.at:.2f} s" if self.strength is None else f"{self.what}:{self.strength:g}"

    @property
    def label(self) -> str:
        """For a list of keys."""
        return f"{self.at:.2f} s  {self.told if self.strength is not None else self.what}"


def added(keys: tuple[Key, ...], key: Key) -> tuple[Key, ...]:
    """``keys`` in the order of time with one more.

    Raises:
        InputError: the key tells no mood and no act, or of no moment; or there are too many.
    """
    if len(keys) >= MOST:
        raise InputError(f"{len(keys)} keys are there already; {MOST} are the most. Remove one first.")
    if not math.isfinite(key.at) or key.at < 0:
        raise InputError(f"the key's time is {key.at:g}; seconds from the beginning were wanted.")
    if key.strength is not None:
        parse_moods(key.told)
    elif len(parse_acts(key.told)) != 1:
        raise InputError(f"{key.what!r} asks for several movements; a key is one of them, so give each its own.")
    return tuple(sorted((*keys, key), key=lambda k: (k.at, k.what)))


def moved(keys: tuple[Key, ...], index: int, at: float, strength: float) -> tuple[Key, ...]:
    """``keys`` with one of them at another time and, where it is a mood, of another strength."""
    key = keys[index]
    told = None if key.strength is None else round(min(max(strength, 0.0), 1.0), 2)
    return added(keys[:index] + keys[index + 1 :], replace(key, at=round(max(at, 0.0), 2), strength=told))


def pose_of(keys: tuple[Key, ...]) -> str:
    """The acts as one text for `--pose`; "" without any."""
    return ", then ".join(key.told for key in keys if key.strength is None)


def moods_of(keys: tuple[Key, ...]) -> str:
    """The moods as the text of a file for `--emotion`; "" without any."""
    entries: list[tuple[float, str]] = []
    for key in (key for key in keys if key.strength is not None):
        if entries and abs(key.at - entries[-1][0]) < SAME:
            at, moods = entries.pop()
            entries.append((at, f"{moods} {key.told}"))
        else:
            entries.append((key.at, key.told))
    told = [{"at": at, "mood": moods} for at, moods in entries]
    return json.dumps({"format": FORMAT, "keys": told}, indent=1) if told else ""
