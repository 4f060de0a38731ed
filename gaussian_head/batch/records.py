"""What is known of a job, kept in a small file that outlives whoever runs it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from .jobs import Job
from .places import NOTES, Place
from .values import with_places

FORMAT = "gaussian-head-job"
DONE, FAILED, RUNNING, WAITING, SKIPPED = "done", "failed", "running", "waiting", "skipped"


@dataclass(frozen=True, kw_only=True)
class Record:
    """How it stands with a job."""

    job: str
    """Its name."""
    verb: str
    """What is done."""
    fingerprint: str
    """Of the job and of the files it works on."""
    state: str
    """``running``, ``done`` or ``failed``; in tables ``waiting`` and ``skipped`` too."""
    tries: int = 1
    """How often it was begun."""
    seconds: float = 0.0
    """From its beginning to its end, the last time."""
    cpu_seconds: float = 0.0
    """Processor time of all its tasks that ended."""
    peak_mb: float = 0.0
    """Most memory of one of its processes."""
    output_mb: float = 0.0
    """Of all its files."""
    host: str = ""
    """Where it ran last."""
    pid: int = 0
    """Its process there."""
    began: str = ""
    """When it began last, UTC."""
    progress: str = ""
    """How far it is."""
    message: str = ""
    """Why it failed."""
    warnings: tuple[str, ...] = ()
    """What it warned of."""
    numbers: dict[str, Any] = field(default_factory=dict)
    """What it measured."""

    def write(self, place: Place) -> None:
        """Keep it."""
        content = {"format": FORMAT} | asdict(self)
        place.write(note_of(self.job), json.dumps(content, indent=1).encode())

    @classmethod
    def read(cls, place: Place, job: str) -> Record | None:
        """What is known of ``job``; None where nothing is, or it is of another kind."""
        content = place.read(note_of(job))
        try:
            values = json.loads(content or b"null")
        except ValueError:
            return None
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            return None
        known = {each.name for each in fields(cls)}
        kept: dict[str, Any] = {name: value for name, value in values.items() if name in known}
        try:
            kept["warnings"] = tuple(kept.get("warnings", ()))
            return cls(**kept)
        except TypeError:
            return None


def note_of(job: str, ending: str = ".json") -> str:
    """Name of a small file about a job."""
    return f"{NOTES}/{job}{ending}"


def fingerprints(jobs: tuple[Job, ...]) -> dict[str, str]:
    """What tells each job, and the files it works on, from others; ``jobs`` in their order.

    Files count by size and time; a job's own name, and what it needs of a machine, do not count.
    """
    found: dict[str, str] = {}
    for job in jobs:
        files: list[Any] = []

        def stamp(text: str, certain: bool, files: list[Any] = files) -> str:
            files.append(_stamp(text))
            return text

        given = {name: value for name, value in job.options.items() if name != "out"}
        with_places(job.verb.options, given, stamp)
        before = [found[name] for name in job.after]
        told = json.dumps([job.verb.name, job.options, files, before], sort_keys=True)
        found[job.name] = hashlib.sha256(told.encode()).hexdigest()
    return found


def _stamp(text: str) -> Any:
    try:
        state = Path(text).stat()
    except (OSError, ValueError):
        return None
    return [state.st_size, state.st_mtime_ns]


def totals(records: Mapping[str, Record]) -> list[dict[str, Any]]:
    """By verb: jobs, how they stand, and the medians of what the finished ones took."""
    from statistics import median

    rows = []
    for verb in dict.fromkeys(record.verb for record in records.values()):
        all_ = [record for record in records.values() if record.verb == verb]
        done = [record for record in all_ if record.state == DONE]
        row: dict[str, Any] = {"verb": verb, "jobs": len(all_), "done": len(done)}
        row["failed"] = sum(record.state in (FAILED, SKIPPED) for record in all_)
        for name in ("seconds", "cpu_seconds", "peak_mb", "output_mb"):
            row[name] = round(median(getattr(record, name) for record in done), 1) if done else None
        row["cpu_hours"] = round(sum(record.cpu_seconds for record in all_) / 3600, 3)
        rows.append(row)
    return rows
