"""Work done in a second thread, in order and a few items behind."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_END = object()


class Behind(Generic[T]):
    """Context manager: ``put`` returns at once while ``work`` runs in a thread; the end waits for all of it.

    The first error of ``work`` is raised by the next ``put`` or at the end. When the ``with`` block fails, what
    still waits is dropped.
    """

    def __init__(self, work: Callable[[T], None], *, depth: int = 4) -> None:
        """At most ``depth`` items wait, so that memory is bounded."""
        self._work = work
        self._queue: queue.Queue[Any] = queue.Queue(depth)
        self._error: BaseException | None = None
        self._dropping = False
        self._thread = threading.Thread(target=self._run, name="encoder", daemon=True)

    def __enter__(self) -> Behind[T]:
        self._thread.start()
        return self

    def put(self, item: T) -> None:
        """Hand over one item; waits while the queue is full."""
        if self._error is not None:
            raise self._error
        self._queue.put(item)

    def __exit__(self, kind: type[BaseException] | None, *rest: Any) -> None:
        self._dropping = kind is not None
        self._queue.put(_END)
        self._thread.join()
        if kind is None and self._error is not None:
            raise self._error

    def _run(self) -> None:
        while (item := self._queue.get()) is not _END:
            if self._error is None and not self._dropping:
                try:
                    self._work(item)
                except BaseException as error:
                    self._error = error
