"""Batches of frames, memory of one's own and pictures behind, on the emulated device."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "raster"))
from raster_scenes import random_scene

from gaussian_head import InputError, kernels
from gaussian_head.raster import frames, native, rasterize
from gaussian_head.raster.frames import rasterize_frames

PER_FRAME = ("means", "quats", "scales", "opacities", "colors", "extra")


def clip(num: int = 120, count: int = 3, **options: object) -> dict:
    """`count` frames of different Gaussians and cameras."""
    scenes = [random_scene(num, seed=i, cameras=count, extra=2, **options) for i in range(count)]
    clip = {name: torch.stack([scene[name] for scene in scenes]) for name in PER_FRAME}
    return {name: value for name, value in scenes[0].items() if name not in PER_FRAME} | clip


def run(scene: dict) -> list[Tensor]:
    """Images, positions, and gradients of a fixed weighting."""
    leaves = {name: v.clone().requires_grad_() for name, v in scene.items() if isinstance(v, Tensor) and name != "Ks"}
    out = rasterize_frames(**scene | leaves)
    images = (out.rgb, out.alpha, out.depth, out.extra)
    rng = torch.Generator().manual_seed(3)
    torch.autograd.backward(images, [torch.randn(image.shape, generator=rng) for image in images])
    return [*(i.detach() for i in images), out.means2d.detach(), out.radii, *(v.grad for v in leaves.values())]


@pytest.fixture
def in_one_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "_one_by_one", native.rasterize)


@pytest.mark.parametrize("plate", [False, True])
def test_a_batch_of_frames_is_its_frames(emulated: ModuleType, monkeypatch: pytest.MonkeyPatch, plate: bool) -> None:
    scene = clip()
    if plate:
        scene["backgrounds"] = torch.rand(3, scene["height"], scene["width"], 3)
    single = run(scene)
    monkeypatch.setattr(frames, "_one_by_one", native.rasterize)
    before = emulated.launches()
    batch = run(scene)
    assert emulated.launches() - before < 20
    for have, want in zip(batch, single, strict=True):
        if have.ndim and have.shape == want.shape and have.dtype == want.dtype:
            torch.testing.assert_close(have, want, rtol=1e-6, atol=1e-6)


def test_pictures_behind_match_the_cpu(emulated: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = random_scene(80, cameras=2)
    scene["backgrounds"] = torch.rand(2, scene["height"], scene["width"], 3)
    results = []
    for _ in range(2):
        scene["backgrounds"] = scene["backgrounds"].detach().clone().requires_grad_()
        out = rasterize(**scene, backend="cpu")
        out.rgb.square().sum().backward()
        results.append((out.rgb.detach(), scene["backgrounds"].grad))
        monkeypatch.undo()  # the second round runs the CPU kernels
    for have, want in zip(*results, strict=True):
        torch.testing.assert_close(have, want, rtol=1e-5, atol=1e-5)


def draw_into(device: ModuleType, plan: object, scene: dict, capacity: int, stream: int = 0) -> Tensor:
    """The picture of a one-camera scene, with room for so many pairs."""
    names = ("means", "quats", "scales", "opacities", "colors", "extra", "viewmats", "Ks", "backgrounds")
    arrays = [scene[name].numpy() for name in names]
    kernel_scene = device.Scene(*arrays, scene["width"], scene["height"], 0.01, 1e10, 0.3)
    size = (1, scene["height"], scene["width"])
    rgb, means2d = torch.full((*size, 3), float("nan")), torch.empty(1, scene["means"].shape[0], 2)
    rest = [torch.empty(size), torch.empty(size), torch.empty(*size, scene["extra"].shape[1])]
    outputs = device.Outputs(rgb.numpy(), *(image.numpy() for image in rest))
    radii = torch.empty(1, scene["means"].shape[0], dtype=torch.int32)
    device.forward_into(plan, kernel_scene, outputs, means2d.numpy(), radii.numpy(), capacity, stream)
    return rgb


def test_room_for_pairs_spares_the_host_every_wait(emulated: ModuleType) -> None:
    scene = random_scene(150)
    exact, roomy, tight = emulated.Plan(), emulated.Plan(), emulated.Plan()
    want = draw_into(emulated, exact, scene, 0)
    needed = exact.needed_pairs()
    waits = emulated.waits()
    assert torch.equal(draw_into(emulated, roomy, scene, needed + 1000), want)
    assert torch.equal(draw_into(emulated, roomy, scene, needed), want)
    assert not torch.equal(draw_into(emulated, tight, scene, needed // 2), want)
    assert emulated.waits() == waits
    assert roomy.needed_pairs() == tight.needed_pairs() == needed
    assert emulated.waits() > waits
    assert emulated.waits_with_gil() == 0, "other threads may run while the host waits"
    assert roomy.bytes() > 0


def test_a_call_like_an_earlier_one_can_be_captured(emulated: ModuleType) -> None:
    scene, plan = random_scene(150), emulated.Plan()
    want = draw_into(emulated, plan, scene, 4000)
    emulated.use_capture(True)
    try:
        assert torch.equal(draw_into(emulated, plan, scene, 4000), want)
        with pytest.raises(RuntimeError, match="captured into a graph; run the same call once before"):
            draw_into(emulated, plan, scene, 400_000)
        with pytest.raises(RuntimeError, match="capturing"):
            draw_into(emulated, plan, scene, 0)
    finally:
        emulated.use_capture(False)
    assert torch.equal(draw_into(emulated, plan, scene, 4000), want)


def test_the_callers_device_stays_and_memory_goes_back_to_its_own(emulated: ModuleType) -> None:
    scene = random_scene(60)
    emulated.use_device(1)
    before = emulated.misplaced()
    try:
        plan = emulated.Plan()
        draw_into(emulated, plan, scene, 0)
        assert plan.needed_pairs() > 0
        plans = [emulated.Plan() for _ in range(6)]  # more than the pool keeps: some memory is freed
        for one in plans:
            draw_into(emulated, one, scene, 0)
        del plan, one, plans
        gc.collect()
        run(clip(20, 2))
        assert emulated.device() == 1
        assert emulated.misplaced() == before
    finally:
        emulated.use_device(0)


def test_plans_say_what_is_wrong(emulated: ModuleType) -> None:
    with pytest.raises(RuntimeError, match="has not rendered yet"):
        emulated.Plan().needed_pairs()
    with pytest.raises(ValueError, match="pair_capacity is negative"):
        draw_into(emulated, emulated.Plan(), random_scene(5), -1)


WRONG = {
    "quats shape": ({"quats": torch.zeros(3, 120, 3)}, "quats has shape"),
    "means": ({"means": torch.zeros(120, 3)}, "means has shape"),
    "dtype": ({"scales": torch.zeros(3, 120, 3, dtype=torch.float64)}, "scales is torch.float64"),
    "backgrounds": ({"backgrounds": torch.zeros(3, 5)}, "backgrounds has shape"),
    "channels": ({"extra": torch.zeros(3, 120, 125)}, "128 channels"),
    "no width": ({"width": 0}, "width, height are 0"),
    "planes": ({"near_plane": float("nan")}, "near_plane, far_plane are nan"),
    "low-pass": ({"eps2d": -1.0}, "eps2d is -1.0"),
    "no frame": ({name: torch.zeros(0, 4, 4) for name in ("viewmats",)}, "means has shape"),
    "not a tensor": ({"opacities": [1.0]}, "opacities is a list"),
    "skew": ({"Ks": torch.tensor([[50.0, 3, 20], [0, 50, 20], [0, 0, 1]]).repeat(3, 1, 1)}, "no skew"),
}


@pytest.mark.skipif(kernels.compiled() is None, reason="this installation has no compiled kernels")
@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_argument_is_named(change: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        rasterize_frames(**clip() | change)


@pytest.mark.skipif(kernels.compiled() is None, reason="this installation has no compiled kernels")
def test_no_frame_at_all_is_named() -> None:
    none = {name: value[:0] if isinstance(value, Tensor) else value for name, value in clip().items()}
    with pytest.raises(InputError, match="viewmats has no camera"):
        rasterize_frames(**none)
