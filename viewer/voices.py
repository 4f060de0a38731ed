"""Giving a head a voice: receiving the file, listening to it, and stopping when the user calls it off."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from gaussian_head.checks import InputError
from gaussian_head.playing.given import MAX_UPLOAD_MB, check_size, uploaded_samples

from .bridge import PlayerMessage
from .uploads import Incoming

Speak = Callable[[np.ndarray], Callable[[], bool]]
"""Works out how to say mono samples ``[S]`` at 16 kHz, and gives what puts that on stage; False asks to speak anew."""

log = logging.getLogger(__name__)
SHARES = {"Waiting to read": 0.02, "Reading": 0.05, "Listening to": 0.2, "Handing over": 0.95}
"""How far along the work on a received file is when each of its steps begins."""
_READING = threading.Lock()
"""A small file may unpack to much sound: browsers take turns, so that there is only one of it at a time."""
TITLE = "This cannot be spoken"
UNEXPECTED = "An unexpected error happened; the server's log has the details."


class CalledOff(Exception):
    """The user no longer wants it."""


class Voices:
    """The voices that one browser gives; a later one takes the place of one still being worked on."""

    def __init__(
        self,
        *,
        notify: Callable[[str, str], Any],
        complain: Callable[[str, str], None],
        call_player: Callable[..., None],
        give: Callable[[str, bytes], None],
        gone: Callable[[], bool],
    ) -> None:
        """Take files for one browser.

        Args:
            notify: shows a title and a line until the handle that it gives is removed.
            complain: tells the user that something failed.
            call_player: calls a function of the browser's player.
            give: takes name and content of a file that has arrived.
            gone: true once the browser has left.
        """
        self._notify, self._complain, self._call_player = notify, complain, call_player
        self._give, self._gone = give, gone
        self._incoming = Incoming()
        self._turn = threading.Lock()
        self._wanted = 0
        self._told = 0.0
        self.on_progress: Callable[[str, float | None], None] = lambda text, share: None
        """Called with what is being done and its share done in [0, 1]; None when nothing is."""

    def receive(self, message: PlayerMessage) -> None:
        """Take a piece of a file, or hear that none will come; quick, for the event loop."""
        piece = message.piece
        if piece is None:
            return
        try:
            check_size(piece.name, piece.size, MAX_UPLOAD_MB)
            if message.kind == "lost":
                raise InputError(f"{piece.name} could not be read by the browser; give it once more.")
            with self._turn:
                content = self._incoming.add(piece)
        except InputError as error:
            self.on_progress("", None)
            self._complain(TITLE, str(error))
            return
        self._call_player("more", piece.upload, piece.offset + len(piece.content))
        if content is None:
            self._tell(f"Receiving {piece.name}", self._incoming.received / max(piece.size, 1))
            return
        threading.Thread(target=self._give, args=(piece.name, content), daemon=True).start()

    def cancel(self) -> None:
        """Stop receiving, and drop what is being worked on when its present step ends."""
        self._next()
        with self._turn:
            self._incoming.drop()
        self._call_player("callOff")
        self.on_progress("", None)

    def give(self, name: str, content: bytes, speak: Speak) -> bool:
        """Let a sound or video file be spoken; False where that failed, which is told, or was called off."""
        return self.let(name, lambda: uploaded_samples(name, content), speak)

    def let(self, name: str, sound: Callable[[], np.ndarray], speak: Speak) -> bool:
        """``give`` of a sound that is made or read when it is its turn: mono samples ``[S]`` at 16 kHz."""
        job = self._next()
        notice = self._notify("Listening", f"Working out how to say {name} …")
        try:
            self._step(job, "Waiting to read", name)
            with _READING:
                self._step(job, "Reading", name)
                samples = sound()
            while True:
                self._step(job, "Listening to", name)
                take = speak(samples)
                with self._turn:
                    self._step(job, "Handing over", name)
                    if take():
                        return True
        except CalledOff:
            log.info("a voice was called off")
        except InputError as error:
            self._complain(TITLE, str(error))
        except Exception:
            log.exception("driving by an upload failed")
            self._complain(TITLE, UNEXPECTED)
        finally:
            notice.remove()
            if job == self._wanted:
                self.on_progress("", None)
        return False

    def _next(self) -> int:
        """A number for new work; whatever has an older one is called off."""
        with self._turn:
            self._wanted += 1
            return self._wanted

    def _step(self, job: int, what: str, name: str) -> None:
        if job != self._wanted or self._gone():
            raise CalledOff
        self.on_progress(f"{what} {name}", SHARES[what])

    def _tell(self, text: str, share: float) -> None:
        now = time.monotonic()
        if now - self._told > 0.15:
            self._told = now
            self.on_progress(text, share)
