"""Training on a device that is not the CPU: emulated by torch's own means, so that nothing may stay behind or wait.

Run by ``test_devices.py`` in a process of its own: torch asks for its devices once, at the first backward pass.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import support_device
import torch
from support_capture import make_capture
from test_train import CONFIG, INIT

from gaussian_head.head import initial_head
from gaussian_head.kernels import CPU
from gaussian_head.rendering import frames
from gaussian_head.rendering.frames import render_moment
from gaussian_head.training import loop, stepping
from gaussian_head.training.data import Recorded, load_frame
from gaussian_head.training.observing import snapshot
from gaussian_head.training.state import new_state, pack, unpack

FEW = replace(INIT, face_stride=6.0, torso_stride=8.0, back_stride=12.0, mouth_stride=6.0)
RUN = replace(
    CONFIG,
    stages=(
        replace(CONFIG.stages[0], iterations=4, resolution=0.25),
        replace(CONFIG.stages[1], iterations=4, resolution=0.25),
    ),
    densify_every=3,
    batch=2,
)


@pytest.fixture(scope="module")
def silent(tmp_path_factory):
    return make_capture(tmp_path_factory.mktemp("silent") / "capture", sound=False)[0]


@pytest.fixture
def emulated():
    device = support_device.install()
    with support_device.Factories():
        yield device


@pytest.fixture(autouse=True)
def _by_torch(monkeypatch):
    """Both devices draw by the reference."""
    monkeypatch.setattr("gaussian_head.raster.frames.choose_backend", lambda *_: "reference")


def trained(capture, device):
    state = new_state(initial_head(capture, FEW), capture.num_frames, RUN.rates, device=device)
    told = []
    loop.run(state, capture, RUN, save=lambda state: None, observer=told.append)
    return state, told


def test_a_whole_run_stays_on_its_device_and_gives_what_the_cpu_gives(silent, emulated):
    there, told = trained(silent, emulated)
    here, _ = trained(silent, CPU)
    assert all(value.device == emulated for name, value in pack(there).items() if name != "step")
    assert [done.step for done in told] == [4, 8]
    want = pack(here)
    for name, value in pack(there).items():
        got = value.cpu()
        assert got.shape == want[name].shape, name
        assert (got.double() - want[name].double()).norm() <= 2e-3 * want[name].double().norm() + 1e-6, name
    head = snapshot(there)
    assert {value.device for branch in head.branches for value in branch.tensors().values()} == {CPU}
    assert head.background.device == CPU


def test_a_checkpoint_goes_on_on_another_device(silent, emulated):
    there, _ = trained(silent, emulated)
    saved = {name: value.cpu() for name, value in pack(there).items()}
    back = unpack(saved, initial_head(silent, FEW), RUN.rates, emulated)
    for name, value in pack(back).items():
        assert torch.equal(value.cpu(), saved[name]), name


def test_a_step_waits_for_nothing_but_its_drawing(silent, emulated, monkeypatch):
    """What the reference rasterizer reads does not count: the kernels have their own tests of that."""
    state = new_state(initial_head(silent, FEW), silent.num_frames, RUN.rates, device=emulated)
    filming, recorded = stepping.Filming.of(silent, 0.25, emulated), Recorded(silent, emulated)
    frames = [load_frame(recorded, t, 0.25, RUN.weights) for t in (3, 5)]
    loop._set_rates(state, RUN.stages[1], 0.0, 2)
    stepping.step(state, frames, [filming], RUN, RUN.stages[1])  # what is asked once
    drawn = stepping.rasterize_frames

    def uncounted(*args, **kwargs):
        before = support_device.reads.copy()
        out = drawn(*args, **kwargs)
        support_device.reads.clear()
        support_device.reads.update(before)
        return out

    monkeypatch.setattr(stepping, "rasterize_frames", uncounted)
    support_device.reads.clear()
    stepping.step(state, frames, [filming], RUN, RUN.stages[1])
    assert +support_device.reads == {}


def test_frames_cross_to_a_device_once(silent, emulated):
    recorded = Recorded(silent, emulated, keep_bytes=3 * silent.frame(0).image.nbytes)
    first = [recorded.pixels(t) for t in (0, 1, 2)]
    again = [recorded.pixels(t) for t in (0, 1, 2)]
    assert [a is b for a, b in zip(first, again, strict=True)] == [True, False, False]  # room for one only
    assert first[0].dtype == torch.uint8
    assert first[0].device == emulated
    there, here = (load_frame(one, 1, 0.5, RUN.weights) for one in (recorded, Recorded(silent)))
    for name in ("rgb", "alpha", "parts", "weight"):
        torch.testing.assert_close(getattr(there, name).cpu(), getattr(here, name))


def test_mixing_devices_shows(emulated):
    with pytest.raises(RuntimeError, match="mixes devices"):
        torch.ones(3, device=emulated) + torch.ones(3)


def test_a_moment_is_drawn_on_a_device_and_comes_back(silent, emulated, monkeypatch):
    """What `view`, `evaluate` and `dub` draw: with parts, sizes and backgrounds, the head kept there."""
    head = initial_head(silent, FEW)
    moment = silent.motion.at(3)
    camera = silent.camera.resized(24, 24)
    plate = torch.rand(24, 24, 3)
    monkeypatch.setattr("gaussian_head.raster.api.choose_backend", lambda *_: "reference")
    monkeypatch.setattr("gaussian_head.rendering.frames.drawing_device", lambda: CPU)
    asked = [{}, {"parts": ("face", "mouth")}, {"scale_modifier": 0.5}]
    want = [render_moment(head, moment, camera, background=plate, **options) for options in asked]
    monkeypatch.setattr("gaussian_head.rendering.frames.drawing_device", lambda: emulated)
    have = [render_moment(head, moment, camera, background=plate, **options) for options in asked]
    for one, other in zip(have, want, strict=True):
        for name in ("rgb", "alpha", "depth"):
            assert getattr(one, name).device == CPU
            torch.testing.assert_close(getattr(one, name), getattr(other, name), rtol=1e-4, atol=1e-5)
    copies = [copy for original, _, copy in frames._residents if original() is head]
    assert len(copies) == 1
