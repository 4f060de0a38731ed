"""The server: one session and one worker per browser."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gaussian_head.actor import Actor
from gaussian_head.checks import InputError
from gaussian_head.conventions import SAMPLE_RATE
from gaussian_head.head import Head
from gaussian_head.media import read_audio
from gaussian_head.playing.door import LOCAL, bound_socket
from gaussian_head.playing.handle import Handle
from gaussian_head.playing.performances import NamedPerformance, spoken
from gaussian_head.playing.shelf import Shelf
from gaussian_head.playing.views import placement

from . import tabs
from .bridge import entitle
from .door import open_guarded
from .guests import Guests
from .session import Session
from .worker import Worker

if TYPE_CHECKING:
    from viser import ClientHandle, ViserServer


log = logging.getLogger(__name__)
TITLE = "gaussian-head"
"""Name of the panel and of the browser's tab."""
BRAND = (255, 138, 82)
"""Colour of the controls."""
SessionsOf = Callable[[], tuple[Session, ...]]


class ViewerHandle(Handle):
    """A running viewer."""

    def __init__(self, server: ViserServer, host: str, sessions: SessionsOf, close: SessionsOf) -> None:
        """Stand for a server.

        Args:
            server: viser's.
            host: address that it listens on.
            sessions: the browsers connected now.
            close: lets no browser in from now on, and gives the sessions to stop.
        """
        super().__init__(host, server.get_port())
        self._server, self._sessions, self._close = server, sessions, close

    @property
    def sessions(self) -> tuple[Session, ...]:
        """The browsers connected now."""
        return self._sessions()

    def stop(self) -> None:
        """Disconnect every browser and free the port; calling it twice is fine."""
        if self._ended.is_set() and self._server is None:
            return
        self._ended.set()
        for session in self._close():
            session.stop()
        server, self._server = self._server, None
        if server is not None:
            server.stop()


def serve(
    heads: Path | str | Actor | Sequence[Path | str | Actor],
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    audio: Path | None = None,
    size: int = 512,
    block: bool = True,
) -> ViewerHandle:
    """Show heads in the browser.

    Args:
        heads: a folder that ``train`` wrote, an actor, or several of these; the first is shown at the start.
        host: address to listen on; the default is this machine only. Anyone who reaches another address can use
            the viewer, there is no password; pages of other websites cannot.
        port: port to listen on, 0 for any free one; the next free one where it is taken.
        audio: sound or video file that the first head says at the start.
        size: height of the rendered picture, pixels.
        block: serve until Ctrl-C; False returns at once and serves from threads.

    Returns:
        A handle with the address and ``stop()``.

    Raises:
        InputError: not a head's folder, no sound in ``audio``, an impossible size, or a host or port that cannot be
            listened on.
    """
    if not 64 <= size <= 4096:
        raise InputError(f"size is {size}; a picture height between 64 and 4096 pixels is wanted.")
    bound_socket(host, port).close()  # a place that cannot be is told before heads and sound are read
    shelf = Shelf(heads)
    first = shelf.get(shelf.names[0])
    start = None if audio is None else _performance(first.actor, audio)
    server = open_server(host, port, verbose=block)
    aim(server, first.head)
    guests: Guests[Session] = Guests()

    def welcome(client: ClientHandle) -> Session:
        session = Session(client, shelf, start, size)
        tabs.build(session)
        client.camera.on_update(lambda _: session.moved())
        Worker(session).start()
        return session

    @server.on_client_connect
    def _(client: ClientHandle) -> None:
        guests.enter(client.client_id, lambda: welcome(client))

    @server.on_client_disconnect
    def _(client: ClientHandle) -> None:
        session = guests.leave(client.client_id)
        if session is not None:
            session.stop()

    handle = ViewerHandle(server, host, lambda: guests.all, guests.close)
    log.info("viewer at %s", handle.url)
    if block:
        handle.wait()
    return handle


def _performance(actor: Actor, audio: Path) -> NamedPerformance:
    return spoken(actor, read_audio(audio, sample_rate=SAMPLE_RATE), Path(audio).name)


def open_server(host: str, port: int, *, verbose: bool) -> ViserServer:
    """A viser server in this project's dress, with an empty scene; InputError for a host or port that cannot be."""
    if host not in LOCAL:
        log.warning("the viewer listens on %s, where anyone who reaches it can use it", host)
    server = open_guarded(host, port, label=TITLE, verbose=verbose)
    entitle(server, TITLE)
    server.gui.configure_theme(
        dark_mode=True, show_logo=False, show_share_button=False, brand_color=BRAND, control_width="large"
    )
    server.gui.main_panel.dock_right()
    server.scene.set_up_direction("-y")
    server.scene.world_axes.visible = False
    return server


def aim(server: ViserServer, head: Head) -> None:
    """Let browsers start in front of ``head``."""
    place = placement(head)
    server.initial_camera.position = place.position
    server.initial_camera.look_at = place.look_at
    server.initial_camera.up = (0.0, -1.0, 0.0)
    server.initial_camera.fov = place.fov
