"""What may go wrong on a device and not on an emulated one, brought about: other rounding, streams, graphs, memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import cuda_emulation_build
import pytest
import torch
from test_frames import draw_into
from test_raster import rendered

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "raster"))
from raster_scenes import random_scene

from gaussian_head.kernels import _device, _door


@pytest.fixture
def quiet(device: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The emulated device in one order of threads, and as it was afterwards."""
    if _door.compiled() is None:
        pytest.skip("this installation has no compiled kernels")
    monkeypatch.setattr(_door, "on", lambda _: cuda_emulation_build.StandIn(device))
    yield device
    device.use_miscount(0)
    device.use_memory(-1)
    device.use_driver(13000, True)
    device.use_capture(False)


def singles(scene: dict) -> dict:
    return {name: v.float() if isinstance(v, torch.Tensor) else v for name, v in scene.items()}


@pytest.mark.parametrize("more", [1, 3])
def test_tiles_counted_and_not_listed_change_nothing(quiet: ModuleType, more: int) -> None:
    scene = singles(random_scene(150, cameras=2, extra=1))
    want, want_grads = rendered("cpu", scene)
    quiet.use_miscount(more)
    have, have_grads = rendered("cpu", scene)
    for name in ("rgb", "alpha", "depth", "extra"):
        assert torch.equal(getattr(have, name), getattr(want, name)), name
    for name, grad in want_grads.items():
        assert grad is None or torch.allclose(have_grads[name], grad, rtol=1e-5, atol=1e-6), (
            name
        )  # summed in other fours


def test_tiles_listed_and_not_counted_cost_their_splat_a_tile_and_nobody_else(quiet: ModuleType) -> None:
    scene = singles(random_scene(150, size=(61, 47)))
    want, _ = rendered("cpu", scene)
    quiet.use_miscount(-1)
    have, grads = rendered("cpu", scene)
    assert all(torch.isfinite(grad).all() for grad in grads.values() if grad is not None)
    assert torch.isfinite(have.rgb).all()
    assert (have.alpha <= want.alpha + 1e-5).all()
    assert (have.alpha < want.alpha - 0.01).any()  # something is lacking: the fault was really brought about


def test_other_rounding_stays_within_the_tolerances(monkeypatch: pytest.MonkeyPatch) -> None:
    reason = cuda_emulation_build.missing()
    if reason or _door.compiled() is None:
        pytest.skip(reason or "this installation has no compiled kernels")
    if "fma" not in Path("/proc/cpuinfo").read_text():
        pytest.skip("this processor has no fused multiply-add")
    device = cuda_emulation_build.load(cuda_emulation_build.build(variant="inexact"))
    for options in ({"cameras": 2, "extra": 3}, {"num": 500, "size": (16, 16), "max_opacity": 1.0}):
        scene = random_scene(**options)
        want, want_grads = rendered("reference", scene)
        with monkeypatch.context() as patch:
            patch.setattr(_door, "on", lambda _: cuda_emulation_build.StandIn(device))
            have, grads = rendered("cpu", singles(scene))
        for name in ("rgb", "alpha", "depth", "extra"):
            a, b = getattr(have, name).double(), getattr(want, name)
            assert (a - b).norm() <= 1e-4 * b.norm() + 1e-9, name
        for name, grad in want_grads.items():
            assert grad is None or (grads[name].double() - grad).norm() <= 1e-3 * grad.norm() + 1e-9, name


def test_a_plan_that_moves_to_another_stream_waits_for_the_one_before(quiet: ModuleType) -> None:
    scene, plan = random_scene(60), quiet.Plan()
    draw_into(quiet, plan, scene, 0, stream=1)
    before = quiet.stream_waits()
    draw_into(quiet, plan, scene, 0, stream=1)
    assert quiet.stream_waits() == before
    draw_into(quiet, plan, scene, 0, stream=2)
    assert quiet.stream_waits() == before + 1


