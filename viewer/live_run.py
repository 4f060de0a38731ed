"""What is known of a training run and what its onlookers want of it; no browser in here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from gaussian_head.events import Event, Progress
from gaussian_head.training import StepDone, StepsDone

CURVE_POINTS = 400
"""Points of a curve at most."""
SMOOTHING = 0.02
"""Weight of the newest step in the PSNR and in the pace that are shown."""


class Curve:
    """Mean of a number over equal stretches of steps; the stretches double when there are too many."""

    def __init__(self, limit: int = CURVE_POINTS) -> None:
        if limit < 2 or limit % 2:
            raise ValueError(f"limit is {limit}; an even number of 2 or more is wanted.")
        self._limit, self._stride = limit, 1
        self._steps: list[float] = []
        self._means: list[float] = []
        self._sum, self._count = 0.0, 0

    def add(self, step: int, value: float) -> None:
        """Note ``value`` of ``step``; steps come in ascending order."""
        self._sum, self._count = self._sum + value, self._count + 1
        if self._count < self._stride:
            return
        self._steps.append(float(step))
        self._means.append(self._sum / self._count)
        self._sum, self._count = 0.0, 0
        if len(self._means) >= self._limit:
            self._stride *= 2
            self._steps = self._steps[1::2]
            self._means = [(a + b) / 2 for a, b in zip(self._means[::2], self._means[1::2], strict=True)]

    def points(self) -> tuple[np.ndarray, np.ndarray]:
        """Steps ``[P]`` and means ``[P]``, P below the limit."""
        return np.array(self._steps), np.array(self._means)


@dataclass(frozen=True, kw_only=True)
class Status:
    """One look at a run."""

    phase: str = "waiting"
    """What is being done, as shown beside its bar."""
    done: int = 0
    """Steps of this phase that are finished; of training, those of all its stages."""
    total: int | None = None
    """Steps of this phase, None where unknown."""
    seconds_left: float | None = None
    """To the end of this phase at its present pace, pauses not counted; None where unknown."""
    gaussians: int = 0
    """Gaussians now; 0 before training."""
    psnr: float | None = None
    """Mean of the last steps, dB."""
    trains: bool = False
    """Steps are being made, so that pausing and stopping mean something."""
    paused: bool = False
    """The user wants training to wait."""
    stopping: bool = False
    """The user wants training to end here."""
    finished: bool = False
    """The head is saved."""

    @property
    def share(self) -> float:
        """Share of the phase that is done, 0 to 1."""
        return min(self.done / self.total, 1.0) if self.total else 0.0


class Run:
    """Written by the thread that trains, read and steered by the pages."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.loss, self.psnr = Curve(), Curve()
        self._clock = clock
        self._lock = threading.Condition()
        self._status = Status()
        self._pace, self._counted = 0.0, 0
        self._resumed_at = 0.0
        self._begun: tuple[int, float] = (0, 0.0)

    @property
    def status(self) -> Status:
        """How it stands."""
        return self._status

    def curves(self) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """Points of loss and of PSNR."""
        with self._lock:
            return self.loss.points(), self.psnr.points()

    def listen(self, event: Event) -> None:
        """Follow the phases before and after the training steps, which ``record`` follows."""
        if not isinstance(event, Progress) or isinstance(event, StepsDone):
            return
        with self._lock:
            now = self._clock()
            if event.stage != self._status.phase:
                self._begun = (event.done, now)
            made, took = event.done - self._begun[0], now - self._begun[1]
            left = None
            if event.total is not None and made > 0:
                left = (event.total - event.done) * took / made
            self._update(phase=event.stage, done=event.done, total=event.total, seconds_left=left, trains=False)

    def record(self, done: StepDone) -> None:
        """Note the numbers of a step."""
        with self._lock:
            now = self._clock()
            self.loss.add(done.step, done.loss)
            self.psnr.add(done.step, done.psnr)
            before = self._status.psnr
            weight = max(SMOOTHING, 1 / (self._counted + 1))
            if self._status.trains:
                self._pace += max(SMOOTHING, 1 / self._counted) * (now - self._resumed_at - self._pace)
            self._counted += 1
            self._update(
                phase=f"training: {done.stage}",
                done=done.step,
                total=done.total,
                seconds_left=(done.total - done.step) * self._pace if self._counted > 2 else None,
                gaussians=done.gaussians,
                psnr=done.psnr if before is None else before + weight * (done.psnr - before),
                trains=True,
            )

    def resume_clock(self) -> None:
        """The next step begins now: what an observer took is not part of the pace."""
        self._resumed_at = self._clock()

    def pause(self, paused: bool) -> None:
        """Let training wait, or go on."""
        with self._lock:
            self._update(paused=paused)

    def stop(self) -> None:
        """Let training end here."""
        with self._lock:
            self._update(stopping=True, paused=False)

    def finish(self) -> None:
        """The head is saved."""
        with self._lock:
            self._update(finished=True, trains=False, paused=False, seconds_left=None)

    def wait(self, seconds: float) -> None:
        """Block until something changes, ``seconds`` at most."""
        with self._lock:
            self._lock.wait(seconds)

    def wake(self) -> None:
        """Let whoever waits look again."""
        with self._lock:
            self._lock.notify_all()

    def _update(self, **changes: object) -> None:
        self._status = replace(self._status, **changes)
        self._lock.notify_all()


def describe(status: Status) -> str:
    """A status as Markdown of a few lines."""
    if status.finished:
        how = "Stopped and saved" if status.stopping else "Finished and saved"
        return f"**{how}.** This is the trained head: give it a voice, turn it, save what you like."
    if status.stopping and status.trains:
        return "**Stopping …** the head is finished as it is and saved."
    lines = [f"**{'paused' if status.paused else status.phase}**"]
    if status.total:
        lines.append(f"step {status.done:,} of {status.total:,}")
    if status.seconds_left is not None and not status.paused:
        lines.append(f"{duration(status.seconds_left)} left")
    if status.psnr is not None:
        lines.append(f"{status.psnr:.1f} dB on {status.gaussians:,} Gaussians")
    return " · ".join(lines)


def duration(seconds: float) -> str:
    """Seconds as people say them: ``40 s``, ``3 min 05 s``, ``2 h 10 min``."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
