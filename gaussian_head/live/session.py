"""One browser's head: told in time, painted as often as the machine can, and never later than the sound.

The sound that is sent is the clock. One thread tells frames a little ahead of it, another paints the one that will be
due when it gets there: where painting is slow pictures are smaller, and then fewer, and the delay stays as it is.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from ..media.arriving import PLAYED_RATE
from ..playing import Playback, Scheduler
from .meters import Meters
from .talker import Moment, Talker

FOREVER = 2**40
"""Frames of a performance without end."""
LEAST_LEAD = 0.03
"""Seconds of sound that are told ahead at least."""
BROWSER_HOLDS = 0.06
"""Seconds that browsers keep a sound longer than a picture before it is there: so much later pictures may leave."""
ROOM = 0.8
"""Share of a frame's time in which a full picture must be painted and encoded."""
KEPT = 64
"""Moments that can still be painted."""

log = logging.getLogger(__name__)


class Session:
    """A talker that runs in time."""

    def __init__(self, name: str, talker: Talker, meters: Meters, *, head: str = "") -> None:
        """At rest until ``start``."""
        self.name, self.talker, self.head = name, talker, head
        self._meters = meters
        self.scheduler = Scheduler(Playback(FOREVER, talker.fps), room=ROOM, whole=True)
        self.scheduler.playback.loop = False
        self.changed = threading.Condition()
        self.stopped = False
        self._started = False
        self._threads: list[threading.Thread] = []
        self._moments: dict[int, Moment] = {}
        self._told = 0
        self._sound = bytearray()
        self._position, self._stalled = 0, 0
        self._painted = -1
        self.on_picture: Callable[[np.ndarray, float], None] = lambda image, at: None
        """Called from a thread with each picture and the second of the sent sound that it belongs to."""
        self.alive_at = time.monotonic()
        """When the browser was last known to be there."""

    def start(self) -> None:
        """Begin to run; once more does nothing."""
        with self.changed:
            if self._started or self.stopped:
                return
            self._started = True
        for work in (self._tell_alone, self._paint):
            thread = threading.Thread(target=self._guarded, args=(work,), daemon=True, name=f"live-{self.name}")
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """End both threads."""
        with self.changed:
            self.stopped = True
            self.changed.notify_all()

    def join(self, seconds: float) -> None:
        """Wait until both threads have ended."""
        for thread in self._threads:
            thread.join(seconds)

    def pull(self, count: int) -> np.ndarray:
        """The next ``count`` samples, int16 at 48 kHz; silence, and all waits, where they are not told in time."""
        with self.changed:
            taken = np.frombuffer(bytes(self._sound[: 2 * count]), np.int16)
            del self._sound[: 2 * count]
            self._position += len(taken)
            if self._told:
                self._stalled += count - len(taken)
                self._meters.stalled.inc((count - len(taken)) / PLAYED_RATE)
            now = time.monotonic()
            self.scheduler.playback.report(self._position / PLAYED_RATE, True, 1.0, False, now)
            self.changed.notify_all()
        return np.concatenate([taken, np.zeros(count - len(taken), np.int16)])

    def shown(self) -> None:
        """A picture has left."""
        now = time.monotonic()
        with self.changed:
            self.scheduler.shown(now, self.scheduler.playback.time(now), True)
            self.changed.notify_all()

    @property
    def delay(self) -> float:
        """Seconds from hearing a sound to sending it, as things are."""
        return self.talker.delay + len(self._sound) / 2 / PLAYED_RATE

    @property
    def fps(self) -> float:
        """Pictures a second that leave."""
        with self.changed:
            return self.scheduler.pacer.fps(time.monotonic())

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:
            log.exception("a live session failed and ends")
            self.stop()

    def _tell_alone(self) -> None:
        # What is heard goes through small products, whose threads would wait for each other longer than they work.
        with threadpool_limits(1):
            self._tell()

    def _tell(self) -> None:
        fps = self.talker.fps
        while True:
            with self.changed:
                if self.stopped:
                    return
                now = time.monotonic()
                lead = max(self.scheduler.pacer.lead - BROWSER_HOLDS, LEAST_LEAD)
                ahead = self._told / fps - self.scheduler.playback.time(now) - lead
                if ahead > 0:
                    self.changed.wait(min(ahead, 1 / fps))
                    continue
            moment = self.talker.tell()
            with self.changed:
                self._sound += moment.played.tobytes()
                self._moments[moment.number] = moment
                self._moments.pop(moment.number - KEPT, None)
                self._told = moment.number + 1
                self.changed.notify_all()

    def _paint(self) -> None:
        while True:
            with self.changed:
                if self.stopped:
                    return
                now = time.monotonic()
                job = self.scheduler.next(now)
                number = -1 if job is None else min(job.frame, self._told - 1)
                moment = None if number <= self._painted else self._moments.get(number)
                if job is None or moment is None:
                    self.changed.wait(self.scheduler.wait(now) if job is None else 0.25 / self.talker.fps)
                    continue
                at = moment.number / self.talker.fps + self._stalled / PLAYED_RATE
            job = replace(job, frame=number)
            image = self.talker.picture(moment, job.scale)
            done = time.monotonic()
            with self.changed:
                self.scheduler.done(job, now, done)
            self._meters.painting.observe(done - now)
            self._meters.pictures.inc()
            if self._painted >= 0:
                self._meters.skipped.inc(max(moment.number - self._painted - 1, 0))
            self._painted = moment.number
            self.on_picture(image, at)
