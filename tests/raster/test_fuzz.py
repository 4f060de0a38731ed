"""Broken, extreme and borderline Gaussians: no crash, no NaN, and nobody else's pixel or gradient changes."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from raster_scenes import DIFFERENTIABLE, placed, random_scene
from torch import Tensor

from gaussian_head.raster import RasterOutput, rasterize
from gaussian_head.raster.constants import ALPHA_MIN

NUM = 40
GAUSSIAN = ("means", "quats", "scales", "opacities", "colors", "extra")
GEOMETRY = GAUSSIAN[:4]
TINY = (1e-45, -1e-45, 0.0, -0.0, 1e-38, -1e-30, 1e-20, 1e-10)
HUGE = (1e3, -1e5, 1e8, 1e12, -1e15, 1e19, 1e30, 3e38, -3e38)
PLAIN = (-1.0, 1.0, 2.0, ALPHA_MIN, 0.999, 0.01, 0.3)
BROKEN = (math.nan, math.inf, -math.inf)

geometry_values = st.tuples(st.sampled_from(GEOMETRY), st.sampled_from(TINY + HUGE + PLAIN + BROKEN))
# A colour of 1e30 has true gradients that no float holds, so channels stay below.
channel_values = st.tuples(st.sampled_from(GAUSSIAN[4:]), st.sampled_from(TINY + PLAIN + BROKEN + (1e8, -1e15)))
# Which Gaussian, which of its numbers (None: all), and what becomes of them.
mutations = st.lists(
    st.tuples(st.integers(0, 7), st.one_of(st.none(), st.integers(0, 3)), st.one_of(geometry_values, channel_values)),
    min_size=1,
    max_size=8,
)


def mutated(scene: dict, changes: list) -> dict:
    scene = {name: v.clone() if isinstance(v, Tensor) else v for name, v in scene.items()}
    for index, column, (name, value) in changes:
        row = scene[name][index]
        if column is None or row.ndim == 0:
            scene[name][index] = value
        else:
            row[column % row.shape[0]] = value
    return scene


def render_with_gradients(backend: str, scene: dict) -> tuple[RasterOutput, dict[str, Tensor]]:
    scene = placed(scene, backend)
    for name in DIFFERENTIABLE:
        scene[name] = scene[name].detach().requires_grad_()
    out = rasterize(**scene, backend=backend)
    rng = torch.Generator().manual_seed(3)
    images = (out.rgb, out.alpha, out.depth, out.extra)
    torch.autograd.backward(images, [torch.randn(i.shape, generator=rng).to(i) for i in images])
    return out, {name: scene[name].grad for name in DIFFERENTIABLE} | {"means2d": out.means2d.grad}


def only_ours(kernel: str) -> None:
    if kernel == "gsplat":
        pytest.skip("gsplat's numbers are its own")


def assert_same(have: Tensor, want: Tensor, kernel: str, name: str) -> None:
    """The same bits on the CPU; on CUDA the same but for rounding."""
    if kernel == "cpu":
        assert torch.equal(have, want), name
    else:
        torch.testing.assert_close(have, want, rtol=1e-4, atol=1e-4, msg=name)


@given(seed=st.integers(0, 10_000), changes=mutations)
@settings(max_examples=60, deadline=None)
def test_whatever_comes_images_and_gradients_are_finite(kernel: str, seed: int, changes: list) -> None:
    only_ours(kernel)
    scene = mutated(random_scene(NUM, seed=seed, extra=1, cameras=2, size=(48, 40)), changes)
    out, grads = render_with_gradients(kernel, scene)
    for name in ("rgb", "alpha", "depth", "extra", "means2d"):
        assert getattr(out, name).isfinite().all(), name
    assert out.alpha.min() >= 0
    assert out.alpha.max() <= 1
    assert out.radii.min() >= 0
    for name, grad in grads.items():
        assert grad.isfinite().all(), name


UNDRAWABLE = st.one_of(
    st.tuples(st.sampled_from(GAUSSIAN), st.sampled_from(BROKEN)),
    st.tuples(st.just("opacities"), st.sampled_from((-1.0, 0.0, 1e-45, 0.99 * ALPHA_MIN))),
    st.tuples(st.just("scales"), st.sampled_from((3e38, -3e38, 1e30))),
    st.tuples(st.just("means"), st.sampled_from((-3e38, -1e3))),
)


@given(
    seed=st.integers(0, 10_000),
    changes=st.lists(st.tuples(st.integers(0, 7), st.none(), UNDRAWABLE), min_size=1, max_size=8),
)
@settings(max_examples=40, deadline=None)
def test_what_cannot_be_drawn_is_as_if_it_were_not_there(kernel: str, seed: int, changes: list) -> None:
    only_ours(kernel)
    scene = random_scene(NUM, seed=seed, extra=1, size=(48, 40))
    broken = mutated(scene, changes)
    left = torch.ones(NUM, dtype=torch.bool)
    left[[index for index, _, _ in changes]] = False
    without = {**scene, **{name: scene[name][left] for name in GAUSSIAN}}
    have, have_grads = render_with_gradients(kernel, broken)
    want, want_grads = render_with_gradients(kernel, without)
    for name in ("rgb", "alpha", "depth", "extra"):
        assert_same(getattr(have, name), getattr(want, name), kernel, name)
    for name in GAUSSIAN:
        assert_same(have_grads[name][left], want_grads[name], kernel, name)
        assert (have_grads[name][~left] == 0).all(), name
    assert (have.radii[:, ~left] == 0).all()
    torch.testing.assert_close(have_grads["viewmats"], want_grads["viewmats"], rtol=1e-4, atol=1e-3)


def assert_matches_reference(backend: str, scene: dict) -> RasterOutput:
    double = {n: v.double() if isinstance(v, Tensor) else v for n, v in scene.items()}
    want, want_grads = render_with_gradients("reference", double)
    have, have_grads = render_with_gradients(backend, scene)
    torch.testing.assert_close(have.rgb.cpu().double(), want.rgb, rtol=0, atol=2e-5)
    torch.testing.assert_close(have.alpha.cpu().double(), want.alpha, rtol=0, atol=2e-5)
    for name in GAUSSIAN:
        if want_grads[name].numel():
            error = (have_grads[name].cpu().double() - want_grads[name]).norm() / want_grads[name].norm()
            assert error < 2e-4, f"{name}: relative L2 {error:.2e}"
    return have


@pytest.mark.parametrize("opacity", [1.0, 1.5, 40.0, 1e6])
def test_opacities_beyond_one_are_clamped_as_in_the_reference(kernel: str, opacity: float) -> None:
    only_ours(kernel)
    scene = random_scene(NUM, size=(48, 40))
    scene["opacities"][:10] = opacity
    assert_matches_reference(kernel, scene)


def test_gaussians_that_cover_the_whole_screen(kernel: str) -> None:
    only_ours(kernel)
    scene = random_scene(300, seed=2, size=(70, 50), max_opacity=0.1)
    scene["scales"] = scene["scales"] * 0 + 0.5 + 0.3 * torch.rand(300, 3, generator=torch.Generator().manual_seed(0))
    scene["opacities"] = scene["opacities"].clamp(min=0.02)
    out = assert_matches_reference(kernel, scene)
    assert out.radii.min() > 35


def test_thousands_at_the_same_depth_keep_their_order(kernel: str) -> None:
    only_ours(kernel)
    scene = random_scene(4000, seed=4, size=(70, 50))
    scene["means"][:, 2] = 1.25
    assert_matches_reference(kernel, scene)


def test_depths_on_the_near_and_far_plane(backend: str) -> None:
    """Drawn strictly between the planes. 0.5 and 2 are floats, so the comparison is exact."""
    if backend == "gsplat":
        pytest.skip("gsplat's planes belong to the visible range")
    depths = torch.tensor([0.5, 2.0])
    inside = torch.nextafter(depths, torch.tensor([1.0, 1.0]))
    scene = random_scene(4)
    scene["means"] = torch.zeros(4, 3)
    scene["means"][:, 2] = torch.stack([depths, inside], 1).flatten()
    scene["opacities"] = torch.full((4,), 0.5)
    out = rasterize(**placed(scene, backend), near_plane=0.5, far_plane=2.0, backend=backend)
    assert (out.radii[0] > 0).tolist() == [False, True, False, True]


def test_alpha_on_the_threshold_is_taken_or_left_whole(backend: str) -> None:
    """One Gaussian whose alpha at a pixel's centre is the cut-off itself, and a hair beside it."""
    for opacity in (ALPHA_MIN * (1 - 1e-6), ALPHA_MIN, ALPHA_MIN * (1 + 1e-6), ALPHA_MIN * (1 + 1e-3)):
        scene = random_scene(1)
        scene["means"] = torch.tensor([[0.0, 0.0, 1.0]])
        scene["scales"] = torch.full((1, 3), 0.02)
        scene["opacities"] = torch.tensor([opacity])
        scene["Ks"][0, :2, 2] = torch.tensor([30.5, 20.5])
        out, grads = render_with_gradients(backend, scene | {"extra": torch.ones(1, 1)})
        alpha = out.alpha[0, 20, 30].item()
        assert alpha == 0 or alpha == pytest.approx(opacity, rel=1e-5)
        assert out.alpha.sum() <= 9 * ALPHA_MIN
        assert all(grad.isfinite().all() for grad in grads.values())
    assert alpha > 0
    assert grads["opacities"].abs() > 0
