"""Who is here: the server may tell that a browser left before it has told that it came."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Guest = TypeVar("Guest")


class Guests(Generic[Guest]):
    """Browsers by number, each of which enters once and leaves once, in either order and from any thread."""

    def __init__(self) -> None:
        self.doors = threading.RLock()
        """Held while somebody enters or leaves; hold it to look at several at once."""
        self._here: dict[int, Guest] = {}
        self._gone: set[int] = set()
        self._closed = False

    @property
    def all(self) -> tuple[Guest, ...]:
        """Who is here now."""
        with self.doors:
            return tuple(self._here.values())

    def enter(self, number: int, welcome: Callable[[], Guest]) -> None:
        """Take in whom ``welcome`` makes, unless this browser has left already or the house is closed."""
        with self.doors:
            if number in self._gone or self._closed:
                self._gone.discard(number)
                return
            self._here[number] = welcome()

    def leave(self, number: int) -> Guest | None:
        """Let somebody go; None for one who has not entered, and then never will."""
        with self.doors:
            if number not in self._here:
                self._gone.add(number)
            return self._here.pop(number, None)

    def close(self) -> tuple[Guest, ...]:
        """Take in nobody from now on, and let go of those who are here."""
        with self.doors:
            self._closed = True
            last, self._here = tuple(self._here.values()), {}
            return last
