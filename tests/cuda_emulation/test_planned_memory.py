"""The memory that a run is said to take, beside what a whole step takes on the emulated device."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import cuda_emulation_build
import pytest
import torch
from support_capture import make_capture

from gaussian_head.head import InitConfig, initial_head
from gaussian_head.kernels import _door
from gaussian_head.raster import frames
from gaussian_head.training import PRESETS, planned_memory, stepping
from gaussian_head.training.data import Recorded, load_frame
from gaussian_head.training.state import new_state, pack

GIB = 2**30


def most_allocated(prof: torch.profiler.profile) -> int:
    """Bytes of torch's tensors at their most within a profile, beyond those before."""
    events = [event for event in prof.profiler.kineto_results.events() if event.name() == "[memory]"]  # type: ignore[union-attr]
    now = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        most = max(most, now)
    return most


@pytest.mark.parametrize(("batch", "resolution"), [(1, 0.5), (2, 0.25)])
def test_a_step_takes_what_is_planned(
    device: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int, resolution: float
) -> None:
    if _door.compiled() is None:
        pytest.skip("this installation has no compiled kernels")
    monkeypatch.setattr(_door, "on", lambda _: cuda_emulation_build.StandIn(device))
    monkeypatch.setattr(frames, "choose_backend", lambda *_: "cuda")
    capture, _ = make_capture(tmp_path / "capture", num_frames=6, sound=False)
    head = initial_head(capture, InitConfig(face_stride=3.0, torso_stride=5.0, back_stride=8.0, mouth_frames=1))
    stage = replace(PRESETS["standard"].stages[1], resolution=resolution)
    config = replace(PRESETS["standard"], batch=batch, max_gaussians=len(head), stages=(stage,))
    state = new_state(head, capture.num_frames, config.rates)
    filming, recorded = stepping.Filming.of(capture, resolution), Recorded(capture)
    seen = [load_frame(recorded, t, resolution, config.weights) for t in range(batch)]
    for _ in range(2):
        stepping.step(state, seen, [filming], config, stage)
    state.optimizer.zero_grad(set_to_none=True)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as prof:
        stepping.step(state, seen, [filming], config, stage)
    plan = planned_memory(config, capture.camera.width, capture.camera.height, capture.num_frames)
    held = sum(value.nbytes for value in pack(state).values())
    measured = held + most_allocated(prof)
    assert measured <= plan.state + plan.step / 2 <= 2 * measured
    assert filming.room._plan.bytes() <= plan.kernels


def test_a_large_run_at_512_fits_six_gib_and_a_full_one_at_1024_eight() -> None:
    large = replace(PRESETS["full"], batch=4)
    assert large.max_gaussians == 100_000
    assert planned_memory(large, 512, 512, 2500).total <= 6 * GIB
    assert planned_memory(large, 1024, 1024, 2500).total <= 8 * GIB
    assert planned_memory(replace(large, batch=8), 512, 512, 2500).total <= 6 * GIB
