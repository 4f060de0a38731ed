"""Sound files that strangers give."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from ..checks import InputError
from ..conventions import SAMPLE_RATE
from ..media import read_audio
from .performances import MAX_SECONDS

MAX_UPLOAD_MB = 200
"""Largest file taken."""


def check_size(name: str, size: int, max_mb: int = MAX_UPLOAD_MB) -> None:
    """Refuse a file that is too large.

    Raises:
        InputError: larger than ``max_mb``.
    """
    if size > max_mb * 2**20:
        raise InputError(f"{name} has {size / 2**20:.0f} MB; at most {max_mb} MB are taken, so cut it.")


def uploaded_samples(name: str, content: bytes, rate: int = SAMPLE_RATE) -> np.ndarray:
    """Sound ``[S]`` at ``rate`` Hz of a file that a browser sent; messages name the file as the user knows it.

    Raises:
        InputError: too large, too long, or no sound in it.
    """
    check_size(name, len(content), MAX_UPLOAD_MB)
    with tempfile.TemporaryDirectory() as folder:
        # Nameless, so that only its content says what it is.
        path = Path(folder) / "upload"
        path.write_bytes(content)
        try:
            return read_audio(path, sample_rate=rate, max_seconds=MAX_SECONDS)
        except InputError as error:
            raise InputError(str(error).replace(str(path), name)) from None
