"""The table over clips: every clip alike, nothing done twice, older rows kept."""

import csv
import math

import pytest
from support_capture import make_capture

from gaussian_head.checks import InputError
from gaussian_head.evaluation import clips as bench
from gaussian_head.evaluation.clips import bench_clips, write_table
from gaussian_head.training import Stage, TrainConfig

CONFIG = TrainConfig(
    stages=(Stage(name="short", iterations=30, resolution=0.5, densify=False, refine_pose=False),), max_gaussians=1500
)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    make_capture(folder / "somebody" / "capture", num_frames=30, size=96, sound=False)
    (folder / "somebody.mp4").write_bytes(b"tracked already, so nobody opens it")
    return folder


def test_a_clip_becomes_a_row_for_each_split_once(work, tmp_path, monkeypatch):
    options = {"label": "first", "turned_from_deg": 2.0}
    rows = bench_clips([work / "somebody.mp4"], work, CONFIG, **options)
    assert [(row.clip, row.split, row.driver, row.frames) for row in rows] == [
        ("somebody", "tail", "tracked", 30),
        ("somebody", "tail", "nearest_frame", 30),
        ("somebody", "turned", "tracked", 30),
        ("somebody", "turned", "nearest_frame", 30),
    ]
    assert rows[0].turn_most_deg > 5
    assert all(15 < row.psnr_full < 60 and row.train_cpu_s > 0 and row.gaussians > 100 for row in rows)
    assert math.isnan(rows[0].lpips)
    monkeypatch.setattr(bench, "train", None)
    monkeypatch.setattr(bench, "evaluate", None)
    again = bench_clips([work / "somebody.mp4"], work, CONFIG, **options)
    assert [row.psnr_full for row in again] == [row.psnr_full for row in rows]
    few = bench_clips([work / "somebody.mp4"], work, CONFIG, label="first", turned_from_deg=60.0)
    assert {row.split for row in few} == {"tail"}

    table = tmp_path / "table.csv"
    write_table(rows, table)
    write_table(rows[:1], table)
    header, *lines = list(csv.reader(table.open()))
    assert len(lines) == 4
    assert float(lines[1][header.index("psnr_head")]) == pytest.approx(rows[1].psnr_head, rel=1e-3)
    table.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="other columns"):
        write_table(rows, table)


def test_two_clips_of_one_name_are_refused(work, tmp_path):
    with pytest.raises(InputError, match="somebody, somebody"):
        bench_clips([work / "somebody.mp4", tmp_path / "somebody.mp4"], work, CONFIG, label="x")
