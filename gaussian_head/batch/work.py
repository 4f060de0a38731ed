"""What a worker does: one task of one job, with a record of it, whatever happens."""

from __future__ import annotations

import os
import socket
import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..checks import InputError
from ..durable import BusyError
from ..events import Event, Progress, Warned
from .facts import numbers_of, picture_of
from .jobs import Job
from .places import Place, Work, size_of
from .records import DONE, FAILED, RUNNING, Record, note_of
from .values import ADDRESS, REFERENCE, options_of, with_places

WHOLE, BEGIN, DRAW, FINISH = "run", "begin", "draw", "finish"
BETWEEN = 5.0
"""Seconds between two notes of progress."""
PATIENCE = 3.0
"""Seconds to wait where somebody else is at work in the same folder."""
MOST_WARNINGS = 50


@dataclass(frozen=True, kw_only=True)
class Task:
    """A piece of a job for one worker."""

    job: Job
    """What to do."""
    place: Place
    """Where."""
    fingerprint: str
    """Of the job."""
    step: str = WHOLE
    """The whole of it, or the beginning, one share or the end of what several draw."""
    share: int = 0
    """Which one."""
    parts: int = 0
    """How many parts all shares have together."""
    tries: int = 1
    """How often it was begun, this time counted."""

    @property
    def name(self) -> str:
        """Its own among the job's tasks."""
        return f"{self.step}{self.share}"


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of a task."""

    ok: bool
    """It is done."""
    record: Record
    """What it took."""
    retry: bool = False
    """It may do better another time."""
    parts: int = 0
    """Of a beginning: how many parts there are."""


def work(task: Task) -> Result:
    """Do a task. Mistakes of the input, a full disk and faults of the program come back as results."""
    _use_threads(task.job.cpus)
    record = Record(
        job=task.job.name,
        verb=task.job.verb.name,
        fingerprint=task.fingerprint,
        state=RUNNING,
        tries=task.tries,
        host=socket.gethostname(),
        pid=os.getpid(),
        began=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )
    notes = _Notes(task, record)
    clock, parts, retry, message = time.monotonic(), 0, False, ""
    try:
        known = Record.read(task.place, task.job.name)
        same = known is not None and known.fingerprint == task.fingerprint
        with task.place.working(task.job.name, task.name, anew=known is not None and not same) as where:
            notes.write(record)
            parts = _done(task, where, notes, again=same)
    except BusyError as error:
        message, retry = str(error), True
        time.sleep(PATIENCE)
    except InputError as error:
        message = str(error)
    except (OSError, MemoryError) as error:
        message, retry = f"{type(error).__name__}: {error}", True
    except Exception as error:
        task.place.write(note_of(task.job.name, ".trace.txt"), traceback.format_exc().encode())
        message = f"{type(error).__name__}: {error} (a fault of the program: {note_of(task.job.name, '.trace.txt')})"
    record = _ended(notes.record, clock, message)
    if task.step in (WHOLE, FINISH) or message:
        notes.write(record)
    return Result(ok=not message, record=record, retry=retry, parts=parts)


def _done(task: Task, where: Work, notes: _Notes, *, again: bool) -> int:
    """Do it in a folder; how many parts there are where it is a beginning."""
    options = local_options(task, where.folder)
    if again and task.step == WHOLE:
        options = task.job.verb.again(options)
    verb, steps = task.job.verb, task.job.verb.in_parts
    if task.step == BEGIN:
        return steps.begin(options, notes)
    if task.step == DRAW:
        from ..rendering.shares import share_of

        steps.draw(options, share_of(task.parts, task.job.shares, task.share), notes)
        return 0
    result = steps.finish(options, notes) if task.step == FINISH else verb.run(options, notes)
    out = where.folder / task.job.out
    notes.record = replace(
        notes.record, numbers=numbers_of(result, out), output_mb=round(size_of(where.folder) / 1e6, 2)
    )
    picture = picture_of(out)
    if picture is not None:
        task.place.write(note_of(task.job.name, ".jpg"), picture)
    where.publish()
    return 0


def local_options(task: Task, folder: Path) -> Any:
    """The verb's options with files as they lie on this machine, the output in ``folder``."""
    job = task.job

    def here(text: str, certain: bool) -> str:
        made = REFERENCE.fullmatch(text)
        if made is not None:
            return f"{task.place.bring(made[1])}{made[2]}"
        return str(task.place.bring_address(text)) if ADDRESS.match(text) else text

    given = with_places(job.verb.options, {k: v for k, v in job.options.items() if k != "out"}, here)
    return options_of(job.verb.options, given | {"out": str(folder / job.out)}, f"job {job.name}")


class _Notes:
    """Keeps warnings, and how far a task is where others can read it."""

    def __init__(self, task: Task, record: Record) -> None:
        self.record = record
        self._task, self._told = task, time.monotonic()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Warned) and len(self.record.warnings) < MOST_WARNINGS:
            self.record = replace(self.record, warnings=(*self.record.warnings, event.message))
        if isinstance(event, Progress) and time.monotonic() - self._told > BETWEEN:
            self._told = time.monotonic()
            of = "" if event.total is None else f" of {event.total}"
            self.record = replace(self.record, progress=f"{event.stage} {event.done}{of}")
            self.write(self.record)

    def write(self, record: Record) -> None:
        """Keep a record; the shares of one job, which run side by side, leave it to the others."""
        if self._task.step != DRAW or record.state == FAILED:
            record.write(self._task.place)


def _ended(record: Record, clock: float, message: str) -> Record:
    """``record`` with what it took."""
    import resource

    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = sum(usage.ru_utime + usage.ru_stime for usage in (own, children))
    return replace(
        record,
        state=FAILED if message else DONE,
        seconds=round(time.monotonic() - clock, 2),
        cpu_seconds=round(spent, 2),
        peak_mb=round(max(own.ru_maxrss, children.ru_maxrss) / 1024, 1),
        message=message,
        progress="",
    )


def _use_threads(cpus: float) -> None:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch

    torch.set_num_threads(max(round(cpus), 1))
