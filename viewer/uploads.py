"""A file that a browser sends piece by piece; browsers are not trusted."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from gaussian_head.checks import InputError
from gaussian_head.playing.given import MAX_UPLOAD_MB, check_size


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A part of a file."""

    upload: int
    """Number of the upload, counted by the browser."""
    name: str
    """The file as the user knows it."""
    size: int
    """Bytes of the whole file."""
    offset: int
    """Where the part begins."""
    content: bytes
    """The part."""


def parse_piece(data: dict[str, Any]) -> Piece:
    """A Piece from a browser's JSON; ValueError, TypeError or KeyError where it is not one."""
    text = data.get("data", "")
    if not isinstance(text, str):
        raise TypeError("not base64")
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    return Piece(
        upload=int(data.get("upload", 0)),
        name=str(data["name"])[:200],
        size=int(data.get("size", 0)),
        offset=int(data.get("offset", 0)),
        content=content,
    )


class Incoming:
    """The file that is being received, one at a time: a new first piece takes the place of an unfinished file."""

    def __init__(self, max_mb: int = MAX_UPLOAD_MB) -> None:
        self._max_mb = max_mb
        self._upload = -1
        self._buffer = bytearray()

    def add(self, piece: Piece) -> bytes | None:
        """Take a piece in; the whole file once it is complete, else None.

        Raises:
            InputError: the file is too large, or the piece does not follow the one before.
        """
        check_size(piece.name, piece.size, self._max_mb)
        if piece.offset == 0:
            self._upload, self._buffer = piece.upload, bytearray()
        follows = piece.upload == self._upload and piece.offset == len(self._buffer)
        if not follows or piece.offset + len(piece.content) > piece.size:
            self.drop()
            raise InputError(f"{piece.name} arrived in disorder; give it once more.")
        self._buffer += piece.content
        if len(self._buffer) < piece.size:
            return None
        content = bytes(self._buffer)
        self.drop()
        return content

    @property
    def received(self) -> int:
        """Bytes so far."""
        return len(self._buffer)

    def drop(self) -> None:
        """Forget what has come so far."""
        self._upload, self._buffer = -1, bytearray()
