"""How it stands with all jobs, as a table and a page that stay when whoever runs them is gone."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Mapping
from dataclasses import replace

from .jobs import Job
from .page import html_page
from .places import Place
from .records import RUNNING, Record

STATUS, PAGE = "status.csv", "index.html"
COLUMNS = (
    *("job", "verb", "state", "tries", "seconds", "cpu_seconds", "peak_mb", "output_mb"),
    *("host", "began", "progress", "message"),
)
EVERY_TABLE, EVERY_PAGE = 2.0, 15.0
"""Seconds between two versions, or longer where there are many jobs."""
SHARE = 50
"""A version is written no more often than takes a share of one in so many of the time."""


class Table:
    """Writes them now and then."""

    def __init__(self, place: Place, jobs: tuple[Job, ...]) -> None:
        """Of ``jobs`` into ``place``."""
        self._place = place
        self._outs = {job.name: f"{job.name}/{job.out}".rstrip("/") for job in jobs}
        self._next = {STATUS: 0.0, PAGE: 0.0}

    def show(self, records: Mapping[str, Record], *, last: bool = False) -> None:
        """Write what is due, or with ``last`` all."""
        if last or time.monotonic() >= self._next[STATUS]:
            self._write(STATUS, self._csv(self._fresh(records)), EVERY_TABLE)
        if last or time.monotonic() >= self._next[PAGE]:
            page = html_page(self._fresh(records), self._outs, self._place.has)
            self._write(PAGE, page, EVERY_PAGE)

    def _write(self, name: str, text: str, every: float) -> None:
        clock = time.monotonic()
        self._place.write(name, text.encode())
        self._next[name] = time.monotonic() + max(every, SHARE * (time.monotonic() - clock))

    def _fresh(self, records: Mapping[str, Record]) -> dict[str, Record]:
        """Those that are being worked on with what their workers noted last."""
        found = dict(records)
        for name, record in records.items():
            noted = Record.read(self._place, name) if record.state == RUNNING else None
            if noted is not None and noted.fingerprint == record.fingerprint:
                found[name] = replace(record, progress=noted.progress, host=noted.host, began=noted.began)
        return found

    def _csv(self, records: Mapping[str, Record]) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for record in records.values():
            writer.writerow([" ".join(str(getattr(record, name)).split()) for name in COLUMNS])
        return text.getvalue()
