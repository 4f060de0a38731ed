"""Frozen dataclasses to JSON and strictly back."""

from __future__ import annotations

import dataclasses
import difflib
import sys
import types
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from .checks import InputError, require_number

C = TypeVar("C")


def config_to_json(config: Any) -> Any:
    """JSON values of a (nested) dataclass: dicts, lists, numbers, strings, booleans, None.

    Raises:
        TypeError: A field holds something that JSON has no word for.
    """
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        return {field.name: config_to_json(getattr(config, field.name)) for field in dataclasses.fields(config)}
    if isinstance(config, dict):
        return {str(key): config_to_json(value) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return [config_to_json(value) for value in config]
    if isinstance(config, Path):
        return str(config)
    if config is None or isinstance(config, (bool, int, float, str)):
        return config
    raise TypeError(f"{type(config).__name__} cannot be written as JSON.")


def config_from_json(cls: type[C], data: Any, *, where: str = "config") -> C:
    """Make a ``cls`` from what :func:`config_to_json` wrote.

    Args:
        cls: A dataclass; its annotations say what each value must be.
        data: JSON values.
        where: Name of ``data`` in messages.

    Raises:
        InputError: Unknown keys (each with the nearest valid one), missing keys, a value of the wrong kind, or one that
            ``cls`` itself refuses.
    """
    if not isinstance(data, dict):
        raise InputError(f"{where} is {type(data).__name__}; an object with the fields of {cls.__name__} was wanted.")
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}  # pyright: ignore[reportArgumentType]
    unknown = [key for key in data if key not in fields]
    if unknown:
        raise InputError(f"{where} has unknown {'; '.join(_hint(key, list(fields)) for key in unknown)}.")
    missing = [
        name
        for name, field in fields.items()
        if name not in data and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise InputError(f"{where} lacks {', '.join(missing)}.")
    hints = get_type_hints(cls)
    values = {key: _value(hints[key], value, f"{where}.{key}") for key, value in data.items()}
    try:
        return cls(**values)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def _hint(key: str, valid: list[str]) -> str:
    near = difflib.get_close_matches(key, valid, n=1, cutoff=0.0)
    return f"key {key!r} (nearest valid: {near[0]!r})" if near else f"key {key!r} (no keys are valid)"


def _value(kind: Any, value: Any, where: str) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind):
        return config_from_json(kind, value, where=where)  # pyright: ignore[reportArgumentType]
    if origin in (Union, types.UnionType):
        return _union(arguments, value, where)
    if origin is Literal:
        if value not in arguments:
            raise InputError(f"{where} is {value!r}; choose one of {', '.join(map(repr, arguments))}.")
        return value
    if origin in (tuple, list):
        return _sequence(origin, arguments, value, where)
    if origin is dict or kind is dict:
        if not isinstance(value, dict):
            raise InputError(f"{where} is {value!r}; an object was wanted.")
        inner = arguments[1] if arguments else Any
        return {key: _value(inner, item, f"{where}.{key}") for key, item in value.items()}
    if kind is Path and isinstance(value, str):
        return Path(value)
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return require_number(value, where, least=-sys.float_info.max, most=sys.float_info.max)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise InputError(f"{where} is {value!r}; {getattr(kind, '__name__', kind)} was wanted.")
    return value


def _union(kinds: tuple, value: Any, where: str) -> Any:
    problems = []
    for kind in kinds:
        try:
            return _value(kind, value, where)
        except InputError as error:
            problems.append(str(error))
    raise InputError(problems[0])


def _sequence(origin: type, arguments: tuple, value: Any, where: str) -> Any:
    if not isinstance(value, (list, tuple)):
        raise InputError(f"{where} is {value!r}; a list was wanted.")
    any_length = origin is list or arguments[-1] is Ellipsis
    kinds = [arguments[0]] * len(value) if any_length else list(arguments)
    if len(kinds) != len(value):
        raise InputError(f"{where} has {len(value)} entries; {len(kinds)} were wanted.")
    return origin(_value(kind, item, f"{where}[{i}]") for i, (kind, item) in enumerate(zip(kinds, value, strict=True)))
