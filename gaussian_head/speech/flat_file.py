"""Reads arrays out of CTranslate2's flat model files: names, sizes and plain numbers, nothing that could run."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np

from ..checks import InputError

VERSION = 6
"""Version of the container that is read."""
KINDS = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
"""Numbers that the file may hold, by the code it names them with."""
MOST_DIMENSIONS = 4


def read_arrays(data: bytes | memoryview, wanted: Callable[[str], bool], what: str) -> dict[str, np.ndarray]:
    """The arrays of a CTranslate2 model (``model.bin``) whose names are wanted.

    Layout, little-endian: version u32, name of the network, revision u32, number of arrays u32; for each its name,
    number of dimensions u8, dimensions u32, code of the numbers u8, bytes u32 and the numbers. A name is its length
    u16 and as many bytes, the last of them zero.

    Args:
        data: the whole file.
        wanted: tells by name.
        what: names the file in messages.

    Returns:
        Views of ``data`` by name.

    Raises:
        InputError: another format or version, or a file that was cut or changed.
    """
    cursor = _Cursor(memoryview(data))
    found = {}
    try:
        version = cursor.number("I")
        if version != VERSION:
            raise InputError(f"{what} has version {version} of CTranslate2's container; {VERSION} was wanted.")
        cursor.text()
        cursor.number("I")
        for _ in range(cursor.number("I")):
            name, array = cursor.text(), cursor.array()
            if wanted(name):
                found[name] = array
    except (struct.error, ValueError, KeyError, IndexError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{what} is no flat model file, or damaged ({error}); install its package again.") from error
    return found


class _Cursor:
    """A place in the file that moves on as things are read."""

    def __init__(self, data: memoryview) -> None:
        self.data, self.place = data, 0

    def take(self, count: int) -> memoryview:
        if count > len(self.data) - self.place:
            raise ValueError("it ends too early")
        self.place += count
        return self.data[self.place - count : self.place]

    def number(self, code: str) -> int:
        return struct.unpack(f"<{code}", self.take(struct.calcsize(f"<{code}")))[0]

    def text(self) -> str:
        return bytes(self.take(self.number("H"))).rstrip(b"\0").decode()

    def array(self) -> np.ndarray:
        rank = self.number("B")
        if rank > MOST_DIMENSIONS:
            raise ValueError(f"an array of {rank} dimensions")
        shape = [self.number("I") for _ in range(rank)]
        kind = np.dtype(KINDS[self.number("B")]).newbyteorder("<")
        return np.frombuffer(self.take(self.number("I")), kind).reshape(shape)
