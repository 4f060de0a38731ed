"""What is said, when and by whom: one sound for the whole film, or a table of lines."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ..checks import InputError, require_file

COLUMNS = ("start", "end", "sound", "person")
TO_THE_END = float("inf")


@dataclass(frozen=True, kw_only=True)
class Line:
    """Something that somebody says."""

    start: float
    """Seconds of the film at which the sound begins."""
    end: float
    """Seconds at which it ends at the latest; infinite for the film's end."""
    sound: Path
    """The file."""
    person: int
    """Who says it."""


def read_lines(path: str | Path) -> tuple[Line, ...]:
    """Lines of a table with a head row ``start,end,sound,person``; times in seconds or as h:mm:ss.sss.

    ``end`` may be empty: until the sound ends. ``person`` may be absent or empty: the first. Sounds lie beside the
    table where they are not named in full.

    Raises:
        InputError: no such table, or a row that says something else, by its number.
    """
    path = require_file(path, "script")
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file, skipinitialspace=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"script {path} is no table in UTF-8 ({error}).") from error
    names = {name.strip().lower() for name in (rows[0] if rows else {}) if name}
    if not {"start", "sound"} <= names:
        raise InputError(f"script {path} has columns {', '.join(sorted(names)) or 'none'}; {','.join(COLUMNS)} wanted.")
    lines = tuple(_line(row, number, path) for number, row in enumerate(rows, start=2))
    for person in {line.person for line in lines}:
        own = sorted((line for line in lines if line.person == person), key=lambda line: line.start)
        for a, b in pairwise(own):
            if a.end > b.start + 1e-6 and a.end != TO_THE_END:
                raise InputError(
                    f"script {path}: person {person} says two lines at once, from {a.start:g} to {a.end:g} s and from "
                    f"{b.start:g} s; let one end before the other begins."
                )
    return lines


def _line(row: dict, number: int, path: Path) -> Line:
    values = {
        (name or "").strip().lower(): (value or "").strip() for name, value in row.items() if isinstance(value, str)
    }
    try:
        start = seconds_of(values.get("start", ""))
        end = seconds_of(values["end"]) if values.get("end") else TO_THE_END
        person = int(values.get("person") or 1)
    except ValueError as error:
        raise InputError(
            f"script {path}, row {number}: {error}; seconds or h:mm:ss, and a person's number wanted."
        ) from error
    if not (0 <= start < end and person >= 1):
        raise InputError(f"script {path}, row {number}: from {start:g} to {end:g} s, person {person}; not possible.")
    if not values.get("sound"):
        raise InputError(f"script {path}, row {number} names no sound.")
    sound = Path(values["sound"])
    sound = sound if sound.is_absolute() else path.parent / sound
    return Line(start=start, end=end, sound=require_file(sound, f"script {path}, row {number}: sound"), person=person)


def seconds_of(text: str) -> float:
    """Seconds of a number or of ``h:mm:ss.sss``; ValueError for anything else."""
    parts = text.split(":")
    if not 1 <= len(parts) <= 3:
        raise ValueError(f"{text!r} is no time")
    total = 0.0
    for part in parts:
        total = 60 * total + float(part)
    if not 0 <= total < 1e6:
        raise ValueError(f"{text!r} is no time")
    return total
