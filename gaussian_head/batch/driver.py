"""Whose turn it is: jobs in their order, each task to a pool of workers, again where one was lost, once where done."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from ..events import Listener, Progress, Warned, ignore
from .jobs import Job
from .places import Place
from .records import DONE, FAILED, RUNNING, SKIPPED, WAITING, Record, fingerprints
from .table import Table
from .work import BEGIN, DRAW, FINISH, WHOLE, Result, Task

RETRIES = 5
"""Times that a job is begun again where its worker was lost, or the disk failed."""
PATIENCE = 1.0
"""Seconds to wait for news."""
AHEAD = 1000
"""Tasks handed to the pool at once."""


@dataclass(frozen=True)
class Lost:
    """A worker ended without a word."""

    why: str
    """What is known of it."""


class Pool(Protocol):
    """Workers."""

    def submit(self, task: Task) -> Hashable:
        """Hand a task over; what it is called from now on."""
        ...

    def wait(self, seconds: float) -> list[tuple[Hashable, Result | Lost]]:
        """What has ended, after so many seconds at the latest."""
        ...

    def close(self) -> None:
        """End all."""
        ...


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How it ended."""

    records: dict[str, Record]
    """By job."""
    already: int
    """Jobs that were done before."""

    @property
    def failed(self) -> list[str]:
        """Jobs that failed, or waited for one that did."""
        return [name for name, record in self.records.items() if record.state in (FAILED, SKIPPED)]

    @property
    def exit_status(self) -> int:
        """Of the command: 0 where all is done, else 1."""
        return 1 if self.failed else 0


@dataclass
class _Course:
    """A job on its way."""

    job: Job
    record: Record
    tries: int = 1
    lost: int = 0
    parts: int = 0
    tasks: dict[Hashable, Task] = field(default_factory=dict)


def run_jobs(
    jobs: tuple[Job, ...], place: Place, pool: Pool, *, retries: int = RETRIES, listener: Listener = ignore
) -> Outcome:
    """Do all jobs that are not done, in any order that ``after`` allows; one batch at a time in a local place.

    Args:
        jobs: as `read_jobs` gives them.
        place: where their files go; what is done there already, of the same options and files, is not done again.
        pool: who works; it is not closed.
        retries: how often each job is begun again where its worker is killed, or a disk fails.
        listener: receives Progress by jobs, and Warned of each failure.

    Returns:
        What is known of each; failures are no exceptions.

    Raises:
        BusyError: another batch is at work there.
        KeyboardInterrupt: as it came, saying what is done.
    """
    with place.alone():
        course = _Run(jobs, place, pool, retries, listener)
        try:
            return course.run()
        except KeyboardInterrupt as stop:
            words = f"stopped; {course.done} of {len(jobs)} jobs are done, the same command goes on from there"
            raise type(stop)(words) from stop


