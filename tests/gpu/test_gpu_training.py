"""Training on a real device: as on the CPU within a band, and the same bits twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from support_capture import make_capture
from torch import Tensor

from gaussian_head.capture import Capture
from gaussian_head.head import InitConfig, initial_head
from gaussian_head.training import Stage, TrainConfig, graphs, loop, steps
from gaussian_head.training.state import new_state, pack

INIT = InitConfig(face_stride=2.0, torso_stride=3.0, mouth_frames=1, learned=2)
STAGE = Stage(name="x", iterations=40, resolution=1.0, densify=True, refine_pose=True)
CONFIG = TrainConfig(init=INIT, stages=(STAGE,), densify_every=15, max_gaussians=3000)


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Capture:
    folder: Path = tmp_path_factory.mktemp("silent")
    return make_capture(folder / "capture", sound=False)[0]


def trained(capture: Capture, device: str, batch: int) -> tuple[dict[str, Tensor], float]:
    """The state after 40 frames, and the mean PSNR of the last 20, dB."""
    state = new_state(initial_head(capture, INIT), capture.num_frames, CONFIG.rates, device=torch.device(device))
    seen: list[loop.StepDone] = []
    loop.run(state, capture, replace(CONFIG, batch=batch), save=lambda state: None, observer=seen.append)
    last = [done.psnr for done in seen if done.step > STAGE.iterations - 20]
    return {name: value.cpu() for name, value in pack(state).items()}, sum(last) / len(last)


@pytest.mark.gpu
@pytest.mark.parametrize("batch", [1, 4])
def test_as_on_the_cpu_and_twice_the_same(silent: Capture, batch: int) -> None:
    want, psnr_there = trained(silent, "cpu", batch)
    have, psnr_here = trained(silent, "cuda", batch)
    again, _ = trained(silent, "cuda", batch)
    assert psnr_here == pytest.approx(psnr_there, abs=0.3)
    assert all(torch.equal(value, again[name]) for name, value in have.items())
    assert abs(len(have["pull"]) - len(want["pull"])) <= 0.02 * len(want["pull"])


@pytest.mark.gpu
@pytest.mark.parametrize("batch", [1, 4])
def test_launches_of_a_graph_give_the_bits_of_steps(
    silent: Capture, batch: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    launched: list[int] = []
    closing = steps.Steps.close

    def close(taking: steps.Steps) -> None:
        launched.append(taking.replays)
        closing(taking)

    monkeypatch.setattr(steps.Steps, "close", close)
    have, _ = trained(silent, "cuda", batch)
    assert launched[0] >= (30 if batch == 1 else 2)
    assert "without CUDA graphs" not in caplog.text
    monkeypatch.setattr(graphs, "WARM", 10**9)
    want, _ = trained(silent, "cuda", batch)
    assert launched[1] == 0
    assert all(torch.equal(value, want[name]) for name, value in have.items())
