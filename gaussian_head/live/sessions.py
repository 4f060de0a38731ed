"""All browsers of one live server: let in, found by name, and ended when they have left."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable

from ..checks import InputError
from ..playing import Shelf
from .meters import Meters
from .peer import Peer
from .reach import Helper
from .session import Session
from .talker import Talker

MOST_SILENT = 15.0
"""Seconds without a word from a browser after which it has left."""
MOST_GONE = 10.0
"""The same where its connection has ended, in which it may come back."""
SWEEP_SECONDS = 1.0

log = logging.getLogger(__name__)


class FullError(InputError):
    """As many browsers as may are here."""


class UnknownSessionError(InputError):
    """No such session, or it is not said which."""


class Sessions:
    """Sessions and their connections; used from the server's event loop alone."""

    def __init__(self, shelf: Shelf, meters: Meters, *, size: int, most: int, helpers: tuple[Helper, ...] = ()) -> None:
        """None yet.

        Args:
            shelf: the heads on offer, whose memory all sessions share.
            meters: what counts.
            size: height of pictures.
            most: sessions at once.
            helpers: through whom browsers and this machine may reach each other.
        """
        self.shelf, self.most, self.helpers = shelf, most, helpers
        self._meters, self._size = meters, size
        self._peers: dict[str, Peer] = {}
        self._coming = 0

    @property
    def all(self) -> tuple[Session, ...]:
        """Those there are."""
        return tuple(peer.session for peer in self._peers.values())

    def named(self, name: str | None) -> Session:
        """The session of this name; without one the only session there is.

        Raises:
            UnknownSessionError: there is none, or there are several and no name.
        """
        if name:
            if name not in self._peers:
                raise UnknownSessionError("there is no session of this name (any more); open the page again.")
            return self._peers[name].session
        if len(self._peers) != 1:
            how = "no page is open; open it first" if not self._peers else "several pages are open; say which one means"
            raise UnknownSessionError(f"{how} (?session=NAME, which the page shows).")
        return self.all[0]

    async def answer(
        self, sdp: str, apply: Callable[[Session, str, dict], None], *, head: str, aspect: float | None, back_to: str
    ) -> tuple[Session, str]:
        """Let a browser in, or back to its session; the session and the answer to its offer.

        Raises:
            FullError: there is no room.
            InputError: no such head, or no offer.
        """
        old = self._peers.get(back_to)
        if old is None and len(self._peers) + self._coming >= self.most:
            raise FullError(f"{self.most} sessions run already, as many as may; try again when one has ended.")
        self._coming += old is None
        try:
            session = await self._made(head, aspect) if old is None else old.session
            peer = Peer(session, apply, self.helpers)
            answer = await peer.answer(sdp)
            session.alive_at = time.monotonic()
            self._peers[session.name] = peer
        finally:
            self._coming -= old is None
        if old is not None:
            await old.close()
        else:
            self._meters.began.inc()
        return session, answer

    async def end(self, name: str) -> None:
        """End a session."""
        peer = self._peers.pop(name, None)
        if peer is not None:
            peer.session.stop()
            await peer.close()

    async def watch(self) -> None:
        """End the sessions of browsers that have left, for ever."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = time.monotonic()
            for name, peer in list(self._peers.items()):
                silent = now - peer.session.alive_at
                left = silent > (MOST_GONE if peer.gone else MOST_SILENT) and (peer.reports or not peer.connected)
                if peer.session.stopped or left:
                    log.info("session %s has ended", name)
                    await self.end(name)
            self._meters.sessions.set(len(self._peers))
            self._meters.delay.set(max((session.delay for session in self.all), default=0.0))

    async def close(self) -> None:
        """End all."""
        for name in list(self._peers):
            await self.end(name)

    async def _made(self, head: str, aspect: float | None) -> Session:
        """A new session of a head; its first one takes a moment to read."""
        names = self.shelf.names
        head = head or names[0]
        if head not in names:
            raise InputError(f"there is no head {head[:40]!r}; {', '.join(names)} are here.")

        def make() -> Talker:
            talker = Talker(self.shelf.get(head), size=self._size, aspect=aspect, seed=secrets.randbelow(2**31))
            talker.warm()
            return talker

        talker = await asyncio.get_running_loop().run_in_executor(None, make)
        return Session(secrets.token_urlsafe(6), talker, self._meters, head=head)
