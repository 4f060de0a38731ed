"""The compiled rasterizer's promises: same bits on any thread count, no surprises with memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch
from raster_scenes import DIFFERENTIABLE, device_of, placed, random_scene

from gaussian_head import InputError
from gaussian_head.raster import available_backends, rasterize

needs_cpu = pytest.mark.skipif("cpu" not in available_backends(), reason="compiled kernels are not installed")


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def gradients(num_threads: int) -> list[torch.Tensor]:
    torch.set_num_threads(num_threads)
    scene = random_scene(6000, cameras=2, extra=2, size=(200, 150))
    for name in DIFFERENTIABLE:
        scene[name].requires_grad_()
    out = rasterize(**scene, backend="cpu")
    rng = torch.Generator().manual_seed(0)
    outputs = (out.rgb, out.alpha, out.depth, out.extra)
    cotangents = [torch.randn(image.shape, generator=rng) for image in outputs]
    torch.autograd.backward(outputs, cotangents)
    return [*(image.detach() for image in outputs), *(scene[n].grad for n in DIFFERENTIABLE), out.means2d.grad]


@needs_cpu
def test_same_bits_on_any_number_of_threads(threads: None) -> None:
    one = gradients(1)
    for count in (2, 4):
        for a, b in zip(one, gradients(count), strict=True):
            assert torch.equal(a, b)


@needs_cpu
def test_two_graphs_alive_at_once_do_not_disturb_each_other() -> None:
    def run(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        scene = random_scene(200, seed=seed)
        scene["means"].requires_grad_()
        return rasterize(**scene, backend="cpu").rgb.square().sum(), scene["means"]

    alone = []
    for seed in (1, 2):
        loss, means = run(seed)
        loss.backward()
        alone.append(means.grad)
    (loss1, means1), (loss2, means2) = run(1), run(2)
    loss1.backward()
    loss2.backward()
    assert torch.equal(means1.grad, alone[0])
    assert torch.equal(means2.grad, alone[1])


@needs_cpu
def test_no_graph_without_gradients() -> None:
    scene = random_scene(50)
    assert rasterize(**scene, backend="cpu").rgb.grad_fn is None
    scene["means"].requires_grad_()
    with torch.no_grad():
        out = rasterize(**scene, backend="cpu")
    assert out.rgb.grad_fn is None
    assert not out.means2d.requires_grad


def test_only_the_asked_gradients_are_given(kernel: str) -> None:
    scene = placed(random_scene(50), kernel)
    scene["colors"].requires_grad_()
    rasterize(**scene, backend=kernel).rgb.sum().backward()
    assert scene["colors"].grad is not None
    assert scene["means"].grad is None


def test_a_probe_takes_the_gradient_to_the_screen_positions(backend: str) -> None:
    scene = placed(random_scene(50, cameras=2), backend)
    scene["means"].requires_grad_()
    probe = torch.full((2, 50, 2), 7.0, device=device_of(backend), requires_grad=True)
    out = rasterize(**scene, probe=probe, backend=backend)
    out.rgb.square().sum().backward()
    assert probe.grad.abs().max() > 0
    torch.testing.assert_close(probe.grad, out.means2d.grad)


def test_a_probe_alone_is_enough_for_a_graph(backend: str) -> None:
    if backend == "gsplat":
        pytest.skip("gsplat's positions carry a gradient only if its inputs do")
    scene = placed(random_scene(50), backend)
    probe = torch.zeros(1, 50, 2, device=scene["means"].device, requires_grad=True)
    rasterize(**scene, probe=probe, backend=backend).rgb.square().sum().backward()
    assert probe.grad.abs().max() > 0


def test_non_contiguous_inputs_give_the_same_picture(backend: str) -> None:
    scene = placed(random_scene(50), backend)
    strided = {n: scene[n].repeat_interleave(2, dim=0)[::2] for n in ("means", "quats", "scales", "opacities")}
    turned = scene["means"].T.contiguous().T
    assert not strided["quats"].is_contiguous()
    a, b = rasterize(**scene, backend=backend), rasterize(**{**scene, **strided, "means": turned}, backend=backend)
    assert torch.equal(a.rgb, b.rgb)


WRONG = {
    "quats shape": ({"quats": torch.zeros(50, 3)}, "quats has shape"),
    "opacities shape": ({"opacities": torch.zeros(50, 1)}, "opacities has shape"),
    "scales dtype": ({"scales": torch.ones(50, 3, dtype=torch.float64)}, "scales is torch.float64"),
    "colors device": ({"colors": torch.zeros(50, 3, device="meta")}, "colors is on meta"),
    "colors type": ({"colors": [0.0]}, "colors is a list"),
    "backgrounds": ({"backgrounds": torch.zeros(2, 3)}, "backgrounds has shape"),
    "size": ({"width": 0}, "width, height are 0"),
    "planes": ({"near_plane": 2.0, "far_plane": 1.0}, "near_plane, far_plane"),
    "backend": ({"backend": "vulkan"}, "backend 'vulkan' is unknown"),
    "sh": ({"sh_degree": 2, "colors": torch.zeros(50, 4, 3)}, "sh_degree is 2"),
    "probe": ({"probe": torch.zeros(1, 50, 3)}, "probe has shape"),
    "no camera": ({"viewmats": torch.zeros(0, 4, 4), "Ks": torch.zeros(0, 3, 3)}, "viewmats has no camera"),
    "channels": ({"extra": torch.zeros(50, 200)}, "203 channels"),
}


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_argument_is_named(change: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        rasterize(**{**random_scene(50), **change})


@needs_cpu
def test_the_extension_refuses_what_it_would_have_to_copy() -> None:
    from gaussian_head import _kernels

    array = random_scene(5)["means"].numpy()
    with pytest.raises(TypeError):
        _kernels.Outputs(array.astype("float64"), array, array, array)
    with pytest.raises(TypeError):
        _kernels.Outputs(array[::2], array, array, array)


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, gaussian_head\n"
        "heavy = {'torch', 'numpy', 'gsplat', 'ai_edge_litert', 'cv2', 'librosa', 'gaussian_head._kernels'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
        "import gaussian_head.raster\n"
        "print('gaussian_head._kernels' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split("\n")[:2] == ["[]", "False"]


def test_every_public_name_resolves() -> None:
    import gaussian_head

    for name in gaussian_head.__all__:
        getattr(gaussian_head, name)
