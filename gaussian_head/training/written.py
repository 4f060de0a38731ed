"""The course of a run as a table: ``training.csv`` beside the head, for any program that draws curves."""

from __future__ import annotations

import csv
from pathlib import Path

from ..durable import replacing
from .observing import StepDone

TABLE = "training.csv"
COLUMNS = ("step", "stage", "loss", "psnr_db", "gaussians")
EVERY = 20
"""Frames that a row is the mean of; fewer in the first row after a resume."""


class StepTable:
    """An observer that writes a row every 20 frames: their mean loss and PSNR, and the number of Gaussians."""

    def __init__(self, folder: Path, begun: int) -> None:
        """Open the table of a run in ``folder`` that goes on after step ``begun``; rows from beyond it are dropped."""
        self._path = folder / TABLE
        kept = _rows_until(self._path, begun) if begun else []
        with replacing(self._path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([COLUMNS, *kept])
        self._row = begun // EVERY
        self._losses: list[float] = []
        self._psnrs: list[float] = []

    def __call__(self, done: StepDone) -> None:
        """Count a step in."""
        self._losses.append(done.loss)
        self._psnrs.append(done.psnr)
        row, self._row = self._row, done.step // EVERY
        if row == self._row and done.step != done.total:
            return
        row = (done.step, done.stage, _mean(self._losses), _mean(self._psnrs), done.gaussians)
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(row)
        self._losses, self._psnrs = [], []


def _rows_until(path: Path, step: int) -> list[list[str]]:
    """What the run wrote up to a step before it was ended; nothing where that cannot be told."""
    try:
        header, *rows = csv.reader(path.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError, csv.Error, ValueError):
        return []
    whole = [row for row in rows if len(row) == len(COLUMNS) and row[0].isdecimal()]
    return [row for row in whole if int(row[0]) <= step] if tuple(header) == COLUMNS else []


def _mean(values: list[float]) -> str:
    return f"{sum(values) / len(values):.6g}"
