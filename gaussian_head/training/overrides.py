"""Single values of a training run in words: ``max_gaussians=80000``, ``stages.0.iterations=500``."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from typing import Any

from ..checks import InputError
from ..strict_json import config_from_json, config_to_json
from .config import TrainConfig


def overridden(config: TrainConfig, changes: Iterable[str]) -> TrainConfig:
    """``config`` with single values changed.

    Args:
        config: any run.
        changes: ``name=value`` each; a dot leads into a group, a number to one of the stages, counted from 0.

    Raises:
        InputError: no such name (the nearest one is named), or a value that it cannot have.
    """
    document = config_to_json(config)
    changes = tuple(changes)
    for change in changes:
        name, sign, text = change.partition("=")
        if not sign:
            raise InputError(f"set {change!r} has no value; name=value was wanted, for example max_gaussians=80000.")
        holder, key = _place(document, name.strip().split("."), change)
        holder[key] = _value(text.strip())
    return config_from_json(TrainConfig, document, where="set") if changes else config


def _place(document: Any, steps: list[str], change: str) -> tuple[Any, Any]:
    """The group and the key within it that ``steps`` lead to."""
    group: Any = document
    for i, step in enumerate(steps):
        known = [str(k) for k in range(len(group))] if isinstance(group, list) else list(group)
        if step not in known:
            near = difflib.get_close_matches(step, known, n=1)
            meant = f"did you mean {near[0]!r}? " if near else ""
            raise InputError(f"set {change!r}: there is no {step!r}; {meant}There are {', '.join(known)}.")
        key: Any = int(step) if isinstance(group, list) else step
        if i == len(steps) - 1:
            return group, key
        group = group[key]
        if not isinstance(group, (dict, list)):
            raise InputError(f"set {change!r}: {step!r} is a single value; nothing lies within it.")
    raise AssertionError("steps is never empty")


def _value(text: str) -> Any:
    """A number, true, false, a list …; anything else is a word."""
    try:
        return json.loads(text)
    except ValueError:
        return text
