"""Decides which picture to render next, and how large; pure, so that it is tested without a browser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .clock import Playback
from .pacing import Pacer

STILL_AFTER = 0.25
"""Seconds without a change after which the picture is drawn at full size."""
BUSY_SCALE = 0.5
"""Size of the picture while it moves, as a fraction of the full size, where full size would be too slow."""
HALVING_SAVES = 1.5
"""How many times as long a full picture takes as a half one, about: much of both is moving the Gaussians."""
ROOM = 0.6
"""Share of a frame's time that a full picture may take."""
LEARNS = 0.3
"""Weight of the newest picture in what one costs."""
FIRST_RETRY, LAST_RETRY = 2.0, 60.0
"""Seconds of half size after which full size is tried again: at first, and after ever more trials that failed."""
HELD = 10.0
"""Seconds of full size after which its failures before are forgotten."""
Moving = Literal["automatic", "sharp", "fluid"]
IDLE_WAIT = 1.0
"""Seconds to sleep when nothing is due; every change wakes the worker sooner."""
RETRY_AFTER = 1.0
"""Seconds that a picture is not tried after a failure, unless camera or settings change."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One picture to render."""

    version: int
    """Count of changes of camera and settings that it shows."""
    frame: int
    """Frame of the performance."""
    scale: float
    """Fraction of the full size."""
    tick: int = 0
    """Counts the pictures of a short animation that runs by itself, 0 outside of one."""


class Scheduler:
    """Owns what one browser sees next: its player, its flow control and what changed since the last picture."""

    def __init__(self, playback: Playback, *, room: float = ROOM, whole: bool = False) -> None:
        """Nothing shown yet.

        Args:
            playback: what time it is.
            room: share of a frame's time that a full picture may take.
            whole: whether a picture takes until it is ``shown``, where an encoder lies between and no link.
        """
        self.playback, self.pacer = playback, Pacer()
        self._room, self._whole = room, whole
        self.version = 0
        self.moving: Moving = "automatic"
        """Pictures while something moves: half size where full size would be too slow, always full, always half."""
        self._touched = float("-inf")
        self._last: Job | None = None
        self._costs = {True: 0.0, False: 0.0}  # of a picture, whether it is full
        self._small, self._changed, self._retry = False, float("-inf"), FIRST_RETRY
        self._blocked_until = float("-inf")
        self._animation = (float("-inf"), float("-inf"))

    def animate(self, seconds: float, now: float) -> None:
        """Render on for a while though nothing else changes."""
        self._animation = (now, now + seconds)

    def touch(self, now: float) -> None:
        """The camera or a setting changed."""
        self.version += 1
        self._touched = now
        self._blocked_until = float("-inf")

    def next(self, now: float) -> Job | None:
        """The picture to render now, or None where nothing is due."""
        if not self.pacer.ready(now) or now < self._blocked_until:
            return None
        job = self._wanted(now)
        return None if job == self._last else job

    def wait(self, now: float) -> float:
        """Seconds until ``next`` may have something, if nobody touches anything."""
        if now < self._blocked_until:
            return self._blocked_until - now
        if not self.pacer.ready(now):
            return self.pacer.wait(now)
        if self.playback.playing(now) or now < self._animation[1]:
            return 0.25 / self.playback.fps
        until_still = self._touched + STILL_AFTER - now
        return until_still + 1e-3 if until_still > 0 else IDLE_WAIT

    def done(self, job: Job, started: float, now: float) -> None:
        """``job`` was rendered and sent; ``started`` is when its rendering began."""
        self._last = job
        self.pacer.sent(started, now, job.frame)
        if not self._whole:
            self._took(job, now - started, now)

    def failed(self, job: Job, now: float) -> None:
        """``job`` could not be rendered: stop there, and try nothing for a while."""
        if self.playback.playing(now):
            self.playback.pause(now)
        self._last = job
        self._blocked_until = now + RETRY_AFTER

    def shown(self, now: float, position: float, playing: bool, busy: float = 0.0) -> None:
        """A picture is on screen, ``busy`` seconds after it came, while the player stands at ``position``."""
        frame = self.pacer.shown(now, busy)
        if self._whole and frame is not None and self._last is not None:
            self._took(self._last, self.pacer.took, now)
        if playing and frame is not None:
            middle = (frame + 0.5) / self.playback.fps
            error = position - middle
            if self.playback.loop:
                error -= round(error / self.playback.duration) * self.playback.duration
            self.pacer.synced(error)

    def _wanted(self, now: float) -> Job:
        playing = self.playback.playing(now)
        lead = self.pacer.lead if playing else 0.0
        frame = self.playback.frame(now, lead)
        began, ends = self._animation
        tick = 1 + int((now - began) * self.playback.fps) if now < ends else 0
        busy = playing or tick > 0 or now - self._touched < STILL_AFTER
        small = busy and (self.moving == "fluid" or (self.moving == "automatic" and self._small))
        return Job(version=self.version, frame=frame, scale=BUSY_SCALE if small else 1.0, tick=tick)

    def _took(self, job: Job, cost: float, now: float) -> None:
        """Learn what pictures cost, and go over to half size or try full size again where that says so."""
        most, full = self._room / self.playback.fps, job.scale == 1.0
        # One that stood still is one slow picture, not many.
        cost, known = min(cost, 2 * most), self._costs[full]
        self._costs[full] = cost = known + LEARNS * (cost - known) if known else cost
        lasted = now - self._changed
        if full and not self._small:
            if cost > most:
                self._small, self._changed = True, now
            elif lasted > HELD:
                self._retry = FIRST_RETRY
        elif self._small and not full and lasted > self._retry and HALVING_SAVES * cost < most:
            self._small, self._changed = False, now
            self._retry = min(2 * self._retry, LAST_RETRY)
            self._costs[True] = HALVING_SAVES * cost