class _Run:
    def __init__(self, jobs: tuple[Job, ...], place: Place, pool: Pool, retries: int, listener: Listener) -> None:
        self._place, self._pool, self._retries, self._listener = place, pool, retries, listener
        prints = fingerprints(jobs)
        self._courses = {job.name: _course(job, prints[job.name], place) for job in jobs}
        self._order = [job.name for job in jobs]
        self._already = self.done
        self._table = Table(place, jobs)
        self._queue: list[tuple[_Course, Task]] = []
        self._flying: dict[Hashable, _Course] = {}

    def run(self) -> Outcome:
        try:
            self._start_ready()
            while self._queue or self._flying:
                self._hand_over()
                for handle, result in self._pool.wait(PATIENCE):
                    self._ended(handle, result)
                self._table.show(self._records())
        finally:
            self._table.show(self._records(), last=True)
        return Outcome(records=self._records(), already=self._already)

    @property
    def done(self) -> int:
        return sum(course.record.state == DONE for course in self._courses.values())

    def _records(self) -> dict[str, Record]:
        return {name: self._courses[name].record for name in self._order}

    def _start_ready(self) -> None:
        """Begin every job that waits for nothing any more; skip those that wait for what failed."""
        states = {name: course.record.state for name, course in self._courses.items()}
        for name in self._order:
            course = self._courses[name]
            if course.record.state != WAITING:
                continue
            broken = [before for before in course.job.after if states[before] in (FAILED, SKIPPED)]
            if broken:
                course.record = replace(course.record, state=SKIPPED, message=f"{broken[0]}, which it needs, failed")
                states[name] = SKIPPED
            elif all(states[before] == DONE for before in course.job.after):
                course.record = replace(course.record, state=RUNNING)
                self._queue += [(course, task) for task in self._tasks(course, BEGIN)]
        self._tell()

    def _tasks(self, course: _Course, step: str) -> Iterable[Task]:
        """The tasks of a step; one that several share has three steps, any other one."""
        job = course.job
        if job.shares == 1:
            step = WHOLE
        task = Task(
            job=job,
            place=self._place,
            fingerprint=course.record.fingerprint,
            step=step,
            parts=course.parts,
            tries=course.tries,
        )
        shares = min(job.shares, course.parts) if step == DRAW else 1
        job = replace(job, shares=shares) if step == DRAW else job
        return [replace(task, job=job, share=k) for k in range(shares)]

    def _hand_over(self) -> None:
        while self._queue and len(self._flying) < AHEAD:
            course, task = self._queue.pop(0)
            handle = self._pool.submit(task)
            self._flying[handle] = course
            course.tasks[handle] = task

    def _ended(self, handle: Hashable, result: Result | Lost) -> None:
        course = self._flying.pop(handle)
        task = course.tasks.pop(handle)
        if course.record.state == FAILED:
            return
        if isinstance(result, Lost):
            self._again(course, task, result.why)
        elif result.ok:
            self._went_well(course, task, result)
        elif result.retry:
            self._again(course, task, result.record.message)
        else:
            self._failed(course, result.record)

    def _again(self, course: _Course, task: Task, why: str) -> None:
        course.lost += 1
        course.tries += 1
        if course.lost > self._retries:
            message = f"{why} ({course.lost} times, which is enough; raise --retries if more may help)"
            self._failed(course, replace(course.record, tries=course.tries - 1, message=message))
            return
        self._listener(Warned(message=f"{course.job.name}: {why}; it goes on."))
        self._queue.append((course, replace(task, tries=course.tries)))

    def _went_well(self, course: _Course, task: Task, result: Result) -> None:
        course.record = _added(course.record, result.record)
        if task.step == BEGIN:
            course.parts = result.parts
            self._queue += [(course, t) for t in self._tasks(course, DRAW)]
        elif task.step == DRAW:
            if not course.tasks and not any(waiting is course for waiting, _ in self._queue):
                self._queue += [(course, t) for t in self._tasks(course, FINISH)]
        else:
            course.record = replace(course.record, state=DONE, message="", progress="")
            course.record.write(self._place)
            self._start_ready()

    def _failed(self, course: _Course, record: Record) -> None:
        course.record = replace(_added(course.record, record), state=FAILED, message=record.message)
        course.record.write(self._place)
        self._listener(Warned(message=f"{course.job.name} failed: {record.message}"))
        self._start_ready()

    def _tell(self) -> None:
        states = [course.record.state for course in self._courses.values()]
        values = {name: float(states.count(name)) for name in (RUNNING, FAILED, SKIPPED) if name in states}
        ended = len(states) - states.count(RUNNING) - states.count(WAITING)
        self._listener(Progress(stage="jobs", done=ended, total=len(states), values=values))


def _course(job: Job, fingerprint: str, place: Place) -> _Course:
    """Where a job stands when the run begins."""
    known = Record.read(place, job.name)
    fresh = Record(job=job.name, verb=job.verb.name, fingerprint=fingerprint, state=WAITING, tries=0)
    if known is None or known.fingerprint != fingerprint:
        return _Course(job=job, record=fresh)
    if known.state == DONE and place.has(f"{job.name}/{job.out}".rstrip("/")):
        return _Course(job=job, record=known)
    begun = replace(known, state=WAITING, message="", progress="")
    return _Course(job=job, record=begun, tries=known.tries + 1)


def _added(record: Record, more: Record) -> Record:
    """One record of what several tasks took."""
    return replace(
        more,
        tries=max(record.tries, more.tries),
        cpu_seconds=round(record.cpu_seconds + more.cpu_seconds, 2),
        seconds=round(record.seconds + more.seconds, 2),
        peak_mb=max(record.peak_mb, more.peak_mb),
        warnings=tuple(dict.fromkeys((*record.warnings, *more.warnings))),
        state=record.state,
    )
