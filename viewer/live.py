"""A head in the browser while it is being trained.

Training calls ``observe`` between two steps and knows nothing else of the browser. A copy of the head is made there
only when somebody looks and the last copy is old enough; pictures of it are rendered by the same workers as ever.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gaussian_head.actor import Actor
from gaussian_head.checks import InputError
from gaussian_head.events import Event
from gaussian_head.playing.edits import MeanPose
from gaussian_head.playing.shelf import Shelf, ShelvedHead
from gaussian_head.training import StepDone, StopTraining

from . import tabs
from .app import ViewerHandle, aim, open_server
from .guests import Guests
from .live_panel import LivePanel
from .live_run import Run
from .session import Session
from .worker import Worker

if TYPE_CHECKING:
    from viser import ClientHandle, GuiFolderHandle


log = logging.getLogger(__name__)
NAME = "Head in training"
INTERVAL = 1.0
"""Seconds between two copies of the head at least."""
COPY_SHARE = 0.02
"""Share of the time that copying may take at most."""
REFRESH = 0.5
"""Seconds between two updates of the pages."""
PAUSE_GRACE = 5.0
"""Seconds that a pause outlives the last browser, so that a page can be reloaded."""


class LiveShelf(Shelf):
    """A shelf with one head, exchanged now and then."""

    def __init__(self) -> None:
        self.person: ShelvedHead | None = None
        """The newest copy; None before the first."""
        self.finished = False
        """The head is trained."""

    @property
    def names(self) -> tuple[str, ...]:
        """One name."""
        return (NAME,)

    def get(self, name: str) -> ShelvedHead:
        """The newest copy."""
        if self.person is None:
            raise InputError("nothing is trained yet; wait for the first step.")
        return self.person


class LiveSession(Session):
    """A browser whose head changes under it."""

    shelf: LiveShelf

    def give_voice(self, name: str, content: bytes) -> None:
        """Speaking is learnt last: until then say so."""
        if not self.shelf.finished:
            self.complain("Not yet", "The head learns to speak when training ends; give it a voice then.")
            return
        super().give_voice(name, content)


@dataclass(eq=False)
class _Onlooker:
    """A browser: waiting for something to see, or seeing it."""

    client: ClientHandle
    panel: LivePanel
    folder: GuiFolderHandle | None = None
    """Holds the panel while nothing else is there."""
    session: LiveSession | None = None


class LiveView:
    """A page on a training run; ``observe`` and ``listen`` are for ``training.train``.

    Browsers may come and go: they never stop a run, and while none is there nothing is copied or rendered.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 8080, size: int = 512) -> None:
        """Open the page.

        Args:
            host: address to listen on; by default this machine only.
            port: port to listen on, 0 for any free one; the next free one where it is taken.
            size: height of the rendered picture, pixels.
        """
        self.run = Run()
        """Numbers of the run, and what the pages want of it."""
        self._size = size
        self._shelf = LiveShelf()
        self._guests: Guests[_Onlooker] = Guests()
        self._copied_at, self._interval = float("-inf"), INTERVAL
        self._left_at = float("-inf")
        self._stale = True
        self._closed = threading.Event()
        self._server = open_server(host, port, verbose=False)
        self._handle = ViewerHandle(self._server, host, lambda: self.sessions, lambda: _sessions(self._guests.close()))
        self._server.on_client_connect(self._enter)
        self._server.on_client_disconnect(self._leave)
        threading.Thread(target=self._refresh, name="live-pages", daemon=True).start()

    @property
    def url(self) -> str:
        """Where to look from this machine."""
        return self._handle.url

    @property
    def links(self) -> str:
        """Every address to look at, in words."""
        return self._handle.links

    @property
    def sessions(self) -> tuple[LiveSession, ...]:
        """The browsers that see the head now."""
        return _sessions(self._guests.all)

    @property
    def watched(self) -> bool:
        """True while a browser is there."""
        return bool(self._guests.all)

    def listen(self, event: Event) -> None:
        """Follow what is done before and after the training steps."""
        self.run.listen(event)

    def observe(self, done: StepDone) -> None:
        """Note a finished step, hand a copy to the pages where one is due, and wait while the user wants it.

        Raises:
            StopTraining: the user wants training to end here.
        """
        self.run.record(done)
        self._stale = True
        while True:
            if self.watched and self._due():
                self._copy(done)
            if not self.run.status.paused or self.run.status.stopping:
                break
            if not self.watched and time.monotonic() - self._left_at > PAUSE_GRACE:
                self.run.pause(False)
                break
            self.run.wait(0.5)
        if self.run.status.stopping:
            raise StopTraining
        self.run.resume_clock()

    def finish(self, actor: Actor) -> None:
        """Go on as the viewer of the trained head."""
        self._hand_out(self._person(actor))
        self._shelf.finished = True
        self.run.finish()

    def wait(self) -> None:
        """Block until ``stop`` is called from elsewhere or the user presses Ctrl-C."""
        self._handle.wait()

    def stop(self) -> None:
        """Disconnect every browser and free the port; calling it twice is fine."""
        self._closed.set()
        self._handle.stop()
        self.run.wake()

    def _due(self) -> bool:
        return self._stale and time.monotonic() - self._copied_at >= self._interval

    def _copy(self, done: StepDone) -> None:
        begun = time.monotonic()
        self._stale = False
        try:
            self._hand_out(self._person(done.snapshot()))
        except Exception:
            # Whatever goes wrong on the way to a page, training goes on.
            log.exception("the head in training could not be shown")
        self._copied_at = time.monotonic()
        self._interval = max(INTERVAL, (self._copied_at - begun) / COPY_SHARE)

    def _person(self, actor: Actor) -> ShelvedHead:
        """A newer head; what derives from the clip is kept where the clip is still the same."""
        old = self._shelf.person
        if old is None:
            return ShelvedHead.of(actor, NAME)
        motion = actor.clip.motion
        if old.actor.clip.motion is motion:
            return replace(old, actor=actor)
        return replace(old, actor=actor, mean=MeanPose.of(motion), clip=replace(old.clip, motion=motion))

    def _hand_out(self, person: ShelvedHead) -> None:
        with self._guests.doors:
            first, self._shelf.person = self._shelf.person is None, person
            if first:
                aim(self._server, person.head)
            for session in self.sessions:
                session.renew(person)

    def _enter(self, client: ClientHandle) -> None:
        self._guests.enter(client.client_id, lambda: self._welcome(client))
        self.run.wake()

    def _welcome(self, client: ClientHandle) -> _Onlooker:
        if self._shelf.person is not None:
            return self._begin(client)
        folder = client.gui.add_folder("Training")
        with folder:
            return _Onlooker(client, LivePanel(client.gui, self.run), folder)

    def _begin(self, client: ClientHandle) -> _Onlooker:
        session = LiveSession(client, self._shelf, None, self._size)
        panels: list[LivePanel] = []
        tabs.build(session, first={"Training": lambda _, gui: panels.append(LivePanel(gui, self.run))})
        client.camera.on_update(lambda _: session.moved())
        Worker(session).start()
        return _Onlooker(client, panels[0], session=session)

    def _leave(self, client: ClientHandle) -> None:
        self._left_at = time.monotonic()
        onlooker = self._guests.leave(client.client_id)
        if onlooker is not None and onlooker.session is not None:
            onlooker.session.stop()

    def _refresh(self) -> None:
        while not self._closed.wait(REFRESH):
            for onlooker in self._guests.all:
                try:
                    self._refresh_page(onlooker)
                except Exception:
                    log.exception("a page of the training run could not be brought up to date")

    def _refresh_page(self, onlooker: _Onlooker) -> None:
        with self._guests.doors:
            # It may have left since somebody looked who is here.
            if self._shelf.person is not None and onlooker.session is None and onlooker in self._guests.all:
                if onlooker.folder is not None:
                    onlooker.folder.remove()
                begun = self._begin(onlooker.client)
                onlooker.panel, onlooker.session = begun.panel, begun.session
        onlooker.panel.update()


def _sessions(onlookers: tuple[_Onlooker, ...]) -> tuple[LiveSession, ...]:
    return tuple(o.session for o in onlookers if o.session is not None)
