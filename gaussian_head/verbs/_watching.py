"""Looking on while a head is trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..events import Listener, Said, both
from ._values import PathLike

if TYPE_CHECKING:
    from ..training import StepDone, TensorBoard
    from ..viewer import LiveView


@dataclass(frozen=True, kw_only=True)
class Watching:
    """How to look on."""

    view: bool = False
    """Watch the head sharpen in the browser, and steer the run from there."""
    host: str = "127.0.0.1"
    """Address that --view listens on; by default this machine only."""
    port: int = 8080
    """Port that --view listens on; the next free one where it is taken."""
    tensorboard: PathLike | None = None
    """Folder of this run for TensorBoard: gets loss, PSNR and the number of Gaussians (needs `pip install -e
    ".[tensorboard]"`)."""


@dataclass(frozen=True, kw_only=True)
class Onlookers:
    """Whoever looks on."""

    page: LiveView | None
    """In the browser."""
    board: TensorBoard | None
    """In event files."""

    def told(self, listener: Listener) -> Listener:
        """A listener whose events the page hears too."""
        return listener if self.page is None else both(listener, self.page.listen)

    def observe(self, done: StepDone) -> None:
        """Show a step; the page may end the run by raising StopTraining."""
        if self.board is not None:
            self.board(done)
        if self.page is not None:
            self.page.observe(done)


@contextmanager
def watching(wanted: Watching, listener: Listener) -> Iterator[Onlookers]:
    """Those who are wanted; they leave with the body.

    Raises:
        InputError: TensorBoard is wanted and not installed, or its folder cannot be written.
    """
    from ..training import TensorBoard

    board = None if wanted.tensorboard is None else TensorBoard(wanted.tensorboard)
    page = None
    if wanted.view:
        from ..viewer import LiveView

        page = LiveView(host=wanted.host, port=wanted.port)
        listener(Said(message=f"viewer: {page.links}"))
    try:
        yield Onlookers(page=page, board=board)
    finally:
        if page is not None:
            page.stop()
        if board is not None:
            board.close()
