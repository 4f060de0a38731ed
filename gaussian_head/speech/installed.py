"""Weights inside other installed packages, which are not imported."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from ..checks import InputError


def place_of(package: str, inside: str) -> Path | None:
    """A file of an installed package; None where there is none."""
    spec = find_spec(package)
    places = [Path(folder) / inside for folder in (spec.submodule_search_locations or ())] if spec else []
    return next((place for place in places if place.is_file()), None)


def read_known(places: Sequence[Path], sha256: str, requirement: str) -> bytes:
    """A file, or one in several parts.

    Args:
        places: its parts in order.
        sha256: of the whole.
        requirement: what to install anew where it is another.

    Raises:
        InputError: it is not the file it should be.
    """
    data = b"".join(place.read_bytes() for place in places)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise InputError(
            f"{places[0]} is not the file it should be (its sha256 differs); `pip install --force-reinstall"
            f" '{requirement}'`."
        )
    return data
