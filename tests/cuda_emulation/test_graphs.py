"""Training whose steps are launches of a graph: the bits of training whose steps are not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
import torch
from recorder import Kernels, Recorder

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "training"))
from support_capture import make_capture
from test_train import CONFIG, INIT
from torch import Tensor

from gaussian_head.capture import Capture
from gaussian_head.head import Head, initial_head
from gaussian_head.kernels import _door
from gaussian_head.metrics import image
from gaussian_head.raster import frames, room
from gaussian_head.training import graphs, loop, steps
from gaussian_head.training.data import Recorded, load_frame
from gaussian_head.training.state import TrainState, new_state, pack
from gaussian_head.training.stepping import Filming

FEW = replace(INIT, face_stride=6.0, torso_stride=8.0, back_stride=12.0, mouth_stride=6.0)
COARSE, FINE = (replace(stage, resolution=0.25) for stage in CONFIG.stages[:2])
RUN = replace(
    CONFIG,
    stages=(replace(COARSE, iterations=19, densify=True), replace(FINE, iterations=24, densify=False)),
    densify_every=10,
    batch=2,
)


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Capture:
    return make_capture(tmp_path_factory.mktemp("silent") / "capture", num_frames=6, sound=False)[0]


@pytest.fixture(autouse=True)
def _graphs(device: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The emulated device in place of CUDA, its kernels in one order of threads."""
    if _door.compiled() is None:
        pytest.skip("this installation has no compiled kernels")
    kernels = Kernels(device)
    monkeypatch.setattr(_door, "on", lambda _: kernels)
    monkeypatch.setattr(frames, "choose_backend", lambda *_: "cuda")
    monkeypatch.setattr(graphs, "can_capture", lambda _: True)
    monkeypatch.setattr(graphs, "Recorder", Recorder)
    monkeypatch.setattr(Recorder, "device", device, raising=False)
    monkeypatch.setattr(image, "_require_pair", lambda *_: None)  # looks at pictures on the CPU only
    monkeypatch.setattr(Recorder, "recorded", 0)
    yield
    device.forget_graphs()


@cache
def start(capture: Capture) -> Head:
    return initial_head(capture, FEW)


def fresh(capture: Capture) -> TrainState:
    return new_state(start(capture), capture.num_frames, RUN.rates)


def trained(capture: Capture) -> dict[str, Tensor]:
    state = fresh(capture)
    loop.run(state, capture, RUN, save=lambda state: None)
    return pack(state)


def different(have: dict[str, Tensor], want: dict[str, Tensor]) -> list[str]:
    return [name for name, value in want.items() if not torch.equal(have[name], value)]


@pytest.fixture(scope="module")
def plain() -> dict[str, dict[str, Tensor]]:
    """What training without graphs gives, found once."""
    return {}


def without_graphs(plain: dict, capture: Capture) -> dict[str, Tensor]:
    if not plain:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(graphs, "WARM", 10**9)
            plain["state"] = trained(capture)
    return plain["state"]


def test_a_run_of_graphs_gives_the_bits_of_a_run_of_steps(
    silent: Capture, plain: dict, caplog: pytest.LogCaptureFixture
) -> None:
    want = without_graphs(plain, silent)
    assert Recorder.recorded == 0
    assert different(trained(silent), want) == []
    assert Recorder.recorded == 4  # steps before and after the growth and in the second stage, and what holds them
    assert "without CUDA graphs" not in caplog.text


def test_a_frame_number_that_a_graph_does_not_find_anew_shows(
    silent: Capture, plain: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "CHANGING", ("rgb", "alpha", "parts", "weight"))
    assert "params.pose.corrections" in different(trained(silent), without_graphs(plain, silent))


def test_what_cannot_be_captured_is_run_and_the_log_says_why(
    silent: Capture, plain: dict, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuses(*_: object) -> None:
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(Recorder, "record", refuses)
    assert different(trained(silent), without_graphs(plain, silent)) == []
    assert "goes on without CUDA graphs: operation not permitted" in caplog.text


def test_a_graph_whose_pictures_lack_room_is_captured_anew(silent: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "SPARE", 1)
    state, filming = fresh(silent), Filming.of(silent, 0.25)
    state.set_rates(0.0, 1)
    picture = [load_frame(Recorded(silent), 0, 0.25, RUN.weights)]
    taking = steps.Steps(state, [filming], RUN, FINE, lambda: None)
    for _ in range(3):
        taking.take(picture)
    assert (Recorder.recorded, taking.replays) == (1, 1)
    with torch.no_grad():
        for branch in ("face", "torso", "mouth"):
            state.params[f"{branch}.log_scales"] += 1.5
    lacking = taking.take(picture)
    assert filming.room.lacked()
    whole = taking.take(picture)
    assert not torch.equal(lacking, whole)
    assert torch.equal(taking.take(picture), whole)
    assert torch.equal(taking.take(picture), whole)
    assert (Recorder.recorded, taking.replays) == (2, 3)


def test_other_cameras_and_the_cpu_take_plain_steps(silent: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    filming = Filming.of(silent, 0.25)
    several = steps.Steps(fresh(silent), [filming, filming], RUN, FINE, lambda: None)
    monkeypatch.setattr(graphs, "can_capture", lambda _: False)
    state = fresh(silent)
    assert state.rates is None
    for taking in (several, steps.Steps(state, [filming], RUN, FINE, lambda: None)):
        for t in (0, 1, 2, 3):
            taking.take([load_frame(Recorded(silent), t, 0.25, RUN.weights)])
        assert taking.replays == 0
    assert Recorder.recorded == 0


def test_rates_on_a_device_are_those_of_the_cpu(silent: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    there = fresh(silent)
    monkeypatch.setattr(graphs, "can_capture", lambda _: False)
    here = fresh(silent)
    for state in (there, here):
        state.set_rates(0.3, 4)
    for ours, theirs in zip(there.optimizer.param_groups, here.optimizer.param_groups, strict=True):
        assert float(ours["lr"]) == pytest.approx(theirs["lr"], rel=1e-6)
        assert ours["betas"] == theirs["betas"]
