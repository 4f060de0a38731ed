"""A report on disk: numbers as JSON, pictures, and the page."""

from __future__ import annotations

import json
from pathlib import Path

from ..checks import InputError, read_json, require_writable_folder
from ..durable import replacing
from ..media import write_image
from .page import html_page
from .report import FORMAT, Report, unsteady_picture

FILES = ("report.json", "sheet.png", "unsteady.png", "index.html")
"""What a report consists of."""


def require_report_folder(folder: str | Path) -> Path:
    """Create ``folder`` if needed; it may hold an earlier report, and no file of such a name that is something else.

    Raises:
        InputError: The folder cannot be written, or holds a file that would be lost.
    """
    folder = require_writable_folder(folder, "report folder")
    taken = [name for name in FILES if (folder / name).exists()]
    if taken and not _is_report(folder / "report.json"):
        raise InputError(f"{folder / taken[0]} belongs to something else and would be lost; choose another --out.")
    return folder


def _is_report(path: Path) -> bool:
    try:
        values = read_json(path, "report")
    except InputError:
        return False
    return isinstance(values, dict) and values.get("format") == FORMAT


def write_report(report: Report, folder: str | Path) -> None:
    """Write ``report.json``, ``sheet.png``, ``unsteady.png`` and ``index.html`` (self-contained) into ``folder``.

    Raises:
        InputError: as ``require_report_folder``.
    """
    folder = require_report_folder(folder)
    for name, text in (
        ("report.json", json.dumps(report.to_json(), indent=1, allow_nan=False)),
        ("index.html", html_page(report)),
    ):
        with replacing(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    write_image(folder / "sheet.png", report.sheet)
    unsteady = unsteady_picture(report)
    if unsteady is not None:
        write_image(folder / "unsteady.png", unsteady)
