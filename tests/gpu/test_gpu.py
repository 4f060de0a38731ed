"""The CUDA kernels on a real device: as on the CPU, the same bits every time, on any stream, in a graph.

Run all with ``pytest -m gpu``.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from gpu_cases import CASES, cameras, clip, head_branches, moment_of, moments, on, random_scene
from torch import Tensor

from gaussian_head.head.branch import deform
from gaussian_head.head.cuda_render import HeadFrames, HeadRenderer
from gaussian_head.raster import available_backends, rasterize
from gaussian_head.raster.frames import rasterize_frames

needs_kernels = pytest.mark.skipif("cpu" not in available_backends(), reason="compiled kernels are not installed")
RELATIVE_L2 = 1e-4
"""Of any tensor that a case gives, CUDA against CPU, both float32."""
RUNS = 20
"""Times that a case must give the same bits."""


@pytest.fixture(autouse=True)
def _kernels_for_this_device(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("gpu") is not None and "cuda" not in available_backends():
        pytest.fail("a CUDA device is here, but the extension was built without CUDA: build it with CUDAARCHS=...")


@needs_kernels
@pytest.mark.parametrize("name", CASES)
def test_every_case_is_finite_on_the_cpu(name: str) -> None:
    found = CASES[name]("cpu")
    assert len(found) > 2
    assert all(torch.isfinite(tensor).all() for tensor in found.values())


@needs_kernels
def test_the_extension_loads_without_a_warning() -> None:
    """Two classes of one C++ name, one for the CPU and one for CUDA, would be taken for each other."""
    code = "from gaussian_head import _kernels as k; print(k.has_cuda, hasattr(k, 'cuda'))"
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    assert run.stdout.split() in (["True", "True"], ["False", "False"])


@pytest.mark.gpu
@pytest.mark.parametrize("name", CASES)
def test_as_on_the_cpu(name: str) -> None:
    want, have = CASES[name]("cpu"), CASES[name]("cuda")
    assert want.keys() == have.keys()
    for key, tensor in want.items():
        assert tensor.shape == have[key].shape, key
        if key == "radii":
            assert tensor.numel() == 0 or (tensor - have[key]).abs().max() <= 1
            continue
        assert (have[key] - tensor).norm() <= RELATIVE_L2 * tensor.norm() + 1e-9, key


@pytest.mark.gpu
@pytest.mark.parametrize("name", CASES)
def test_the_same_bits_every_time(name: str) -> None:
    first = CASES[name]("cuda")
    for _ in range(RUNS - 1):
        again = CASES[name]("cuda")
        assert all(torch.equal(tensor, again[key]) for key, tensor in first.items())


@pytest.mark.gpu
def test_streams_do_not_disturb_each_other() -> None:
    names = ("large", "frames", "deformation", "similarity")
    alone = {name: CASES[name]("cuda") for name in names}
    streams = [torch.cuda.Stream() for _ in names]
    for _ in range(5):
        found = {}
        for name, stream in zip(names, streams, strict=True):
            with torch.cuda.stream(stream):
                found[name] = CASES[name]("cuda")
        torch.cuda.synchronize()
        for name in names:
            assert all(torch.equal(tensor, found[name][key]) for key, tensor in alone[name].items()), name


def drawn_and_back(leaves: dict) -> list[Tensor]:
    """A picture and its gradients, left where they are: nothing waits for them."""
    out = rasterize(**leaves)
    wanted = [value for value in leaves.values() if isinstance(value, Tensor) and value.requires_grad]
    return [out.rgb, out.alpha, *torch.autograd.grad(out.rgb.square().sum() + out.alpha.sum(), wanted)]


@pytest.mark.gpu
def test_work_under_way_on_several_streams_at_once_gives_the_bits_of_work_alone() -> None:
    scenes = [on("cuda", random_scene(3000, seed=i, size=(320, 240), cameras=2)) for i in range(4)]
    alone = [drawn_and_back(leaves) for leaves in scenes]
    streams = [torch.cuda.Stream() for _ in scenes]
    torch.cuda.synchronize()
    found = []
    for _ in range(10):
        for i, stream in enumerate(streams):
            with torch.cuda.stream(stream):
                found.append((i, drawn_and_back(scenes[i])))
    torch.cuda.synchronize()
    for i, tensors in found:
        assert all(torch.equal(have, want) for have, want in zip(tensors, alone[i], strict=True)), i


@pytest.mark.gpu
def test_a_batch_of_frames_is_its_frames() -> None:
    scene = {name: value.cuda() if isinstance(value, Tensor) else value for name, value in clip().items()}
    batch = rasterize_frames(**scene)
    for f in range(4):
        shared = ("means", "quats", "scales", "opacities", "colors", "extra")
        one = {name: scene[name][f] for name in shared}
        one |= {name: scene[name][f : f + 1] for name in ("viewmats", "Ks", "backgrounds")}
        single = rasterize(**one, width=scene["width"], height=scene["height"])
        for name in ("rgb", "alpha", "depth", "extra", "means2d", "radii"):
            assert torch.equal(getattr(batch, name)[f], getattr(single, name)[0]), name


def rendered_on_the_cpu(count: int, size: int) -> list[HeadFrames]:
    """The head of the cases, deformed in torch and rasterized by the CPU kernels."""
    branches, (coefficients, poses) = head_branches("cpu"), moments("cpu", count)
    viewmats, Ks = cameras("cpu", count, size)
    frames = []
    for f in range(count):
        posed = [deform(branch, coefficients[f], moment_of(poses[f])) for branch in branches]
        names = ("means", "quats", "scales", "opacities", "colors")
        arrays = [torch.cat([getattr(g, name) for g in posed]) for name in names]
        out = rasterize(*arrays, viewmats[f : f + 1], Ks[f : f + 1], size, size, sh_degree=1)
        frames.append(HeadFrames(rgb=out.rgb[0], alpha=out.alpha[0], depth=out.depth[0]))
    return frames


@pytest.mark.gpu
def test_a_head_in_one_go() -> None:
    count, size = 5, 200
    renderer = HeadRenderer(branches=head_branches("cuda"))
    arguments = (*moments("cuda", count), *cameras("cuda", count, size))
    frames = renderer.render(*arguments, size, size)
    for f, want in enumerate(rendered_on_the_cpu(count, size)):
        for name in ("rgb", "alpha", "depth"):
            have = getattr(frames, name)[f].cpu()
            assert (have - getattr(want, name)).norm() <= RELATIVE_L2 * getattr(want, name).norm(), name
    again = renderer.render(*arguments, size, size)
    assert torch.equal(frames.rgb, again.rgb)


@pytest.mark.gpu
def test_a_captured_graph_renders_new_moments() -> None:
    count, size = 2, 160
    branches = head_branches("cuda")
    coefficients, poses = moments("cuda", count)
    viewmats, Ks = cameras("cuda", count, size)
    exact = HeadRenderer(branches=branches)
    frames = exact.render(coefficients, poses, viewmats, Ks, size, size)
    renderer = HeadRenderer(branches=branches, pair_capacity=2 * exact.needed_pairs())
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        renderer.render_into(frames, coefficients, poses, viewmats, Ks)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        renderer.render_into(frames, coefficients, poses, viewmats, Ks)
    for step in range(3):
        coefficients.mul_(0.5)
        poses[:, 4] += 0.01 * step
        graph.replay()
        torch.cuda.synchronize()
        want = exact.render(coefficients, poses, viewmats, Ks, size, size)
        for name in ("rgb", "alpha", "depth"):
            assert torch.equal(getattr(frames, name), getattr(want, name)), name
        assert renderer.needed_pairs() <= renderer.pair_capacity


@pytest.mark.gpu
def test_a_graph_that_would_need_memory_is_refused() -> None:
    renderer = HeadRenderer(branches=head_branches("cuda"), pair_capacity=1000)
    size = 64
    arguments = (*moments("cuda", 1), *cameras("cuda", 1, size))
    with pytest.raises(RuntimeError, match="run the same call once before"), torch.cuda.graph(torch.cuda.CUDAGraph()):
        renderer.render(*arguments, size, size)
    torch.cuda.synchronize()


@pytest.mark.gpu
def test_memory_does_not_grow_from_call_to_call() -> None:
    case = CASES["large"]
    for _ in range(3):
        case("cuda")
    torch.cuda.synchronize()
    before = torch.cuda.mem_get_info()[0]
    for _ in range(10):
        case("cuda")
    torch.cuda.synchronize()
    assert torch.cuda.mem_get_info()[0] >= before - (64 << 20)
