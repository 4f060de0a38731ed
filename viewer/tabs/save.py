"""What the browser can take away: pictures, videos, Gaussians."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from gaussian_head.events import Event, Progress

from .. import exports
from ..session import Session
from .common import SIZES, guarded, now, send

log = logging.getLogger(__name__)


class Cancelled(Exception):
    """The user, or a browser that left, ended an export."""


def build(session: Session, gui: Any) -> None:
    """Fill the tab."""
    height = gui.add_dropdown("Screenshot height", tuple(SIZES), initial_value="1024")
    transparent = gui.add_checkbox("Transparent", False)
    shot = gui.add_button("Screenshot", icon="camera")
    gui.add_divider()
    still = gui.add_button("Video from this view", icon="movie")
    around = gui.add_button("Video in orbit", icon="rotate-360")
    cancel = gui.add_button("Cancel video", icon="x", color="red", visible=False)
    gui.add_divider()
    gaussians = gui.add_button("Gaussians of this frame (PLY)", icon="grain")
    stopping = threading.Event()
    busy = threading.Lock()

    def take() -> None:
        content = exports.screenshot(
            session.scene, session.view(), now(session), height=SIZES[height.value], transparent=transparent.value
        )
        send(session, "png", content)

    def film(orbiting: bool) -> None:
        if not busy.acquire(blocking=False):
            session.hint("A video is being written already")
            return
        stopping.clear()
        cancel.visible = True
        try:
            _film(session, orbiting, stopping)
        finally:
            cancel.visible = False
            busy.release()

    shot.on_click(lambda _: guarded(session, take))
    still.on_click(lambda _: guarded(session, lambda: film(False)))
    around.on_click(lambda _: guarded(session, lambda: film(True)))
    cancel.on_click(lambda _: stopping.set())
    gaussians.on_click(
        lambda _: guarded(session, lambda: send(session, "ply", exports.ply(session.scene, now(session))))
    )


def _film(session: Session, orbiting: bool, stopping: threading.Event) -> None:
    notice = session.client.add_notification("Writing video", "0 %", loading=True, with_close_button=False)
    last = 0.0

    def listen(event: Event) -> None:
        nonlocal last
        if stopping.is_set() or session.stopped:
            raise Cancelled
        if isinstance(event, Progress) and event.total and time.monotonic() - last > 0.5:
            last = time.monotonic()
            notice.body = f"{100 * event.done // event.total} %"

    try:
        content = exports.video(session.scene, session.view(), orbiting=orbiting, listener=listen)
        send(session, "mp4", content)
    except Cancelled:
        log.info("a video was cancelled")
    finally:
        notice.remove()
