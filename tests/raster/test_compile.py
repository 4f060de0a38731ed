"""The rasterizer inside ``torch.compile``: one operator of the graph, with the same bits as eager code."""

from __future__ import annotations

import gc
import os
import shutil
import sysconfig
from pathlib import Path

import pytest
import torch
from raster_scenes import DIFFERENTIABLE, random_scene
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from gaussian_head.raster import available_backends, rasterize, traced
from gaussian_head.raster.scene import Scene

HEADERS = Path(sysconfig.get_path("include")) / "Python.h"
pytestmark = pytest.mark.skipif("cpu" not in available_backends(), reason="compiled kernels are not installed")


def leaves(**changes: int) -> dict:
    scene = random_scene(60, cameras=2, extra=2, **changes)
    return {name: v.requires_grad_() if name in DIFFERENTIABLE else v for name, v in scene.items()}


def arguments(scene: dict, *, keep: bool = True) -> tuple:
    probe = torch.zeros(2, 60, 2, requires_grad=True)
    names = ("means", "quats", "scales", "opacities", "colors", "extra", "viewmats", "Ks", "backgrounds")
    return (*(scene[name] for name in names), probe, scene["width"], scene["height"], 0.01, 1e10, 0.3, keep)


def step(scene: dict, probe: Tensor) -> tuple[Tensor, Tensor]:
    out = rasterize(**scene, probe=probe)
    return (out.rgb * 2).square().sum() + out.depth.mean() + out.extra.sum(), out.radii


def gradients_of(function: object) -> list[Tensor]:
    scene, probe = leaves(), torch.zeros(2, 60, 2, requires_grad=True)
    loss, radii = function(scene, probe)  # type: ignore[operator]
    loss.backward()
    return [loss.detach(), radii, probe.grad, *(scene[name].grad for name in DIFFERENTIABLE)]


@pytest.mark.parametrize("compiler", ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
def test_a_whole_step_compiles_to_one_graph(compiler: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))  # it may keep a backward pass of another version
    if compiler == "inductor" and not (shutil.which(os.environ.get("CXX", "g++")) and HEADERS.is_file()):
        pytest.skip(f"inductor compiles C++, and there is no g++ or no {HEADERS} here")
    torch._dynamo.reset()
    want = gradients_of(step)
    calls = []
    draw = traced.draw
    monkeypatch.setattr(traced, "draw", lambda *a, **k: calls.append(1) or draw(*a, **k))
    have = gradients_of(torch.compile(step, fullgraph=True, backend=compiler))
    assert calls == [1], "the plan of the forward pass did not reach the backward pass"
    torch.testing.assert_close(have[0], want[0], rtol=1e-6, atol=0)
    for a, b in zip(have[1:], want[1:], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)
    assert want[2].abs().max() > 0


def test_spherical_harmonics_compile_too() -> None:
    torch._dynamo.reset()
    scene = random_scene(60, cameras=2)
    scene["colors"] = 0.3 * torch.randn(60, 16, 3, generator=torch.Generator().manual_seed(1))
    for name in ("means", "colors"):
        scene[name].requires_grad_()

    def loss(scene: dict) -> Tensor:
        return rasterize(**scene, sh_degree=3).rgb.square().sum()

    grads = []
    for function in (loss, torch.compile(loss, fullgraph=True, backend="aot_eager")):
        grads.append(torch.autograd.grad(function(scene), (scene["means"], scene["colors"])))
    for a, b in zip(*grads, strict=True):
        assert (a - b).abs().max() <= 1e-6 * b.abs().max()  # other sums of the same numbers


def test_without_gradients_no_plan_is_kept() -> None:
    torch._dynamo.reset()
    scene = random_scene(60, cameras=2, extra=2)
    compiled = torch.compile(lambda s: rasterize(**s), fullgraph=True, backend="aot_eager")
    out = compiled(scene)
    assert torch.equal(out.rgb, rasterize(**scene).rgb)
    assert not out.rgb.requires_grad
    assert not traced._owners


def test_opcheck() -> None:
    torch.library.opcheck(traced._forward, arguments(leaves()))
    torch.library.opcheck(traced._forward, arguments(random_scene(60, cameras=2, extra=2), keep=False))
    torch.library.opcheck(traced._forward, (*arguments(leaves())[:8], None, None, *arguments(leaves())[10:]))


def test_opcheck_of_the_vjp() -> None:
    given = [a.detach() if isinstance(a, Tensor) else a for a in arguments(leaves())]
    *images, _, _, plan = traced._forward(*given)
    scene, settings = given[:9], given[10:15]
    cotangents = [torch.randn_like(image) for image in images]
    for v in (cotangents, [cotangents[0], None, None, None]):
        torch.library.opcheck(traced._backward, (plan, *scene, *settings, *images, *v, True, True, True))
    torch.library.opcheck(traced._backward, (plan, *scene, *settings, *images, *cotangents, False, False, False))


def test_fake_tensors_have_the_shapes_of_real_ones() -> None:
    scene = leaves()
    real = rasterize(**scene)
    with FakeTensorMode() as mode:
        fakes = {n: mode.from_tensor(v) if isinstance(v, Tensor) else v for n, v in scene.items()}
        fake = rasterize(**fakes)
        fake.rgb.sum().backward()
        assert fakes["means"].grad.shape == (60, 3)
    for name in ("rgb", "alpha", "depth", "extra", "means2d", "radii"):
        a, b = getattr(fake, name), getattr(real, name)
        assert (a.shape, a.stride(), a.dtype, a.device) == (b.shape, b.stride(), b.dtype, b.device), name


def test_a_plan_lives_as_long_as_its_tensor() -> None:
    outputs = traced._forward(*arguments(leaves()))
    alias = outputs[-1].view(-1)
    assert len(traced._owners) == 1
    del outputs
    gc.collect()
    assert traced._plan_of(alias) is not None
    assert traced._plan_of(alias.clone()) is None
    del alias
    gc.collect()
    assert not traced._owners


def test_a_lost_plan_is_made_again() -> None:
    given = [a.detach() if isinstance(a, Tensor) else a for a in arguments(leaves())]
    *images, _, _, plan = traced._forward(*given)
    rest = (*given[:9], *given[10:15], *images, *(torch.ones_like(image) for image in images), True, True, True)
    for kept, again in zip(traced._backward(plan, *rest), traced._backward(plan.clone(), *rest), strict=True):
        assert torch.equal(kept, again)


def test_backward_twice_over_a_retained_graph() -> None:
    scene = leaves()
    out = traced.rasterize(Scene.of(arguments(scene)[:8], scene["backgrounds"], arguments(scene)[10:15]))
    once = torch.autograd.grad(out.rgb.sum(), scene["means"], retain_graph=True)[0]
    again = torch.autograd.grad(out.rgb.sum(), scene["means"])[0]
    assert torch.equal(once, again)
    assert once.abs().max() > 0


def test_changing_numbers_of_gaussians_do_not_recompile_each_time() -> None:
    torch._dynamo.reset()
    graphs = []

    def count(graph: torch.fx.GraphModule, _: object) -> object:
        graphs.append(graph)
        return graph

    compiled = torch.compile(lambda s: rasterize(**s).rgb, fullgraph=True, backend=count)
    for num in (50, 60, 70, 80):
        scene = random_scene(num)
        assert torch.equal(compiled(scene), rasterize(**scene).rgb)
    assert len(graphs) <= 2
