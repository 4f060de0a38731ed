"""Long work for one browser: one piece at a time, with time left and cancel, and nothing left on the disk."""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gaussian_head.checks import InputError
from gaussian_head.events import Event, Listener, Progress

log = logging.getLogger(__name__)
TELL_EVERY = 0.5
"""Seconds between two reports of progress."""

Work = Callable[[Path, Listener], Path]
"""Writes a file into the folder, telling the listener, and returns its path."""


class Cancelled(Exception):
    """The user, or a browser that left, ended the work."""


@dataclass(frozen=True, kw_only=True)
class State:
    """How far a piece of work is."""

    title: str
    """What is being made."""
    share: float = 0.0
    """Done, 0 to 1."""
    seconds_left: float | None = None
    """None where unknown."""


class Jobs:
    """Runs the work of one browser, each piece in a thread and a folder of its own."""

    def __init__(
        self,
        *,
        show: Callable[[State | None], None],
        deliver: Callable[[str, bytes], None],
        complain: Callable[[str], None],
        gone: Callable[[], bool],
    ) -> None:
        """Make an idle one.

        Args:
            show: told how far the work is, and None when there is none.
            deliver: given name and content of the file that was made.
            complain: told in words why there is none.
            gone: true once the browser has left.
        """
        self._show, self._deliver, self._complain, self._gone = show, deliver, complain, gone
        self._busy = threading.Lock()
        self._stopping = threading.Event()
        self._title, self._stage, self._begun, self._told = "", "", (0, 0.0), 0.0

    def start(self, title: str, work: Work) -> bool:
        """Begin ``work``; False where something is being made already."""
        if not self._busy.acquire(blocking=False):
            return False
        self._stopping.clear()
        self._title, self._stage, self._told = title, "", 0.0
        threading.Thread(target=self._run, args=(work,), name="viewer-job", daemon=True).start()
        return True

    def cancel(self) -> None:
        """End the work in hand as soon as it listens."""
        self._stopping.set()

    def _run(self, work: Work) -> None:
        try:
            self._show(State(title=self._title))
            with tempfile.TemporaryDirectory(prefix="gaussian-head-") as folder:
                path = work(Path(folder), self._listen)
                self._check()
                self._deliver(path.name, path.read_bytes())
        except Cancelled:
            if self._gone():
                log.warning("%s was not finished: its browser left", self._title)
            else:
                log.info("%s was cancelled", self._title)
        except InputError as error:
            self._complain(str(error))
        except Exception:
            log.exception("%s failed", self._title)
            self._complain("An unexpected error happened; the server's log has the details.")
        finally:
            self._show(None)
            self._busy.release()

    def _listen(self, event: Event) -> None:
        self._check()
        if not isinstance(event, Progress) or not event.total:
            return
        now = time.monotonic()
        if event.stage != self._stage:
            self._stage, self._begun = event.stage, (event.done, now)
        if now - self._told < TELL_EVERY:
            return
        self._told = now
        made, took = event.done - self._begun[0], now - self._begun[1]
        left = took / made * (event.total - event.done) if made > 0 else None
        self._show(State(title=self._title, share=event.done / event.total, seconds_left=left))

    def _check(self) -> None:
        if self._stopping.is_set() or self._gone():
            raise Cancelled
