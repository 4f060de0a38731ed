"""Jobs as they stand in a file, a YAML list or a table (CSV): texts by field."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..checks import InputError


@dataclass
class Listed:
    """A job as it stands in the file."""

    where: str
    """Which, in messages."""
    values: dict[str, Any]
    """Texts by field, not yet looked at."""


def listed_in(path: Path) -> tuple[list[Listed], dict[str, Any]]:
    """The jobs of a file, and fields by verb for those that do not say.

    Raises:
        InputError: another kind of file, or what it holds is no list of jobs.
    """
    if path.suffix.lower() == ".csv":
        return _table(path), {}
    if path.suffix.lower() in (".yaml", ".yml", ".json"):
        return _yaml(path)
    raise InputError(f"jobs {path} end in {path.suffix!r}; .yaml, .json or .csv was wanted.")


def named(name: str, valid: Iterable[str], where: str, what: str) -> str:
    """``name`` where it is valid; else InputError, with the nearest that is."""
    valid = list(valid)
    if name in valid:
        return name
    near = difflib.get_close_matches(str(name), valid, n=1, cutoff=0.0)
    raise InputError(
        f"{where} has {name!r}, which is no {what}; did you mean {near[0]!r}? There are {', '.join(valid)}."
    )


def _table(path: Path) -> list[Listed]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"jobs {path} are no table ({error}); comma-separated UTF-8 was wanted.") from error
    listed = []
    for number, row in enumerate(rows, start=2):
        if None in row:
            raise InputError(f"{path} line {number} has more cells than the first line; quote texts with commas.")
        values = {str(name).strip(): text for name, text in row.items() if text not in (None, "")}
        if values:
            listed.append(Listed(f"{path} line {number}", values))
    return listed


def _yaml(path: Path) -> tuple[list[Listed], dict[str, Any]]:
    try:
        import yaml
    except ImportError as error:
        raise InputError("YAML is read by pyyaml: pip install 'gaussian-head[batch]'.") from error
    try:
        content = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=yaml.BaseLoader)  # texts; Options give types
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"jobs {path} are no YAML ({' '.join(str(error).split())}).") from error
    content = {"jobs": content} if isinstance(content, list) else content
    if not isinstance(content, dict) or not isinstance(content.get("jobs"), list):
        raise InputError(f"jobs {path} hold no list; a list of jobs, or `jobs:` with one, was wanted.")
    for name in content:
        named(name, ("jobs", "defaults"), str(path), "part")
    defaults = content.get("defaults") or {}
    if not isinstance(defaults, dict) or not all(isinstance(row, dict) for row in defaults.values()):
        raise InputError(f"{path}: defaults are to be fields by verb, as `defaults: {{reconstruct: {{size: 256}}}}`.")
    for number, row in enumerate(content["jobs"], start=1):
        if not isinstance(row, dict):
            raise InputError(f"{path} job {number} is {row!r}; fields with values were wanted.")
    return [Listed(f"{path} job {k}", dict(row)) for k, row in enumerate(content["jobs"], start=1)], defaults
