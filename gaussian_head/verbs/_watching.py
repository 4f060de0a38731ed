"""Looking on while a head is trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..events import Listener, Said

if TYPE_CHECKING:
    from ..viewer import LiveView


@dataclass(frozen=True, kw_only=True)
class Watching:
    """A page on the run."""

    view: bool = False
    """Watch the head sharpen in the browser, and steer the run from there."""
    host: str = "127.0.0.1"
    """Address that --view listens on; by default this machine only."""
    port: int = 8080
    """Port that --view listens on; the next free one where it is taken."""


@contextmanager
def watching(wanted: Watching, listener: Listener) -> Iterator[LiveView | None]:
    """A page on the run where one is wanted; it closes with the body."""
    if not wanted.view:
        yield None
        return
    from ..viewer import LiveView

    live = LiveView(host=wanted.host, port=wanted.port)
    listener(Said(message=f"viewer: {live.links}"))
    try:
        yield live
    finally:
        live.stop()
