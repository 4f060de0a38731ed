"""What must hold for any scene, on every backend."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from raster_scenes import placed, random_scene

from gaussian_head.raster import RasterOutput, rasterize

GAUSSIAN = ("means", "quats", "scales", "opacities", "colors", "extra")
seeds = st.integers(0, 10_000)
quick = settings(max_examples=8, deadline=None)


def render(backend: str, scene: dict, **changes: object) -> RasterOutput:
    return rasterize(**placed(scene | changes, backend), backend=backend)


@given(seed=seeds)
@quick
def test_order_of_gaussians_does_not_matter(backend: str, seed: int) -> None:
    scene = random_scene(60, seed=seed, extra=2)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(seed))
    shuffled = {name: scene[name][order] for name in GAUSSIAN}
    before, after = render(backend, scene), render(backend, scene, **shuffled)
    torch.testing.assert_close(before.rgb, after.rgb, rtol=0, atol=1e-6)
    torch.testing.assert_close(before.means2d[:, order], after.means2d, rtol=0, atol=1e-4)


@given(seed=seeds)
@quick
def test_background_enters_linearly(backend: str, seed: int) -> None:
    scene = random_scene(60, seed=seed)
    black = render(backend, scene, backgrounds=None)
    plate = render(backend, scene)
    expected = black.rgb + (1 - black.alpha[..., None]) * scene["backgrounds"][:, None, None].to(black.rgb.device)
    torch.testing.assert_close(plate.rgb, expected, rtol=0, atol=1e-6)


@given(seed=seeds, shift=st.integers(-20, 20))
@quick
def test_moving_the_principal_point_moves_the_picture(backend: str, seed: int, shift: int) -> None:
    scene = random_scene(60, seed=seed, size=(96, 40), max_opacity=0.9)
    scene["means"][:, 0] *= 0.3
    Ks = scene["Ks"].clone()
    Ks[:, 0, 2] += shift
    before, after = render(backend, scene), render(backend, scene, Ks=Ks)
    a = before.alpha[:, :, 30:66]
    b = after.alpha[:, :, 30 + shift : 66 + shift]
    assert (a - b).abs().max() < 5e-3  # a pixel on the cut-off may flip
    assert (a - b).abs().mean() < 1e-5


@given(seed=seeds)
@quick
def test_moving_world_and_camera_together_changes_nothing(backend: str, seed: int) -> None:
    scene = random_scene(60, seed=seed)
    offset = torch.tensor([0.3, -0.2, 0.5])
    viewmats = scene["viewmats"].clone()
    viewmats[:, :3, 3] -= (viewmats[:, :3, :3] @ offset[:, None]).squeeze(-1)
    before = render(backend, scene)
    after = render(backend, scene, means=scene["means"] + offset, viewmats=viewmats)
    assert (before.rgb - after.rgb).abs().max() < 5e-3  # a pixel on the cut-off may flip
    assert (before.rgb - after.rgb).abs().mean() < 1e-5


@given(seed=seeds, factor=st.floats(0.1, 0.95))
@quick
def test_less_opacity_means_less_alpha(backend: str, seed: int, factor: float) -> None:
    scene = random_scene(60, seed=seed, max_opacity=0.7)
    full = render(backend, scene)
    thin = render(backend, scene, opacities=scene["opacities"] * factor)
    assert (thin.alpha <= full.alpha + 1e-3).all()  # a pixel stops up to 1e-4 of transmittance early


def test_alpha_stays_below_one_and_above_zero(backend: str) -> None:
    scene = random_scene(500, max_opacity=1.0)
    scene["opacities"] = torch.ones(500)
    out = render(backend, scene)
    assert out.alpha.min() >= 0
    assert out.alpha.max() <= 1


@pytest.mark.parametrize("num", [0, 1])
def test_tiny_scenes(backend: str, num: int) -> None:
    scene = random_scene(num, extra=2)
    scene["means"].requires_grad_()
    scene["backgrounds"].requires_grad_()
    out = render(backend, scene)
    assert out.rgb.shape == (1, 47, 61, 3)
    assert out.extra.shape == (1, 47, 61, 2)
    out.rgb.sum().backward()
    assert scene["means"].grad.shape == (num, 3)
    if num == 0:
        torch.testing.assert_close(out.rgb[0, 3, 5].cpu(), scene["backgrounds"][0])
        torch.testing.assert_close(scene["backgrounds"].grad, torch.full((1, 3), 61.0 * 47.0))


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (17, 33)])
def test_narrow_images_are_as_the_reference_draws_them(kernel: str, size: tuple[int, int]) -> None:
    scene = random_scene(60, size=(40, 40), extra=1) | {"width": size[0], "height": size[1]}
    means = scene["means"].requires_grad_()
    grads = []
    for backend in ("reference", kernel):
        out = render(backend, scene)
        assert out.rgb.shape == (1, size[1], size[0], 3)
        grads.append((out.rgb.detach().cpu(), *torch.autograd.grad(out.rgb.sum() + out.extra.sum(), means)))
    torch.testing.assert_close(grads[1][0], grads[0][0], rtol=0, atol=1e-5)
    torch.testing.assert_close(grads[1][1], grads[0][1], rtol=1e-3, atol=1e-3 * float(grads[0][1].abs().max()))


def test_no_colour_channel_still_gives_alpha_and_depth(backend: str) -> None:
    if backend == "gsplat":
        pytest.skip("gsplat needs a colour")
    scene = random_scene(60)
    scene["means"].requires_grad_()
    full = render(backend, scene)
    out = render(backend, scene, colors=scene["colors"][:, :0], backgrounds=None)
    assert out.rgb.shape == (1, 47, 61, 0)
    torch.testing.assert_close(out.alpha, full.alpha, rtol=0, atol=1e-6)
    out.depth.sum().backward()
    assert scene["means"].grad.abs().max() > 0


@pytest.mark.parametrize("case", ["behind", "too far", "beside", "transparent"])
def test_nothing_visible(backend: str, case: str) -> None:
    scene = random_scene(50)
    if case == "behind":
        scene["means"][:, 2] *= -1
    if case == "beside":
        scene["means"][:, 0] += 50
    if case == "transparent":
        scene["opacities"] *= 0
    limits = {"far_plane": 0.5} if case == "too far" else {}
    out = render(backend, scene, **limits)
    assert out.alpha.abs().max() == 0
    assert out.radii.max() == 0
    assert (out.rgb.cpu() == scene["backgrounds"][:, None, None]).all()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e38])
@pytest.mark.parametrize("name", GAUSSIAN)
def test_a_broken_gaussian_leaves_the_others_alone(backend: str, name: str, value: float) -> None:
    if backend == "gsplat":
        pytest.skip("gsplat draws broken Gaussians")
    scene = random_scene(80, extra=2)
    clean = {key: scene[key][1:] for key in GAUSSIAN}
    broken = {key: scene[key].clone() for key in GAUSSIAN}
    broken[name][0] = value
    for key in GAUSSIAN:
        broken[key].requires_grad_()
    want, have = render(backend, scene, **clean), render(backend, scene, **broken)
    if value != 1e38:  # finite values are drawn as they are
        torch.testing.assert_close(have.rgb, want.rgb, rtol=0, atol=1e-6)
        assert have.radii[0, 0] == 0
        have.rgb.sum().backward()
        assert broken["means"].grad.isfinite().all()
        assert (broken["means"].grad[0] == 0).all()
