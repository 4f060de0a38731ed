"""Takes of Live Link Face: written, read back, and refused in words."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch

from gaussian_head import InputError
from gaussian_head.face import UNITS
from gaussian_head.face.arkit import COLUMNS, read_arkit_csv, write_arkit_csv


@pytest.fixture
def take(tmp_path) -> Path:
    generator = torch.Generator().manual_seed(0)
    units, angles = torch.rand(40, 52, generator=generator), torch.randn(40, 9, generator=generator)
    write_arkit_csv(tmp_path / "take.csv", units, angles, fps=30)
    return tmp_path / "take.csv"


def test_a_take_reads_back(take):
    generator = torch.Generator().manual_seed(0)
    units, angles = torch.rand(40, 52, generator=generator), torch.randn(40, 9, generator=generator)
    read = read_arkit_csv(take)
    assert torch.allclose(read[0], units, atol=1e-6)
    assert torch.allclose(read[1], angles, atol=1e-6)


def test_columns_are_named_and_ordered_as_the_app_does(take):
    rows = list(csv.reader(take.open(encoding="utf-8")))
    assert rows[0][:3] == ["Timecode", "BlendShapeCount", "EyeBlinkLeft"]
    assert rows[0][-9:-6] == ["HeadYaw", "HeadPitch", "HeadRoll"]
    assert len(rows[0]) == 63
    assert {name[0].lower() + name[1:] for name in COLUMNS[:52]} == set(UNITS)
    assert [rows[i][0] for i in (1, 2, 31)] == ["00:00:00:00.000", "00:00:00:01.000", "00:00:01:00.000"]
    assert {row[1] for row in rows[1:]} == {"61"}


def test_a_real_take_is_read(footage):
    path = footage / "people" / "arkit" / "livelink_take.csv"
    if not path.is_file():
        pytest.skip(f"no take at {path}")
    units, angles = read_arkit_csv(path)
    assert units.shape[1:] == (52,)
    assert 0 <= float(units.min()) <= float(units.max()) < 1.05
    left = units[:, UNITS.index("eyeLookOutLeft")] - units[:, UNITS.index("eyeLookInLeft")]
    down = units[:, UNITS.index("eyeLookDownLeft")] - units[:, UNITS.index("eyeLookUpLeft")]
    assert float(torch.corrcoef(torch.stack([left, -angles[:, 3]]))[0, 1]) > 0.99, "yaw is to the subject's right"
    assert float(torch.corrcoef(torch.stack([down, angles[:, 4]]))[0, 1]) > 0.99, "pitch is down"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("JawOpen", "Jaw"), "lacks the columns JawOpen"),
        (lambda text: text.replace(",", ";"), "lacks the columns"),
        (lambda text: text.split("\n")[0], "no frame"),
        (lambda text: text[: len(text) - 30], "values came"),
        (lambda text: "", "lacks the columns"),
    ],
)
def test_other_files_are_refused_with_what_is_wrong(take, change, said):
    take.write_text(change(take.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_arkit_csv(take)


@pytest.mark.parametrize("value", ["nan", "inf", "", "open"])
def test_a_value_that_is_no_number_is_named_with_its_place(take, value):
    lines = take.read_text(encoding="utf-8").split("\n")
    cells = lines[7].split(",")
    cells[2 + COLUMNS.index("JawOpen")] = value
    lines[7] = ",".join(cells)
    take.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(InputError, match="line 8, column JawOpen"):
        read_arkit_csv(take)


def test_other_sizes_are_a_programming_error(tmp_path):
    with pytest.raises(ValueError, match="were wanted"):
        write_arkit_csv(tmp_path / "take.csv", torch.zeros(4, 51), torch.zeros(4, 9), fps=30)
