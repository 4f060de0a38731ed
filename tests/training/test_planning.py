"""What a run is said to take, before it begins, beside what was measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from support_capture import make_capture
from test_train import CONFIG

from gaussian_head.events import Progress, Said, Warned
from gaussian_head.training import PRESETS, overridden, planned_core_seconds, planned_memory, planning, train
from gaussian_head.training.observing import StopTraining

MEASURED = json.loads((Path(__file__).parents[1] / "bench" / "full.json").read_text())
BAND = 1.25
"""Factor within which core seconds come true on the machine that was measured."""


@pytest.mark.parametrize("row", MEASURED, ids=lambda row: f"{row['clip']} {row['preset']} {row['stage']}")
def test_what_was_measured_is_what_is_planned(row):
    preset = overridden(PRESETS[row["preset"]], row["set"])
    stage = next(stage for stage in preset.stages if stage.name == row["stage"])
    one = replace(preset, stages=(replace(stage, iterations=1),))
    seconds = planned_core_seconds(one, *row["size"], row["gaussians"])
    assert row["core_seconds_a_frame"] / BAND <= seconds <= row["core_seconds_a_frame"] * BAND
    plan = planned_memory(replace(preset, max_gaussians=row["gaussians"]), *row["size"], row["frames_seen"], "cpu")
    assert row["peak_mib"] <= plan.total / 2**20 <= 1.6 * row["peak_mib"]


def test_a_plan_counts_growth_and_what_is_left():
    full = PRESETS["full"]
    whole = planned_core_seconds(full, 1024, 1024, 60_000)
    most = planned_core_seconds(full, 1024, 1024, 100_000)
    assert 0.95 * most < whole < most  # nearly all of it at the most Gaussians
    assert planned_core_seconds(full, 512, 512, 60_000) < 0.7 * whole
    halves = planned_core_seconds(full, 1024, 1024, 100_000, done=full.iterations // 2)
    assert 0.4 * most < halves < 0.6 * most
    assert planned_core_seconds(full, 1024, 1024, 100_000, done=full.iterations) == 0


def test_it_is_told_before_the_first_step(tmp_path):
    capture, _ = make_capture(tmp_path / "capture", sound=False)
    told = []

    def stop(done):
        raise StopTraining

    train(capture, tmp_path / "head", CONFIG, listener=told.append, observer=stop)
    steps = [i for i, event in enumerate(told) if isinstance(event, Progress)]
    plans = [i for i, event in enumerate(told) if isinstance(event, Said) and event.message.startswith("training: ")]
    assert len(plans) == 1
    assert not steps or plans[0] < steps[0]
    words = told[plans[0]].message
    assert f"{CONFIG.iterations} frames of 96 x 96, up to {CONFIG.max_gaussians} Gaussians" in words
    assert "about 1 minutes of an AMD EPYC core, at most" in words


@pytest.mark.parametrize(("free", "warned"), [(1, True), (80, False)])
def test_a_gpu_with_less_memory_than_planned_is_told(monkeypatch, free, warned):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free * 2**30, 80 * 2**30))
    state = SimpleNamespace(device=torch.device("cuda", 1), step=100, pull=torch.zeros(5))
    filmed = SimpleNamespace(camera=SimpleNamespace(width=1024, height=1024), capture=SimpleNamespace(num_frames=2500))
    told = []
    full = replace(PRESETS["full"], batch=4)
    planning.tell_plan(full, [filmed], state, told.append)
    assert told[0].message == (
        "training: 39900 frames of 1024 x 1024, up to 100000 Gaussians; about 6.3 GiB of cuda:1's memory"
    )
    assert [type(event) for event in told[1:]] == [Warned] * warned
    assert not warned or "--set batch=1" in told[1].message
