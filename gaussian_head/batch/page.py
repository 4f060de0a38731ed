"""One page on all jobs: what they took, what failed and why, and a picture of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any
from urllib.parse import quote

from .records import DONE, FAILED, RUNNING, SKIPPED, WAITING, Record, note_of, totals

ORDER = (FAILED, SKIPPED, RUNNING, WAITING, DONE)
"""Of the rows: what needs somebody comes first."""
PAGES = ("index.html", "capture/report.png", "report.png")
"""What a job's folder may hold to look at."""
STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:1200px;padding:0 1rem;color:#222}
table{border-collapse:collapse;width:100%;margin:.6rem 0 1.6rem}td,th{padding:.3rem .6rem;border-bottom:1px solid #ddd;
text-align:left;vertical-align:top}td.n{text-align:right;white-space:nowrap}img{width:160px;display:block}
.failed,.skipped{background:#fdeaea}.running{background:#eaf3fd}.bar{display:flex;height:10px;background:#eee}
.bar i{display:block}small{color:#666}summary{cursor:pointer}
"""
COLOURS = {DONE: "#2e933c", RUNNING: "#1b6ca8", FAILED: "#d1495b", SKIPPED: "#e9a5ae", WAITING: "#eee"}


def html_page(records: Mapping[str, Record], outs: Mapping[str, str], there: Callable[[str], bool]) -> str:
    """The page.

    Args:
        records: by job.
        outs: where each job's result lies, as seen from the page.
        there: whether a file lies there.
    """
    states = [record.state for record in records.values()]
    counts = {state: states.count(state) for state in ORDER if state in states}
    bar = "".join(f'<i style="flex:{counts[s]};background:{COLOURS[s]}"></i>' for s in reversed(ORDER) if s in counts)
    told = ", ".join(f"{count} {state}" for state, count in counts.items())
    rows = sorted(records.values(), key=lambda record: ORDER.index(record.state))
    body = "".join(_row(record, outs[record.job], there) for record in rows)
    refresh = '<meta http-equiv="refresh" content="20">' if RUNNING in counts else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width">{refresh}'
        f"<title>{escape(told)}</title><style>{STYLE}</style></head><body>\n"
        f'<h1>{len(records)} jobs: {escape(told)}</h1><div class="bar">{bar}</div>\n'
        f"<h2>By verb</h2>{_totals(records)}<h2>Jobs</h2>\n<table><tr><th>job</th><th></th><th>state</th><th>took</th>"
        f"<th>found</th></tr>\n{body}</table></body></html>\n"
    )


def _totals(records: Mapping[str, Record]) -> str:
    head = ("verb", "jobs", "done", "failed", "seconds", "processor s", "peak MB", "output MB", "processor hours, all")
    rows = "".join(
        "<tr>" + "".join(f'<td class="n">{"" if v is None else escape(str(v))}</td>' for v in row.values()) + "</tr>"
        for row in totals(records)
    )
    names = "".join(f"<th>{name}</th>" for name in head)
    return (
        f"<table><tr>{names}</tr>{rows}</table><small>Seconds, memory and output are medians of what is done.</small>"
    )


def _row(record: Record, out: str, there: Callable[[str], bool]) -> str:
    picture = note_of(record.job, ".jpg")
    seen = f'<img loading="lazy" alt="" src="{quote(picture)}">' if record.state == DONE and there(picture) else ""
    links = [f'<a href="{quote(out)}">{escape(out)}</a>'] if record.state == DONE else []
    if record.state == DONE and record.verb in ("evaluate", "track", "reconstruct"):
        links += [f'<a href="{quote(f"{out}/{name}")}">{name}</a>' for name in PAGES if there(f"{out}/{name}")][:1]
    took = f"{record.seconds:.0f} s" if record.seconds else ""
    if record.cpu_seconds:
        took += f"<br><small>{record.cpu_seconds:.0f} s processor<br>{record.peak_mb:.0f} MB"
        took += f"<br>{record.output_mb:g} MB written</small>"
    tries = f"<br><small>{record.tries} tries</small>" if record.tries > 1 else ""
    return (
        f'<tr class="{record.state}" id="{escape(record.job)}"><td><b>{escape(record.job)}</b><br><small>{record.verb}'
        f"</small><br>{'<br>'.join(links)}</td><td>{seen}</td><td>{record.state}{tries}<br><small>"
        f'{escape(record.progress)}</small></td><td class="n">{took}</td><td>{_found(record)}</td></tr>\n'
    )


def _found(record: Record) -> str:
    parts = [f"<b>{escape(record.message)}</b>"] if record.message else []
    for name, value in record.numbers.items():
        parts.append(f"{escape(str(name))}: {escape(_words(value))}")
    if record.warnings:
        listed = "".join(f"<li>{escape(warning)}</li>" for warning in record.warnings)
        parts.append(f"<details><summary>{len(record.warnings)} warnings</summary><ul>{listed}</ul></details>")
    return "<br>".join(parts)


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_words(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return " ".join(map(_words, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
