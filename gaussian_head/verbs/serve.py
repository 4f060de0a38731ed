"""`gaussian-head serve`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tyro.conf import Positional, Suppress

from ..checks import InputError
from ..events import Listener, Said, ignore
from ._calling import function_of
from ._values import ActorLike

if TYPE_CHECKING:
    from ..live.app import LiveHandle


EXAMPLES = (
    "gaussian-head serve runs/me/head",
    "gaussian-head serve runs/me/head runs/other/head --host 0.0.0.0 --sessions 2",
    "gaussian-head serve runs/me/head --host 0.0.0.0 --through stun:stun.example.org:3478",
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Serve heads that talk in real time: a page with picture, sound and microphone, and an interface for programs."""

    heads: Positional[tuple[ActorLike, ...]] = field(kw_only=False)
    """One or more folders that `train` wrote."""
    host: str = "127.0.0.1"
    """Address to listen on; by default this machine only. On any other a token is demanded."""
    port: int = 8090
    """Port to listen on; the next free one where it is taken."""
    token: str | None = None
    """What whoever asks must know, 8 letters or more; made up where other machines reach the server."""
    size: int = 512
    """Height of the picture in pixels."""
    sessions: int = 4
    """Browsers that may have a head at once."""
    through: tuple[str, ...] = ()
    """STUN and TURN servers for browsers behind routers: stun:HOST:PORT, turn:USER:SECRET@HOST:PORT; none is asked."""
    block: Suppress[bool] = True
    """Serve until Ctrl-C; False returns at once and serves from threads."""


def run(options: Options, listener: Listener = ignore) -> LiveHandle:
    """The running server, with its address and ``stop()``."""
    try:
        from ..live.app import serve as opened
    except ImportError as error:
        raise InputError(
            f"a live server needs a package that is not installed ({error.name}); pip install 'gaussian-head[live]', "
            "in a checkout pip install -e '.[live]'."
        ) from error
    handle = opened(
        options.heads,
        host=options.host,
        port=options.port,
        token=options.token,
        size=options.size,
        sessions=options.sessions,
        through=options.through,
    )
    listener(Said(message=f"live: {handle.links} (Ctrl+C ends it)"))
    if options.block:
        handle.wait()
    return handle


serve = function_of(Options, run)
