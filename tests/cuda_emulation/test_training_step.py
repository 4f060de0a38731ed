"""Whole steps of training by the CUDA kernels on the emulated device: nothing waits, nothing is allocated."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch
from test_frames import clip

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "training"))
from support_capture import make_capture
from test_train import CONFIG, INIT

from gaussian_head.capture import Capture
from gaussian_head.head import initial_head
from gaussian_head.raster import frames
from gaussian_head.raster.frames import rasterize_frames
from gaussian_head.raster.room import Room
from gaussian_head.training import loop, stepping
from gaussian_head.training.data import Recorded, load_frame
from gaussian_head.training.state import new_state, pack

FEW = replace(INIT, face_stride=6.0, torso_stride=8.0, back_stride=12.0, mouth_stride=6.0)
STEPS, WARM = 4, 2


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Capture:
    return make_capture(tmp_path_factory.mktemp("silent") / "capture", num_frames=6, sound=False)[0]


@pytest.fixture
def in_rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "choose_backend", lambda *_: "cuda")


def steps(device: ModuleType, capture: Capture, *, captured: bool, absgrad: bool) -> dict[str, torch.Tensor]:
    """The state after some steps of two frames, all but the first two captured into one graph."""
    config = replace(CONFIG, batch=2, absgrad=absgrad)
    stage = config.stages[1]
    state = new_state(initial_head(capture, FEW), capture.num_frames, config.rates)
    filming, recorded = stepping.Filming.of(capture, 0.25), Recorded(capture)
    if not captured:
        filming = replace(filming, room=Fresh())
    loop._set_rates(state, stage, 0.0, 2)
    pairs = [(i % 3, 3 + i % 3) for i in range(STEPS)]
    seen = [[load_frame(recorded, t, 0.25, config.weights) for t in pair] for pair in pairs]
    for i, loaded in enumerate(seen):
        if captured and i == WARM:
            device.use_capture(True)
            before = device.waits(), device.allocations()
        stepping.step(state, loaded, [filming], config, stage)
    if captured:
        assert (device.waits(), device.allocations()) == before
        device.use_capture(False)
    return pack(state)


class Fresh(Room):
    """Asks the device for every picture, as where there is no room."""

    def draw(self, *arguments: object) -> object:
        self.measure()
        return super().draw(*arguments)  # type: ignore[arg-type]


@pytest.mark.usefixtures("in_rooms")
@pytest.mark.parametrize("absgrad", [False, True])
def test_steps_can_be_captured_and_give_the_bits_of_those_that_wait(
    quiet_device: ModuleType, silent: Capture, absgrad: bool
) -> None:
    launches = quiet_device.launches()
    want = steps(quiet_device, silent, captured=False, absgrad=absgrad)
    assert quiet_device.launches() - launches > 40
    have = steps(quiet_device, silent, captured=True, absgrad=absgrad)
    for name, value in want.items():
        assert torch.equal(have[name], value), name
    assert want["pull"].max() > 0


def alive() -> int:
    """Bytes of tensors that something holds."""
    held = [value for value in gc.get_objects() if isinstance(value, torch.Tensor)]
    return sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in held}.values())


@pytest.mark.usefixtures("in_rooms", "quiet_device")
def test_nothing_of_a_step_stays_after_it(silent: Capture) -> None:
    """Neither for the collector of cycles: launches of a graph make no garbage that would call it."""
    config = replace(CONFIG, batch=2)
    state = new_state(initial_head(silent, FEW), silent.num_frames, config.rates)
    filming, recorded = stepping.Filming.of(silent, 0.25), Recorded(silent)
    frames = [load_frame(recorded, t, 0.25, config.weights) for t in (0, 3)]
    gc.collect()
    gc.disable()
    try:
        held = []
        for _ in range(4):
            stepping.step(state, frames, [filming], config, config.stages[1])
            held.append(alive())
    finally:
        gc.enable()
    assert held[3] <= held[1], held


@pytest.mark.usefixtures("in_rooms")
def test_a_step_that_waits_cannot_be_captured(quiet_device: ModuleType) -> None:
    room, scene = Room(), clip()
    rasterize_frames(**scene, room=room)
    quiet_device.use_capture(True)
    with pytest.raises(RuntimeError, match=r"capturing|captured"):
        rasterize_frames(**scene)


@pytest.mark.usefixtures("in_rooms")
def test_a_picture_that_lacked_room_gets_more_the_next_time(quiet_device: ModuleType) -> None:
    room, few, many = Room(), clip(20), clip(400)
    want = rasterize_frames(**many).rgb
    rasterize_frames(**few, room=room)
    assert not torch.equal(rasterize_frames(**many, room=room).rgb, want)
    assert torch.equal(rasterize_frames(**many, room=room).rgb, want)
    room = Room()
    rasterize_frames(**few, room=room)
    room.measure()
    assert torch.equal(rasterize_frames(**many, room=room).rgb, want)


@pytest.mark.usefixtures("in_rooms")
def test_gradients_of_a_picture_whose_room_was_used_again_are_refused(quiet_device: ModuleType) -> None:
    room, scene = Room(), clip()
    scene["means"].requires_grad_()
    first = rasterize_frames(**scene, room=room)
    rasterize_frames(**scene, room=room).rgb.sum().backward()
    with pytest.raises(RuntimeError, match="drawn into again"):
        first.rgb.sum().backward()


@pytest.fixture
def quiet_device(device: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The emulated device in one order of threads."""
    import cuda_emulation_build

    from gaussian_head.kernels import _door

    if _door.compiled() is None:
        pytest.skip("this installation has no compiled kernels")
    monkeypatch.setattr(_door, "on", lambda _: cuda_emulation_build.StandIn(device))
    yield device
    device.use_capture(False)
    device.forget_graphs()