def test_a_captured_plan_refuses_to_grow_afterwards(quiet: ModuleType) -> None:
    scene, plan = random_scene(60), quiet.Plan()
    draw_into(quiet, plan, scene, 4000)
    quiet.use_capture(True)
    want = draw_into(quiet, plan, scene, 4000)
    quiet.use_capture(False)
    with pytest.raises(RuntimeError, match=r"captured into a graph.*a plan of its own"):
        draw_into(quiet, plan, random_scene(6000), 4000)
    assert torch.equal(draw_into(quiet, plan, scene, 4000), want)


def test_memory_of_a_graph_serves_nobody_else_until_it_is_forgotten(quiet: ModuleType) -> None:
    scene, plan = random_scene(60), quiet.Plan()
    draw_into(quiet, plan, scene, 4000, stream=7)
    quiet.use_capture(True)
    draw_into(quiet, plan, scene, 4000, stream=7)
    quiet.use_capture(False)
    del plan
    before, allocations = quiet.allocated(), quiet.allocations()
    other = quiet.Plan()
    draw_into(quiet, other, scene, 4000, stream=7)
    assert quiet.allocations() > allocations  # it got memory of its own
    held = quiet.allocated()
    quiet.forget_graphs()
    assert quiet.allocated() < held
    assert before > 0


def test_too_little_room_for_pairs_is_an_error_of_the_next_call(quiet: ModuleType) -> None:
    scene, plan = random_scene(150), quiet.Plan()
    draw_into(quiet, plan, scene, 5)
    with pytest.raises(ValueError, match=r"needed \d+ pairs .*room for 5.*pair_capacity of \d+"):
        draw_into(quiet, plan, scene, 5)
    needed = plan.needed_pairs()
    assert needed > 5
    draw_into(quiet, plan, scene, needed)
    draw_into(quiet, plan, scene, needed)


def test_out_of_memory_is_tried_again_when_torch_has_let_go_of_its_own(
    quiet: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    emptied: list[int] = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append(1))
    monkeypatch.setattr(_door, "is_cuda", lambda _: True)
    scene = singles(random_scene(3000, size=(200, 150)))
    want, _ = rendered("cpu", scene)
    larger = singles(random_scene(9000, size=(200, 150)))
    quiet.use_memory(1)
    rendered("cpu", larger)
    assert emptied == [1]
    assert torch.equal(rendered("cpu", scene)[0].rgb, want.rgb)


@pytest.mark.parametrize(
    ("driver", "holds_code", "words"),
    [
        (13000, True, ""),
        (13020, True, ""),
        (12040, True, "driver serves CUDA 12.4 and the kernels are built with 13.0"),
        (0, True, "no NVIDIA driver answers"),
        (13000, False, "no code for this GPU's architecture 86; install again with CUDAARCHS=86"),
    ],
)
def test_driver_and_architecture_are_known_before_anything_is_drawn(
    quiet: ModuleType, monkeypatch: pytest.MonkeyPatch, driver: int, holds_code: bool, words: str
) -> None:
    from gaussian_head import raster

    class Built:
        has_cuda, cuda = True, quiet

    monkeypatch.setattr(_device, "compiled", lambda: Built)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    quiet.use_driver(driver, holds_code)
    _device._trouble.cache_clear()
    try:
        reason = _device.why_no_cuda()
        assert (words in reason) if words else reason is None
        assert ("cuda" in raster.available_backends()) == (not words)
        assert _device.device_named("auto").type == ("cpu" if words else "cuda")
        assert "there is no GPU 3" in str(_device.why_no_cuda(3))
    finally:
        _device._trouble.cache_clear()


def test_a_camera_with_skew_shows_nothing_on_a_device(quiet: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """There nobody looks at intrinsics, which would make the host wait: nothing is better than something wrong."""
    scene = random_scene(60)
    assert draw_into(quiet, quiet.Plan(), scene, 0).std() > 0.01
    scene["Ks"] = scene["Ks"].clone()
    scene["Ks"][0, 0, 1] = 3.0
    rgb = draw_into(quiet, quiet.Plan(), scene, 0)
    assert torch.equal(rgb, scene["backgrounds"][:, None, None].expand_as(rgb))
