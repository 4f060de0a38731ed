"""Event files hold what training.csv holds, across an interruption too; without the package the error says so."""

import csv
import sys
from dataclasses import dataclass, replace
from types import ModuleType
from typing import ClassVar

import pytest
from support_capture import make_capture

from gaussian_head import train
from gaussian_head.checks import InputError
from gaussian_head.training import PRESETS, StepDone, TensorBoard

RUN = replace(
    PRESETS["preview"],
    stages=(replace(PRESETS["preview"].stages[0], iterations=50, densify=False),),
    max_gaussians=900,
)


def step(number: int, loss: float, total: int = 60) -> StepDone:
    return StepDone(
        stage="coarse", step=number, total=total, loss=loss, psnr=30 - loss, gaussians=7, snapshot=lambda: None
    )


@dataclass
class Written:
    """Stands in for the package's writer."""

    folder: str
    purge_step: int
    files: ClassVar[list] = []

    def __post_init__(self):
        self.scalars, self.closed = [], False
        self.files.append(self)

    def add_scalar(self, name, value, at):
        self.scalars.append((name, value, at))

    def flush(self):
        pass

    def close(self):
        self.closed = True


@pytest.fixture
def written(monkeypatch):
    package = ModuleType("torch.utils.tensorboard")
    package.SummaryWriter = Written
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", package)
    monkeypatch.setattr(Written, "files", [])
    return Written.files


def test_means_of_twenty_frames_are_scalars_and_a_run_gone_on_with_replaces_what_it_lost(written, tmp_path):
    board = TensorBoard(tmp_path / "board")
    for number in range(1, 31):
        board(step(number, loss=float(number)))
    board.close()
    for number in range(26, 61):  # ended at 30, the checkpoint was of 25
        board(step(number, loss=float(number)))
    first, second = written
    assert first.closed
    assert (first.purge_step, second.purge_step) == (1, 26)
    losses = [(at, value) for file in written for name, value, at in file.scalars if name == "training/loss"]
    assert losses == [(20, 10.5), (40, 33.0), (60, 50.5)]
    assert ("training/psnr_db", 19.5, 20) in first.scalars
    assert ("training/gaussians", 7, 60) in second.scalars


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(InputError, match=r"tensorboard is not installed.*training\.csv"):
        TensorBoard(tmp_path / "board")
    assert not (tmp_path / "board").exists()


def test_the_package_reads_what_the_command_wrote(tmp_path):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason="no tensorboard")
    capture, _ = make_capture(tmp_path / "capture", num_frames=30, sound=False)
    from gaussian_head.verbs._watching import Watching

    train(capture.path, tmp_path / "head", config=RUN, live=Watching(tensorboard=tmp_path / "board"))
    board = reader.EventAccumulator(str(tmp_path / "board"))
    board.Reload()
    with (tmp_path / "head" / "training.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [20, 40, 50]
    for name in ("loss", "psnr_db", "gaussians"):
        scalars = board.Scalars(f"training/{name}")
        assert [scalar.step for scalar in scalars] == [20, 40, 50]
        assert [scalar.value for scalar in scalars] == pytest.approx([float(row[name]) for row in rows], rel=1e-5)
