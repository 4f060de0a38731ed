"""Jobs are read from YAML and tables by the verbs' own options; what is wrong is named with what is near."""

from __future__ import annotations

from dataclasses import fields

import pytest

from gaussian_head.batch.jobs import OWN, makes, read_jobs
from gaussian_head.checks import InputError
from gaussian_head.verbs import VERBS

YAML = """
defaults:
  reconstruct: {preset: preview, size: 256}
jobs:
  - {name: talk, verb: render, head: $anna/head, audio: a.wav, size: 64x48, blink: no, out: talk.webm, shares: 3}
  - {name: anna, verb: reconstruct, source: anna.mp4, cpus: 2, memory: 3.5}
  - {verb: evaluate, head: $anna/head, after: talk}
"""


def read(tmp_path, text: str, name: str = "jobs.yaml"):
    (tmp_path / name).write_text(text)
    return read_jobs(tmp_path / name, VERBS)


def test_a_list_in_yaml(tmp_path):
    pytest.importorskip("yaml")
    anna, talk, judged = read(tmp_path, YAML)
    assert (anna.name, anna.verb.name, anna.cpus, anna.memory, anna.shares) == ("anna", "reconstruct", 2.0, 3.5, 1)
    assert anna.options == {"source": [str(tmp_path / "anna.mp4")], "out": ".", "preset": "preview", "size": 256}
    assert talk.after == ("anna",)
    assert talk.options["head"] == "$anna/head"
    assert talk.options["audio"] == str(tmp_path / "a.wav")
    assert (talk.options["size"], talk.options["blink"], talk.out, talk.shares) == ("64x48", False, "talk.webm", 3)
    assert judged.name == "evaluate-head"
    assert judged.after == ("talk", "anna")


def test_a_table_has_the_same(tmp_path):
    rows = "verb,name,source,head,audio,size,seed,pose\nreconstruct,,a/ben.mp4,,,256,3,\n"
    rows += 'render,"say","",$reconstruct-ben/head,x.wav,720,,"nods twice, then looks left"\n'
    ben, say = read(tmp_path, rows, "jobs.csv")
    assert (ben.name, ben.options["size"], ben.options["seed"]) == ("reconstruct-ben", 256, 3)
    assert (say.options["size"], say.out, say.after) == (720, "say.mp4", ("reconstruct-ben",))
    assert say.options["pose"] == "nods twice, then looks left"


def test_a_word_is_a_file_only_where_there_is_one(tmp_path):
    rows = "verb,name,head,camera\nrender,a,h,front\nrender,b,h,mine\n"
    (tmp_path / "mine").write_text("")
    a, b = read(tmp_path, rows, "jobs.csv")
    assert "camera" not in a.options
    assert b.options["camera"] == str(tmp_path / "mine")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("name: a, verb: rendr, head: h", "'rendr', which is no verb; did you mean 'render'"),
        ("name: a, verb: render, haed: h", "'haed', which is no field of render; did you mean 'head'"),
        ("name: a, verb: render, head: h, sise: 3", "did you mean 'size'"),
        ("name: a, verb: render, head: h, resume: true", "'resume', which is no field of render"),
        ("name: a, verb: render, head: h, seed: soon", r"a\.seed is 'soon'; int was wanted"),
        ("name: a, verb: render, head: h, pose_range: wide", "pose_range is 'wide'; choose one of 'subject', 'free'"),
        ("name: a, verb: render", "job a lacks head"),
        ("name: a, verb: reconstruct, source: a.mp4, shares: 4", "one worker at a time can reconstruct"),
        ("name: a, verb: render, head: h, after: b", "'b', which is no job to wait for; did you mean 'a'"),
        ("name: a, verb: render, head: $a/head", "wait for each other"),
        ("name: a, verb: render, head: h, out: ../b.mp4", "a name within the job's own folder"),
        ("name: a, verb: export, head: h", "job a has no out"),
        ("name: ../a, verb: render, head: h", "letters, digits"),
        ("name: a, verb: render, head: h, cpus: many", "cpus is 'many'"),
        ("name: a, verb: train, capture: c, device: 'cuda:1'", "a GPU of its own.*write cuda"),
        ("name: a, verb: train, capture: c, device: cuda, gpus: 0", "device: cuda and gpus: 0"),
        ("name: a, verb: doctor", "'doctor', which is no verb"),
        ("name: a, verb: batch, jobs: b", "'batch', which is no verb"),
        ("head: h", "has no verb"),
    ],
)
def test_mistakes_are_named(tmp_path, row, words):
    pytest.importorskip("yaml")
    with pytest.raises(InputError, match=words):
        read(tmp_path, f"- {{{row}}}")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("jobs.yaml", "- {verb: render", "no YAML"),
        ("jobs.yaml", "verb: render", "hold no list"),
        ("jobs.yaml", "[]", "are none"),
        ("jobs.yaml", "jobs: []\nworkers: 3", "'workers', which is no part"),
        ("jobs.yaml", "- render", "fields with values"),
        ("jobs.csv", "verb,head\nrender,h,x\n", "line 2 has more cells"),
        ("jobs.csv", "", "are none"),
        ("jobs.txt", "", "ends? in '.txt'"),
    ],
)
def test_files_that_are_no_jobs(tmp_path, name, text, words):
    pytest.importorskip("yaml")
    with pytest.raises(InputError, match=words):
        read(tmp_path, text, name)


def test_two_of_one_name(tmp_path):
    with pytest.raises(InputError, match="two jobs called 'render-h'"):
        read(tmp_path, "verb,head\nrender,h\nrender,h\n", "jobs.csv")


def test_no_verb_has_a_field_that_jobs_have():
    verbs = [verb for verb in VERBS.values() if makes(verb)]
    assert {"reconstruct", "render", "dub", "evaluate", "export", "track", "train"} <= {verb.name for verb in verbs}
    assert not {option.name for verb in verbs for option in fields(verb.options)} & set(OWN)


def test_a_job_on_cuda_has_a_gpu_and_others_have_none(tmp_path):
    pytest.importorskip("yaml")
    text = """
- {name: plain, verb: train, capture: c}
- {name: there, verb: train, capture: c, device: cuda}
- {name: half, verb: train, capture: c, device: cuda, gpus: 0.5}
- {name: here, verb: render, head: h, device: cpu}
- {name: drawn, verb: render, head: h}
- {name: export, verb: export, head: h, out: a.ply}
"""
    said = {job.name: job.gpus for job in read(tmp_path, text)}
    assert said == {"plain": 0, "there": 1, "half": 0.5, "here": 0, "drawn": 0, "export": 0}
    for_all = {job.name: job.gpus for job in read_jobs(tmp_path / "jobs.yaml", VERBS, device="cuda")}
    assert for_all == {"plain": 1, "there": 1, "half": 0.5, "here": 0, "drawn": 1, "export": 0}
