"""The viewer's server, which listens where it is told and turns foreign pages away; `playing.door` says which."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from gaussian_head.playing.door import bound_socket, refusal

if TYPE_CHECKING:
    from viser import ViserServer

_OPENING = threading.Lock()


def open_guarded(host: str, port: int, **options: Any) -> ViserServer:
    """A viser server that listens where it is told and turns foreign pages away.

    Raises:
        InputError: what ``bound_socket`` refuses.
    """
    import rich
    import viser

    # viser opens its port by a number, tries a thousand more where that fails whatever the reason, waits for ever
    # where they all do, and asks nobody who connects. It is given an open socket and a doorkeeper in its place.
    with bound_socket(host, port) as listening, _OPENING, _doorkept(listening.dup(), host) as used:
        console = rich.get_console()
        loud, console.quiet = console.quiet, True
        try:
            server = viser.ViserServer(host="localhost", port=listening.getsockname()[1], **options)
        finally:
            console.quiet = loud
        if not used:
            server.stop()
            raise RuntimeError(f"viser {viser.__version__} does not open its port as this viewer expects.")
    return server


@contextmanager
def _doorkept(listening: socket.socket, host: str) -> Iterator[list[bool]]:
    """While inside, servers that viser opens use this socket, guarded; the list is filled when one did."""
    from viser.infra import _infra

    names, used = _infra.__dict__, []
    original = names["websockets"]

    def serve(handler: Any, _host: str, _port: int, *, process_request: Callable[..., Any], **options: Any) -> Any:
        def doorkeeper(connection: Any, request: Any) -> Any:
            connects = "Upgrade" in request.headers
            reason = refusal(request.headers, host, connects=connects)
            if reason is not None:
                return connection.respond(HTTPStatus.FORBIDDEN, reason + "\n")
            return process_request(connection, request)

        used.append(True)
        return original.asyncio.server.serve(handler, sock=listening, process_request=doorkeeper, **options)

    guarded = SimpleNamespace(
        asyncio=SimpleNamespace(server=SimpleNamespace(serve=serve)),
        exceptions=original.exceptions,
        datastructures=original.datastructures,
    )
    names["websockets"] = guarded
    try:
        yield used
    finally:
        names["websockets"] = original
