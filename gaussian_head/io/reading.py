"""Gaussians from a file of any of the formats that are read."""

from __future__ import annotations

from pathlib import Path

from ..checks import InputError, require_file
from ..gaussians import Gaussians
from .compressed_ply import is_compressed_ply, read_compressed_ply
from .ply import read_ply
from .splat import read_splat
from .spz import read_spz

SPLATS = (".ply", ".splat", ".spz")
"""Endings of files of Gaussians."""


def read_gaussians(path: str | Path) -> Gaussians:
    """The Gaussians of a PLY (plain or compressed), SPLAT or SPZ file, as they are there.

    Raises:
        InputError: none of these, damaged, or cut short.
    """
    path = require_file(path, "splat file")
    ending = path.suffix.lower()
    if ending == ".ply":
        return read_compressed_ply(path) if is_compressed_ply(path) else read_ply(path)
    if ending == ".spz":
        return read_spz(path)
    if ending == ".splat":
        return read_splat(path)
    raise InputError(f"{path} ends in {ending!r}; a file of Gaussians ({', '.join(SPLATS)}) was wanted.")
