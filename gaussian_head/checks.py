"""Argument checks whose messages say what came, what was wanted and what to do."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class InputError(ValueError):
    """A user's input cannot be used; the message names it and says what to do."""


def require_file(path: str | Path, what: str) -> Path:
    """Return ``path`` as a Path if it is a readable file, else raise InputError naming ``what``."""
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{what} {path} is a folder; a file was wanted.")
    if re.match(r"\w\w+:/", str(path)):
        raise InputError(f"{what} {path} is an address; a file of this machine was wanted: download it first.")
    if not path.exists():
        raise InputError(f"{what} {path} does not exist; check the spelling of the path.")
    if not os.access(path, os.R_OK):
        raise InputError(f"{what} {path} cannot be read; check its permissions.")
    return path


def require_number(value: object, what: str, *, least: float, most: float) -> float:
    """Return ``value`` if it is a number from ``least`` to ``most``, else raise InputError naming ``what``."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise InputError(f"{what} is {_shown(value)}; a number from {least:g} to {most:g} was wanted.")
    return float(value)


def require_count(value: object, what: str, *, least: int = 0, most: int = 2**31) -> int:
    """Return ``value`` if it is a whole number from ``least`` to ``most``, else raise InputError naming ``what``."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InputError(f"{what} is {_shown(value)}; a whole number from {least} to {most} was wanted.")
    return value


def require_fields(record: object, ranges: Mapping[str, tuple[float, float]]) -> None:
    """Raise InputError unless each field of ``record`` that ``ranges`` names is a number from least to most."""
    for name, (least, most) in ranges.items():
        value, what = getattr(record, name), f"{type(record).__name__}.{name}"
        if isinstance(least, int):
            require_count(value, what, least=least, most=int(most))
        else:
            require_number(value, what, least=least, most=most)


def require_names(values: object, what: str) -> tuple[str, ...]:
    """Return ``values`` as a tuple if they are a list of different texts, else raise InputError naming ``what``."""
    if not isinstance(values, (list, tuple)) or not all(isinstance(value, str) for value in values):
        raise InputError(f"{what} is {_shown(values)}; a list of names was wanted.")
    if len(set(values)) < len(values):
        raise InputError(f"{what} names something twice: {_shown(values)}.")
    return tuple(values)


def require_shapes(arrays: Mapping[str, Any], wanted: Mapping[str, tuple[int | None, ...]], what: str) -> None:
    """Raise InputError unless each array (tensor) that ``wanted`` names is there in its shape; None is any size."""
    for name, shape in wanted.items():
        got = tuple(arrays[name].shape) if name in arrays else None
        if got is None:
            raise InputError(f"{what} lacks {name}.")
        if len(got) != len(shape) or any(w is not None and w != g for w, g in zip(shape, got, strict=True)):
            sizes = ", ".join("any" if size is None else str(size) for size in shape)
            raise InputError(f"{what}: {name} has shape {list(got)}; [{sizes}] was wanted.")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}… ({type(value).__name__})"


def require_writable_folder(path: str | Path, what: str) -> Path:
    """Create folder ``path`` if needed and prove that it can be written, else raise InputError."""
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise InputError(f"{what} {path} cannot be written ({error.strerror}); choose another with --out.") from error
    return path


def fingerprint(path: str | Path) -> str:
    """SHA-256 of a file's content, as hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def read_json(path: str | Path, what: str) -> Any:
    """The content of a JSON file in UTF-8, 16 or 32, with or without a byte order mark.

    Raises:
        InputError: naming ``what``: no readable file, or not JSON.
    """
    path = require_file(path, what)
    try:
        return parse_json(path.read_bytes())
    except ValueError as error:
        raise InputError(f"{what} {path} is no JSON ({error}); it was cut short or is something else.") from error


def parse_json(text: str | bytes) -> Any:
    """The JSON value of a text, with or without a byte order mark; ValueError where it is none."""
    try:
        return json.loads(text.removeprefix("\ufeff") if isinstance(text, str) else text)
    except RecursionError:
        raise ValueError("brackets within brackets within brackets") from None
