"""Ctrl-C and termination wait for the end of a training step, so that what is saved then is whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

HELD = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Interruptions:
    """While entered in the main thread, signals that raise are held back as long as a step is under way.

    A second one is not: it ends the step at once, and ``broken`` says so.
    """

    def __init__(self) -> None:
        self.broken = False
        """A step was left half done; the state is good for nothing."""
        self._within, self._waiting = False, 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruptions:
        if threading.current_thread() is threading.main_thread():
            for number in HELD:
                before = signal.getsignal(number)
                if callable(before):
                    self._before[number] = before
                    signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: Any) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold signals back while the body runs, then let the first one through."""
        self._within = True
        try:
            yield
        except BaseException:
            self.broken = True
            raise
        finally:
            self._within = False
        number, self._waiting = self._waiting, 0
        if number:
            self._before[number](number, None)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._within and not self._waiting:
            self._waiting = number
        else:
            self._before[number](number, frame)
