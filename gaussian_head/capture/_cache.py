"""A least-recently-used cache bounded in bytes, safe to share between threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class ByteCache(Generic[T]):
    """Keeps the latest values while their sizes sum to at most ``limit`` bytes."""

    def __init__(self, limit: int, size_of: Callable[[T], int]) -> None:
        self.limit = limit
        self._size_of = size_of
        self._values: OrderedDict[Hashable, T] = OrderedDict()
        self._used = 0
        self._lock = threading.Lock()

    @property
    def used(self) -> int:
        """Bytes held now."""
        return self._used

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of ``key``, made where absent. Two threads may make it twice; both get the same one."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        made = make()
        with self._lock:
            if key in self._values:
                return self._values[key]
            self._values[key] = made
            self._used += self._size_of(made)
            while self._used > self.limit and self._values:
                _, dropped = self._values.popitem(last=False)
                self._used -= self._size_of(dropped)
        return made
