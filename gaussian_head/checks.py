"""Argument checks whose messages say what came, what was wanted and what to do."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any


class InputError(ValueError):
    """A user's input cannot be used; the message names it and says what to do."""


def require_file(path: str | Path, what: str) -> Path:
    """Return ``path`` as a Path if it is a readable file, else raise InputError naming ``what``."""
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{what} {path} is a folder; a file was wanted.")
    if not path.exists():
        raise InputError(f"{what} {path} does not exist; check the spelling of the path.")
    if not os.access(path, os.R_OK):
        raise InputError(f"{what} {path} cannot be read; check its permissions.")
    return path


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
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{what} {path} is no JSON ({error}); it was cut short or is something else.") from error
