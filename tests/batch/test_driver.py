"""Whose turn it is, without Ray: order, failures, lost workers, what is done once."""

from __future__ import annotations

import csv
import json

import pytest
from support_batch import Here, files_of, save_head, save_sound

from gaussian_head.batch import place_at, read_jobs, run_jobs
from gaussian_head.batch.driver import Lost
from gaussian_head.batch.work import DRAW
from gaussian_head.durable import BusyError
from gaussian_head.rendering import video
from gaussian_head.verbs import VERBS

ROWS = """verb,name,head,audio,out,after,shares
render,talk,head,a.wav,,,
export,splats,head,,moment.ply,talk,
export,broken,nothing,,moment.ply,,
export,waits,head,,moment.ply,broken,
"""


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    folder = tmp_path_factory.mktemp("material")
    save_head(folder / "head")
    save_sound(folder / "a.wav", 1.2)
    return folder


def jobs_of(material, rows: str):
    (material / "jobs.csv").write_text(rows)
    return read_jobs(material / "jobs.csv", VERBS)


def test_all_is_done_in_order_and_told(material, tmp_path):
    pool = Here()
    outcome = run_jobs(jobs_of(material, ROWS), place_at(tmp_path), pool)
    states = {name: record.state for name, record in outcome.records.items()}
    assert states == {"talk": "done", "splats": "done", "broken": "failed", "waits": "skipped"}
    assert (outcome.failed, outcome.exit_status) == (["broken", "waits"], 1)
    assert pool.done.index("talk.run0") < pool.done.index("splats.run0")
    assert {"talk/talk.mp4", "splats/moment.ply"} <= set(files_of(tmp_path))
    rows = list(csv.DictReader((tmp_path / "status.csv").open()))
    assert [row["state"] for row in rows] == [states[row["job"]] for row in rows]
    assert "nothing" in next(row["message"] for row in rows if row["job"] == "broken")
    page = (tmp_path / "index.html").read_text()
    assert "2 done" in page
    assert "1 failed" in page
    assert 'src=".batch/talk.jpg"' in page
    assert (tmp_path / ".batch" / "talk.jpg").read_bytes().startswith(b"\xff\xd8")
    record = json.loads((tmp_path / ".batch" / "talk.json").read_text())
    assert record["cpu_seconds"] > 0
    assert record["output_mb"] > 0


def test_what_is_done_is_not_done_again_and_what_changed_is(material, tmp_path):
    good = "\n".join(ROWS.splitlines()[:3])
    run_jobs(jobs_of(material, good), place_at(tmp_path), Here())
    again = Here()
    assert run_jobs(jobs_of(material, good), place_at(tmp_path), again).already == 2
    assert again.done == []
    other = Here()
    (tmp_path / "talk" / "old.txt").write_text("of before")
    run_jobs(jobs_of(material, good.replace("head,,moment", "head,,other")), place_at(tmp_path), other)
    assert other.done == ["splats.run0"]
    save_sound(material / "a.wav", 1.4)
    other = Here()
    run_jobs(jobs_of(material, good), place_at(tmp_path), other)
    assert other.done == ["talk.run0", "splats.run0"]
    assert set(files_of(tmp_path)) == {"talk/talk.mp4", "splats/moment.ply"}
    (tmp_path / "talk" / "talk.mp4").unlink()
    run_jobs(jobs_of(material, good), place_at(tmp_path), other)
    assert other.done[2:] == ["talk.run0"]


def test_a_lost_worker_is_replaced_so_often_and_no_more(material, tmp_path):
    good = "\n".join(ROWS.splitlines()[:2])
    left = [Lost("killed")] * 3
    outcome = run_jobs(jobs_of(material, good), place_at(tmp_path), Here(lambda task: left.pop() if left else None))
    assert (outcome.records["talk"].state, outcome.records["talk"].tries) == ("done", 4)
    left = [Lost("killed")] * 3
    tired = run_jobs(
        jobs_of(material, good), place_at(tmp_path / "b"), Here(lambda task: left.pop() if left else None), retries=2
    )
    assert tired.records["talk"].state == "failed"
    assert "killed (3 times" in tired.records["talk"].message


def test_a_second_batch_in_the_same_folder_is_refused(material, tmp_path):
    place = place_at(tmp_path)
    with place.alone(), pytest.raises(BusyError, match="a batch in"):
        run_jobs(jobs_of(material, ROWS), place, Here())


@pytest.mark.parametrize("name", ["talk.mp4", "pictures"])
def test_a_video_drawn_in_shares_is_the_same_to_the_byte(material, tmp_path, monkeypatch, name):
    monkeypatch.setattr(video, "PART_SECONDS", 0.2)
    rows = f"verb,name,head,audio,out,shares\nrender,talk,head,a.wav,{name},SHARES\n"
    lost = [Lost("killed")]
    shared = Here(lambda task: lost.pop() if task.step == DRAW and task.share == 1 and lost else None)
    for shares, pool in ((1, Here()), (3, shared)):
        outcome = run_jobs(
            jobs_of(material, rows.replace("SHARES", str(shares))), place_at(tmp_path / str(shares)), pool
        )
        assert outcome.exit_status == 0, outcome.records
    assert sorted(shared.done) == ["talk.begin0", "talk.draw0", "talk.draw1", "talk.draw2", "talk.finish0"]
    one, three = files_of(tmp_path / "1"), files_of(tmp_path / "3")
    assert one.keys() == three.keys()
    assert one == three


def test_work_at_an_address_is_kept_brought_and_published(material, tmp_path, monkeypatch):
    pytest.importorskip("fsspec")
    monkeypatch.setenv("GAUSSIAN_HEAD_SCRATCH", str(tmp_path / "scratch"))
    monkeypatch.setattr(video, "PART_SECONDS", 0.2)
    rows = "verb,name,head,audio,out,shares,motion\nrender,talk,head,a.wav,,3,\nexport,m,head,,m.json,,\n"
    rows = "verb,name,head,audio,out,shares,motion\ndirect,m,head,a.wav,m.json,,\nrender,talk,head,a.wav,,3,$m/m.json\n"
    here = run_jobs(jobs_of(material, rows), place_at(tmp_path / "here"), Here())
    assert here.exit_status == 0, here.records
    place = place_at(f"file://{tmp_path / 'there'}")
    there = run_jobs(jobs_of(material, rows), place, Here())
    assert there.exit_status == 0, there.records
    assert files_of(tmp_path / "here") == files_of(tmp_path / "there")
    assert run_jobs(jobs_of(material, rows), place, Here()).already == 2
    assert not list((tmp_path / "scratch").rglob("talk.run0"))
