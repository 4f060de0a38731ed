"""Running a live server in threads of its own."""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
from collections.abc import Sequence
from pathlib import Path
from socket import socket

from aiohttp import web

from ..actor import Actor
from ..checks import InputError
from ..playing import Shelf
from ..playing.door import LOCAL, bound_socket
from ..playing.handle import Handle
from .meters import Meters
from .reach import helpers_of
from .server import Server
from .session import Session
from .sessions import Sessions

LEAST_TOKEN = 8

log = logging.getLogger(__name__)


class LiveHandle(Handle):
    """A running live server."""

    def __init__(self, listening: socket, host: str, sessions: Sessions, meters: Meters, token: str) -> None:
        """Start to serve on a socket that listens."""
        super().__init__(host, listening.getsockname()[1], f"/#token={token}" if token else "")
        self.token = token
        """What requests must know; "" for nothing."""
        self._sessions = sessions
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="live-server")
        self._thread.start()
        self._runner: web.AppRunner | None = None
        asyncio.run_coroutine_threadsafe(self._open(listening, host, meters), self._loop).result(60)

    @property
    def sessions(self) -> tuple[Session, ...]:
        """Those that run now."""
        return self._sessions.all

    def stop(self) -> None:
        """End every session and free the port; calling it twice is fine."""
        super().stop()
        if self._loop.is_running():
            running = self.sessions
            try:
                asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(20)
            finally:
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._thread.join(20)
            for session in running:
                session.join(5)  # a thread that paints while the process ends would bring it down

    async def _open(self, listening: socket, host: str, meters: Meters) -> None:
        server = Server(self._sessions, meters, host=host, token=self.token)
        self._runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=2.0)
        await self._runner.setup()
        await web.SockSite(self._runner, listening).start()
        self._watch = asyncio.ensure_future(self._sessions.watch())

    async def _close(self) -> None:
        self._watch.cancel()
        await self._sessions.close()
        if self._runner is not None:
            await self._runner.cleanup()


def serve(
    heads: Path | str | Actor | Sequence[Path | str | Actor],
    *,
    host: str = "127.0.0.1",
    port: int = 8090,
    token: str | None = None,
    size: int = 512,
    sessions: int = 4,
    through: Sequence[str] = (),
) -> LiveHandle:
    """Serve live heads from threads.

    Args:
        heads: folders that ``train`` wrote, or actors; the first is shown where a page asks for none.
        host: address to listen on.
        port: to listen on; the next free one where it is taken, any for 0.
        token: what whoever asks must know. None makes one where other machines reach the server, and wants none else.
        size: height of pictures.
        sessions: browsers at once.
        through: STUN and TURN servers, as `reach.Helper.of` reads them, for browsers behind routers.

    Raises:
        InputError: no head there, a host, port or server that cannot be, or a number or token that is too small.
    """
    if not 64 <= size <= 2048:
        raise InputError(f"size is {size}; from 64 to 2048 pixels were wanted.")
    if not 1 <= sessions <= 64:
        raise InputError(f"sessions is {sessions}; from 1 to 64 were wanted.")
    if token is not None and len(token) < LEAST_TOKEN:
        raise InputError(f"the token has {len(token)} letters; {LEAST_TOKEN} or more were wanted, or none at all.")
    if token is None:
        token = "" if host in LOCAL else secrets.token_urlsafe(16)
    helpers = helpers_of(through)
    shelf = Shelf(heads)
    shelf.get(shelf.names[0])  # what is wrong with it is said before anybody asks
    meters = Meters()
    made = Sessions(shelf, meters, size=size, most=sessions, helpers=helpers)
    return LiveHandle(bound_socket(host, port), host, made, meters, token)
