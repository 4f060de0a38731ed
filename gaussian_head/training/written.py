"""The course of a run as a table: ``training.csv`` beside the head, for any program that draws curves."""

from __future__ import annotations

import csv
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from ..durable import replacing
from .observing import StepDone

TABLE = "training.csv"
EVERY = 20
"""Frames that a row is the mean of; fewer in the first row after a resume."""


@dataclass(frozen=True)
class Row:
    """What some frames of a run came to."""

    step: int
    """The last of them."""
    stage: str
    """Its stage."""
    loss: float
    """Mean of what the steps minimised, a frame."""
    psnr_db: float
    """Mean over them, whole picture."""
    gaussians: int
    """Of the head after them."""


COLUMNS = tuple(field.name for field in fields(Row))


class Rows:
    """Sums steps up to rows, one every 20 frames and one at the end."""

    def __init__(self, begun: int) -> None:
        """Of a run that goes on after step ``begun``."""
        self._row = begun // EVERY
        self._losses: list[float] = []
        self._psnrs: list[float] = []

    def after(self, done: StepDone) -> Row | None:
        """The row that this step completes, if any."""
        self._losses.append(done.loss)
        self._psnrs.append(done.psnr)
        row, self._row = self._row, done.step // EVERY
        if row == self._row and done.step != done.total:
            return None
        loss, psnr = (sum(values) / len(values) for values in (self._losses, self._psnrs))
        self._losses, self._psnrs = [], []
        return Row(done.step, done.stage, loss, psnr, done.gaussians)


class StepTable:
    """An observer that writes the rows of a run."""

    def __init__(self, folder: Path, begun: int) -> None:
        """Open the table of a run in ``folder`` that goes on after step ``begun``; rows from beyond it are dropped."""
        self._path = folder / TABLE
        kept = _rows_until(self._path, begun) if begun else []
        with replacing(self._path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([COLUMNS, *kept])
        self._rows = Rows(begun)

    def __call__(self, done: StepDone) -> None:
        """Count a step in."""
        row = self._rows.after(done)
        if row is None:
            return
        values = [f"{value:.6g}" if isinstance(value, float) else value for value in astuple(row)]
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(values)


def _rows_until(path: Path, step: int) -> list[list[str]]:
    """What the run wrote up to a step before it was ended; nothing where that cannot be told."""
    try:
        header, *rows = csv.reader(path.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError, csv.Error, ValueError):
        return []
    whole = [row for row in rows if len(row) == len(COLUMNS) and row[0].isdecimal()]
    return [row for row in whole if int(row[0]) <= step] if tuple(header) == COLUMNS else []
