"""Options of a verb from the texts of a table or a YAML file; the verb's ``Options`` say what each must be."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from ..strict_json import config_from_json, config_to_json

REFERENCE = re.compile(r"\$([\w.-]+)((?:/.*)?)", re.DOTALL)
"""``$anna/head``: what the job called anna makes, here its head."""
ADDRESS = re.compile(r"\w\w+://")
"""Begins what lies on another machine."""
ABSENT = ("", "null", "~", "none")
TRUTHS = {"true": True, "yes": True, "false": False, "no": False}


def options_of(kind: type, values: Mapping[str, Any], where: str) -> Any:
    """A verb's options from texts, lists of texts, or values of JSON.

    Args:
        kind: the verb's ``Options``.
        values: by field.
        where: name of the job in messages.

    Raises:
        InputError: an unknown field (the nearest one is named), a missing one, or a value of another kind.
    """
    hints = get_type_hints(kind)
    data = {name: _value(hints[name], value) if name in hints else value for name, value in values.items()}
    return config_from_json(kind, data, where=where)


def to_json(options: Any) -> dict[str, Any]:
    """The fields of ``options`` that are not as they are by default, as JSON values."""
    usual = {field.name: field.default for field in fields(options)}
    return {
        name: config_to_json(value)
        for name, value in ((field.name, getattr(options, field.name)) for field in fields(options))
        if name != "live" and value != usual[name]
    }


def with_places(kind: type, values: Mapping[str, Any], change: Callable[[str, bool], str]) -> dict[str, Any]:
    """``values`` with every text that is, or may be, the name of a file given through ``change(text, certain)``."""
    changed = dict(values)
    for name, certain in places_in(kind):
        value = values.get(name)
        if isinstance(value, str):
            changed[name] = change(value, certain)
        elif isinstance(value, (list, tuple)):
            changed[name] = [change(entry, certain) if isinstance(entry, str) else entry for entry in value]
    return changed


def places_in(kind: type) -> Iterator[tuple[str, bool]]:
    """Fields of a verb's options that name files, and whether they always do."""
    for name, hint in get_type_hints(kind, include_extras=True).items():
        parts = list(_parts(hint))
        if Path in parts:
            yield name, True
        elif any(getattr(part, "may_be_a_place", False) for part in parts):
            yield name, False


def _parts(hint: Any) -> Iterator[Any]:
    yield hint
    if get_origin(hint) is Annotated:
        yield from hint.__metadata__
        yield from _parts(hint.__origin__)
    else:
        for inner in get_args(hint):
            yield from _parts(inner)


def _value(kind: Any, value: Any) -> Any:
    """``value`` as JSON has it, where it is a text that can be read as ``kind``; else as it came."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (tuple, list):
        entries = value.split(";") if isinstance(value, str) else value
        entries = [entry for entry in entries if entry != ""] if isinstance(entries, list) else entries
        return [_value(arguments[0], entry) for entry in entries] if isinstance(entries, list) else entries
    if not isinstance(value, str):
        return value
    text = value.strip()
    if origin in (Union, types.UnionType):
        if type(None) in arguments and text.lower() in ABSENT:
            return None
        readings = [_value(inner, value) for inner in arguments if inner is not type(None)]
        return next((reading for reading in readings if not isinstance(reading, str)), value)
    if origin is Literal:
        return next((choice for choice in arguments if str(choice) == text), value)
    return _plain(kind, text, value)


def _plain(kind: Any, text: str, value: str) -> Any:
    if kind is bool:
        return TRUTHS.get(text.lower(), value)
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            return value
    return value
