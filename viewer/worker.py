"""The thread that renders for one browser: never faster than it shows, never stopped by an error."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from statistics import median

import torch

from gaussian_head.playing.scheduler import Job
from gaussian_head.playing.stage import Backdrops, Staged, staged
from gaussian_head.playing.staging import Staging
from gaussian_head.playing.views import View

from .bridge import Caption
from .links import link_query
from .session import Session
from .splats import SplatNode

log = logging.getLogger(__name__)
COMPLAIN_AGAIN = 10.0
"""Seconds before the same failure is reported once more."""
FULL_QUALITY, BUSY_QUALITY = 92, 85
"""JPEG quality at full and at reduced size."""
_RENDERING = threading.Lock()
"""Browsers take turns: two renders at once would only fight over the same cores."""


class Worker(threading.Thread):
    """Renders and sends what the session's scheduler asks for until the session stops."""

    def __init__(self, session: Session) -> None:
        super().__init__(name="viewer-worker", daemon=True)
        self._session = session
        self._backdrops = Backdrops()
        self._splats = SplatNode(session.client)
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
                staging = session.staging
            try:
                self._draw(job, staging, session.view())
            except Exception as error:
                self._survive(job, error)

    def _draw(self, job: Job, staging: Staging, view: View) -> None:
        session, started = self._session, time.monotonic()
        with _RENDERING, torch.no_grad():
            begun = time.monotonic()
            pulse = session.blink_pulse(begun)
            if staging.splatted:
                drawn = None
                self._splats.show(staging, view, job.frame, pulse)
            else:
                drawn = staged(staging, view, job.frame, job.scale, pulse, self._backdrops)
                self._splats.hide()
            self._render_ms.append(1e3 * (time.monotonic() - begun))
        if session.stopped:
            return
        caption = self._caption(job, staging, view, drawn)
        if drawn is None:
            session.drawn(caption)
        else:
            session.show(drawn.image, FULL_QUALITY if job.scale == 1.0 else BUSY_QUALITY, caption)
        with session.changed:
            session.scheduler.done(job, started, time.monotonic())

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

    def _caption(self, job: Job, staging: Staging, view: View, drawn: Staged | None) -> Caption:
        now, scheduler = time.monotonic(), self._session.scheduler
        size = "drawn by the browser" if drawn is None else f"{drawn.image.shape[1]} x {drawn.image.shape[0]}"
        parts = [f"frame {job.frame + 1} of {len(staging.performance.motion)}"]
        if drawn is not None and drawn.likeness is not None:
            parts.append(f"PSNR {drawn.likeness:.1f} dB")
        if scheduler.playback.playing(now):
            parts.append(f"{scheduler.pacer.fps(now):.0f} fps")
        parts += [f"{median(self._render_ms):.0f} ms", f"{len(staging.person.head):,} Gaussians", size]
        if drawn is not None and job.scale < 1.0:
            parts.append("half size while it moves")
        link = link_query(staging.person.name, staging.performance.name, view, staging.person.head)
        if drawn is None:
            return Caption(status=" · ".join(parts), link=link)
        return Caption(status=" · ".join(parts), link=link, legend=drawn.legend, labels=drawn.labels, split=drawn.split)
