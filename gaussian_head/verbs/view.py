"""`gaussian-head view`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tyro.conf import Positional, Suppress

from ..events import Listener, Said, ignore
from ._calling import function_of
from ._values import ActorLike, PathLike

if TYPE_CHECKING:
    from ..viewer import ViewerHandle


EXAMPLES = (
    "gaussian-head view runs/me/head --audio speech.wav",
    "gaussian-head view runs/me/head runs/other/head --port 9000",
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Open heads in the browser: look around, play, drive them with sound and sliders."""

    heads: Positional[tuple[ActorLike, ...]] = field(kw_only=False)
    """One or more folders that `train` wrote."""
    audio: PathLike | None = None
    """Sound file to start with."""
    host: str = "127.0.0.1"
    """Address to listen on; by default this machine only."""
    port: int = 8080
    """Port to listen on; the next free one where it is taken."""
    size: int = 512
    """Height of the rendered picture in pixels."""
    device: str = "auto"
    """Where it is drawn: `cpu`, `cuda`, `cuda:1` for the second GPU, or `auto`, which is CUDA where that can run."""
    block: Suppress[bool] = True
    """Serve until Ctrl-C; False returns at once and serves from threads."""


def run(options: Options, listener: Listener = ignore) -> ViewerHandle:
    """The running viewer, with its address and ``stop()``."""
    from ..kernels import drawing_on
    from ..viewer import serve

    with drawing_on(options.device):
        handle = serve(
            options.heads, host=options.host, port=options.port, audio=options.audio, size=options.size, block=False
        )
        greeting = Said(message=f"viewer: {handle.links} (Ctrl+C ends it)")
        if not options.block:
            listener(greeting)
            return handle
        with suppress(KeyboardInterrupt):  # the usual way to close it
            listener(greeting)
            handle.wait()
        handle.stop()
    listener(Said(message="the viewer is closed"))
    return handle


view = function_of(Options, run)
