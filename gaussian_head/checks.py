"""Argument checks whose messages say what came, what was wanted and what to do."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary sibling of ``path`` to write; it takes the place of ``path`` only on success.

    Works for a file and, where the body makes the yielded path a folder, for a folder. On any
    error the temporary is removed and an existing ``path`` is left as it was.

    Raises:
        InputError: the folder of ``path`` cannot be made or written, or a file was made where a folder stands.
    """
    path = Path(path)
    require_writable_folder(path.parent, "folder")
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        yield temporary
        if temporary.is_dir() and path.is_dir():
            old = path.with_name(f".{path.name}.{os.getpid()}.old")
            path.rename(old)
            temporary.rename(path)
            shutil.rmtree(old)
        elif path.is_dir():
            raise InputError(f"{path} is a folder; name a file, which may lie in it.")
        else:
            os.replace(temporary, path)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)
