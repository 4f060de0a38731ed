"""Giving a head a voice: receiving the file, listening to it, and stopping when the user calls it off."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from gaussian_head.checks import InputError

from .bridge import Report
from .performances import Performance, spoken, uploaded_samples
from .uploads import MAX_UPLOAD_MB, Incoming, check_size

if TYPE_CHECKING:
    from .session import Session

log = logging.getLogger(__name__)
SHARES = {"Reading": 0.05, "Listening to": 0.2, "Handing over": 0.95}
"""How far along the work on a received file is when each of its steps begins."""
TITLE = "This cannot be spoken"
UNEXPECTED = "An unexpected error happened; the server's log has the details."


class CalledOff(Exception):
    """The user no longer wants it."""


class Voices:
    """The voices that one browser gives; a later one takes the place of one still being worked on."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._incoming = Incoming()
        self._wanted = 0
        self._told = 0.0
        self.on_progress: Callable[[str, float | None], None] = lambda text, share: None
        """Called with what is being done and its share done in [0, 1]; None when nothing is."""

    def receive(self, report: Report) -> None:
        """Take a piece of a file, or hear that none will come; quick, for the event loop."""
        piece = report.piece
        if piece is None:
            return
        try:
            check_size(piece.name, piece.size, MAX_UPLOAD_MB)
            if report.kind == "lost":
                raise InputError(f"{piece.name} could not be read by the browser; give it once more.")
            content = self._incoming.add(piece)
        except InputError as error:
            self.on_progress("", None)
            self._session.complain(TITLE, str(error))
            return
        self._session.call_player("more", piece.upload, piece.offset + len(piece.content))
        if content is None:
            self._tell(f"Receiving {piece.name}", self._incoming.received / max(piece.size, 1))
            return
        threading.Thread(target=self._session.give_voice, args=(piece.name, content), daemon=True).start()

    def cancel(self) -> None:
        """Stop receiving, and drop what is being worked on when its present step ends."""
        self._wanted += 1
        self._incoming.drop()
        self._session.call_player("callOff")
        self.on_progress("", None)

    def give(self, name: str, content: bytes) -> Performance | None:
        """The head saying a sound or video file; None where it failed, which is told, or was called off."""
        self._wanted += 1
        job = self._wanted
        notice = self._session.client.add_notification("Listening", f"Working out how to say {name} …", loading=True)
        try:
            self._step(job, "Reading", name)
            samples = uploaded_samples(name, content)
            self._step(job, "Listening to", name)
            performance = spoken(self._session.scene.person.head, samples, name)
            self._step(job, "Handing over", name)
            return performance
        except CalledOff:
            log.info("a voice was called off")
        except InputError as error:
            self._session.complain(TITLE, str(error))
        except Exception:
            log.exception("driving by an upload failed")
            self._session.complain(TITLE, UNEXPECTED)
        finally:
            notice.remove()
            if job == self._wanted:
                self.on_progress("", None)
        return None

    def _step(self, job: int, what: str, name: str) -> None:
        if job != self._wanted or self._session.stopped:
            raise CalledOff
        self.on_progress(f"{what} {name}", SHARES[what])

    def _tell(self, text: str, share: float) -> None:
        now = time.monotonic()
        if now - self._told > 0.15:
            self._told = now
            self.on_progress(text, share)
