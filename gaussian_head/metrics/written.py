"""A report on disk: numbers as JSON, pictures, and the page."""

from __future__ import annotations

import json
from pathlib import Path

from ..checks import require_writable_folder
from ..durable import replacing
from ..media import write_image
from .page import html_page
from .report import Report, unsteady_picture


def write_report(report: Report, folder: str | Path) -> None:
    """Write ``report.json``, ``sheet.png``, ``unsteady.png`` and ``index.html`` (self-contained) into ``folder``.

    Raises:
        InputError: The folder cannot be written.
    """
    folder = require_writable_folder(folder, "report folder")
    write_image(folder / "sheet.png", report.sheet)
    unsteady = unsteady_picture(report)
    if unsteady is not None:
        write_image(folder / "unsteady.png", unsteady)
    for name, text in (
        ("report.json", json.dumps(report.to_json(), indent=1, allow_nan=False)),
        ("index.html", html_page(report)),
    ):
        with replacing(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
