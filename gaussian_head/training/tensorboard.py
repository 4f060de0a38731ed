"""The course of a run as TensorBoard shows it: an observer that writes event files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..checks import InputError, require_writable_folder
from .observing import StepDone
from .written import Rows

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class TensorBoard:
    """Writes loss, PSNR and the number of Gaussians, means of 20 frames, as the scalars of one run.

    Usable as ``train(…, observer=TensorBoard("boards/anna"))``; `tensorboard --logdir boards` then compares the runs
    in it. Of a run that goes on after it was ended, what had been written beyond its step is left out of the curves.

    Raises:
        InputError: tensorboard is not installed, or the folder cannot be written.
    """

    def __init__(self, folder: str | Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as missing:
            raise InputError(
                'tensorboard is not installed; `pip install -e ".[tensorboard]"` brings it. Without it the same values '
                "stand in training.csv beside the head."
            ) from missing
        self._folder = require_writable_folder(folder, "folder for TensorBoard")
        self._begin: type[SummaryWriter] = SummaryWriter
        self._writer: SummaryWriter | None = None
        self._rows = Rows(0)

    def __call__(self, done: StepDone) -> None:
        """Count a step in."""
        writer = self._writer or self._open(done.step)
        row = self._rows.after(done)
        if row is None:
            return
        for name, value in (("loss", row.loss), ("psnr_db", row.psnr_db), ("gaussians", row.gaussians)):
            writer.add_scalar(f"training/{name}", value, row.step)
        writer.flush()

    def close(self) -> None:
        """End the file; steps that come later begin another."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _open(self, step: int) -> SummaryWriter:
        """A new file, begun at a run's first step or where it is gone on with."""
        self._writer = self._begin(str(self._folder), purge_step=step)
        self._rows = Rows(step - 1)
        return self._writer
