"""Moods told in words, and keyed in time in a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..checks import InputError, read_json
from ..smoothing import smoothstep
from .emotion import Feeling, Range
from .moods import MOODS, Mood

FORMAT = "gaussian-head-moods"
LONGEST = 86400.0
"""Seconds from the beginning at which a key may be."""

OwnMood = Callable[[str], Mood | None]
"""The mood of a clip that a word names, None where it names none."""


@dataclass(frozen=True, kw_only=True)
class MoodKey:
    """What is felt at one moment."""

    at: float
    """Seconds."""
    strengths: dict[str, float]
    """By name of the mood, or place of a clip."""


@dataclass(frozen=True, kw_only=True)
class MoodScore:
    """What is felt when: strengths go smoothly from key to key and are held before the first and after the last."""

    keys: tuple[MoodKey, ...]
    moods: dict[str, Mood]
    """Every mood that a key names, but neutral."""

    def strongest(self) -> dict[str, float]:
        """Each mood's greatest strength."""
        return {name: max(key.strengths.get(name, 0.0) for key in self.keys) for name in self.moods}

    def feelings(self, num_frames: int, fps: float, ranges: Mapping[str, Range]) -> tuple[Feeling, ...]:
        """The moods at each frame, strength 1 being all that a head of such ``ranges`` shows of each."""
        times = torch.arange(num_frames, dtype=torch.float64) / fps
        return tuple(ranges[name].feeling(mood, self._strength(name, times)) for name, mood in self.moods.items())

    def _strength(self, name: str, times: Tensor) -> Tensor:
        at = torch.tensor([key.at for key in self.keys], dtype=torch.float64)
        value = torch.tensor([key.strengths.get(name, 0.0) for key in self.keys], dtype=torch.float64)
        after = torch.searchsorted(at, times, right=True).clamp(1, max(len(at) - 1, 1))
        if len(at) == 1:
            return value.expand(len(times)).float()
        share = ((times - at[after - 1]) / (at[after] - at[after - 1])).clamp(0, 1)
        return value[after - 1].lerp(value[after], smoothstep(share)).float()


def parse_moods(text: str, own: OwnMood = lambda _: None) -> MoodScore:
    """What ``"happy:0.6 surprised:0.2"`` says, for all of a performance.

    Args:
        text: moods with strengths from 0 to 1 behind a colon, 1 where none is; commas or spaces between them.
        own: tells moods that are not in `MOODS`.

    Raises:
        InputError: a mood that is unknown, or a strength that is none.
    """
    strengths, moods = _strengths(text, own)
    return MoodScore(keys=(MoodKey(at=0.0, strengths=strengths),), moods=moods)


def read_moods(path: str | Path, own: OwnMood = lambda _: None) -> MoodScore:
    """Moods keyed in time: ``{"format": "gaussian-head-moods", "keys": [{"at": 0, "mood": "neutral"}, …]}``.

    Args:
        path: the file; ``at`` is in seconds and rises, ``mood`` is as `parse_moods` reads it.
        own: tells moods that are not in `MOODS`.

    Raises:
        InputError: no such file, no key, a key without its time or mood, or times that do not rise.
    """
    data = read_json(path, "mood file")
    entries = data.get("keys") if isinstance(data, dict) and data.get("format") == FORMAT else None
    if not isinstance(entries, list) or not entries:
        raise InputError(
            f'{path} is no mood file; {{"format": "{FORMAT}", "keys": [{{"at": 0, "mood": "neutral"}}, …]}} was wanted.'
        )
    keys, moods = [], {}
    for number, entry in enumerate(entries, 1):
        try:
            at, text = _entry(entry)
            if keys and at <= keys[-1].at:
                raise InputError(f"its time {at:g} does not come after {keys[-1].at:g}.")
            strengths, named = _strengths(text, own)
        except InputError as error:
            raise InputError(f"mood file {path}, key {number}: {error}") from error
        keys.append(MoodKey(at=at, strengths=strengths))
        moods |= named
    return MoodScore(keys=tuple(keys), moods=moods)


def _entry(entry: Any) -> tuple[float, str]:
    lacking = [name for name in ("at", "mood") if not isinstance(entry, dict) or entry.get(name) is None]
    if lacking:
        raise InputError(f"it has no {' and no '.join(lacking)}; both were wanted.")
    at, text = entry["at"], entry["mood"]
    if isinstance(at, bool) or not isinstance(at, (int, float)) or not 0 <= at <= LONGEST:
        raise InputError(f"its time is {at!r}; seconds from the beginning were wanted.")
    if not isinstance(text, str):
        raise InputError(f"its mood is {text!r}; a text such as 'happy:0.6' was wanted.")
    return float(at), text


def _strengths(text: str, own: OwnMood) -> tuple[dict[str, float], dict[str, Mood]]:
    strengths: dict[str, float] = {}
    moods: dict[str, Mood] = {}
    words = [word for word in re.split(r"[,\s]+", text.strip()) if word]
    if not words:
        raise InputError(f"no mood was named; {', '.join(MOODS)} are known, for example 'happy:0.6 surprised:0.2'.")
    for word in words:
        name, strength = _parted(word)
        mood = MOODS.get(name.lower()) or own(name)
        if mood is None:
            near = get_close_matches(name.lower(), MOODS, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise InputError(
                f"the mood {name!r} is unknown{hint}; choose from {', '.join(MOODS)}, or name the capture of another"
                " clip of this person."
            )
        key = name.lower() if name.lower() in MOODS else name
        if key == "neutral":
            continue
        strengths[key], moods[key] = strength, mood
    return strengths, moods


def _parted(word: str) -> tuple[str, float]:
    """A mood's name and its strength."""
    name, colon, number = word.rpartition(":")
    if not colon:
        return word, 1.0
    try:
        strength = float(number)
    except ValueError:
        return word, 1.0
    if not 0 <= strength <= 1:
        raise InputError(f"the strength in {word!r} is {number}; a number from 0 to 1 was wanted.")
    return name, strength
