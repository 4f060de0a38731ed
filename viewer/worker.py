"""The thread that renders for one browser: never faster than it shows, never stopped by an error."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from statistics import median

import torch
from torch import Tensor

from gaussian_head.camera import Camera

from .bridge import Caption
from .edits import edited
from .keyframes import followed
from .links import link_query
from .pictures import Look, Shown, backdrop, shown
from .scheduler import Job
from .session import Scene, Session
from .shelf import ShelvedHead
from .views import View, camera_of

log = logging.getLogger(__name__)
COMPLAIN_AGAIN = 10.0
"""Seconds before the same failure is reported once more."""
FULL_QUALITY, BUSY_QUALITY = 92, 85
"""JPEG quality at full and at reduced size."""
_RENDERING = threading.Lock()
"""Browsers take turns: two renders at once would only fight over the same cores."""


class Backdrops:
    """The last few backdrops, which are costlier to warp than to keep."""

    def __init__(self, keep: int = 4) -> None:
        self._keep = keep
        self._made: dict[object, Tensor] = {}

    def get(self, person: ShelvedHead, camera: Camera, look: Look) -> Tensor:
        """``backdrop`` for this camera, made once."""
        key = (person.name, look.plate, look.color, camera.width, camera.height, float(camera.K[0, 0]))
        if key not in self._made:
            while len(self._made) >= self._keep:
                self._made.pop(next(iter(self._made)))
            self._made[key] = backdrop(person.head, camera, look)
        return self._made[key]


class Worker(threading.Thread):
    """Renders and sends what the session's scheduler asks for until the session stops."""

    def __init__(self, session: Session) -> None:
        super().__init__(name="viewer-worker", daemon=True)
        self._session = session
        self._backdrops = Backdrops()
        self._render_ms: deque[float] = deque(maxlen=5)
        self._complained: dict[str, float] = {}

    def run(self) -> None:
        """Wait, render, send; a failed picture is reported and playing on is up to the user."""
        session = self._session
        while True:
            with session.changed:
                if session.stopped:
                    return
                now = time.monotonic()
                job = session.scheduler.next(now)
                if job is None:
                    session.changed.wait(session.scheduler.wait(now))
                    continue
                scene = session.scene
            try:
                self._draw(job, scene, session.view())
            except Exception as error:
                self._survive(job, error)

    def _draw(self, job: Job, scene: Scene, view: View) -> None:
        started = time.monotonic()
        with _RENDERING, torch.no_grad():
            begun = time.monotonic()
            drawn = self._picture(job, scene, view)
            self._render_ms.append(1e3 * (time.monotonic() - begun))
        session = self._session
        if session.stopped:
            return
        quality = FULL_QUALITY if job.scale == 1.0 else BUSY_QUALITY
        session.show(drawn.image, quality, self._caption(job, scene, view, drawn))
        with session.changed:
            session.scheduler.done(job, started, time.monotonic())

    def _picture(self, job: Job, scene: Scene, view: View) -> Shown:
        person = scene.person
        view = followed(scene.path, job.frame, view)
        camera = camera_of(view, person.head, round(scene.size * job.scale))
        # The performance may have been exchanged for a shorter one between the decision and now.
        t = min(job.frame, len(scene.performance.motion) - 1)
        moment = edited(scene.performance.motion.select(slice(t, t + 1)), scene.edits, person.head, person.mean)
        pictured = scene.look.mode in ("rgb", "ellipsoids")
        background = self._backdrops.get(person, camera, scene.look) if pictured else None
        return shown(person.head, moment, 0, camera, scene.look, background)

    def _survive(self, job: Job, error: Exception) -> None:
        session = self._session
        with session.changed:
            if session.stopped:
                return
            session.scheduler.failed(job, time.monotonic())
        session.pause()
        message, now = f"{type(error).__name__}: {str(error)[:300]}", time.monotonic()
        if now - self._complained.get(message, float("-inf")) > COMPLAIN_AGAIN:
            self._complained = {message: now}
            log.error("a picture could not be rendered", exc_info=error)
            session.complain("This picture could not be rendered", message)

    def _caption(self, job: Job, scene: Scene, view: View, drawn: Shown) -> Caption:
        now, scheduler = time.monotonic(), self._session.scheduler
        height, width = drawn.image.shape[:2]
        parts = [
            f"frame {job.frame + 1} of {len(scene.performance.motion)}",
            f"{median(self._render_ms):.0f} ms",
            f"{len(scene.person.head):,} Gaussians",
            f"{width} x {height}",
        ]
        if scheduler.playback.playing(now):
            parts.insert(1, f"{scheduler.pacer.fps(now):.0f} fps")
        return Caption(
            status=" · ".join(parts),
            link=link_query(scene.person.name, scene.performance.name, view, scene.person.head),
            legend=drawn.legend,
        )
