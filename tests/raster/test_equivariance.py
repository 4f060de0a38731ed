"""Changes of the scene whose effect on the picture is known exactly, on every backend."""

from __future__ import annotations

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from raster_scenes import placed, random_scene
from torch import Tensor

from gaussian_head.raster import RasterOutput, rasterize

GAUSSIAN = ("means", "quats", "scales", "opacities", "colors", "extra")
FLIP = 5e-3
"""What one pixel may change by where rounding moves a contribution across the cut-off of 1/255."""
seeds = st.integers(0, 10_000)
quick = settings(max_examples=8, deadline=None)


def render(backend: str, scene: dict, **changes: object) -> RasterOutput:
    return rasterize(**placed(scene | changes, backend), backend=backend)


def gradients(backend: str, scene: dict, cotangent: Tensor, **changes: object) -> dict[str, Tensor]:
    scene = {n: v.detach().clone().requires_grad_() if n in GAUSSIAN else v for n, v in (scene | changes).items()}
    out = render(backend, scene)
    out.rgb.backward(cotangent.to(out.rgb))
    return {name: scene[name].grad for name in GAUSSIAN if scene[name].grad is not None}


def assert_pictures_agree(a: Tensor, b: Tensor) -> None:
    assert (a - b).abs().max() < FLIP
    assert (a - b).abs().mean() < 1e-5


def scaled(scene: dict, factor: float) -> dict:
    viewmats = scene["viewmats"].clone()
    viewmats[:, :3, 3] *= factor
    return {"means": scene["means"] * factor, "scales": scene["scales"] * factor, "viewmats": viewmats}


@given(seed=seeds, exponent=st.integers(-6, 8))
@quick
def test_a_world_of_another_unit_gives_the_same_bits(backend: str, seed: int, exponent: int) -> None:
    """Powers of two scale floats without rounding; depth scales along."""
    if backend == "gsplat":
        pytest.skip("gsplat's kernels are not ours to promise bits of")
    scene, factor = random_scene(60, seed=seed, cameras=2), 2.0**exponent
    planes = {"near_plane": 0.01 * factor, "far_plane": 100.0 * factor}
    before = render(backend, scene, near_plane=0.01, far_plane=100.0)
    after = render(backend, scene, **scaled(scene, factor), **planes)
    assert torch.equal(before.rgb, after.rgb)
    assert torch.equal(before.alpha, after.alpha)
    assert torch.equal(before.radii, after.radii)
    assert torch.equal(before.depth * factor, after.depth)


def farthest(scene: dict[str, Tensor]) -> float:
    """The depth beside which a flip at the threshold of opacity counts as it does in a colour."""
    depths = torch.einsum("cj,nj->cn", scene["viewmats"][:, 2, :3], scene["means"]) + scene["viewmats"][:, 2, 3:]
    return float(depths.max())


@example(seed=150, factor=1.5)
@given(seed=seeds, factor=st.floats(0.05, 20))
@quick
def test_the_unit_of_length_does_not_matter(backend: str, seed: int, factor: float) -> None:
    scene = random_scene(60, seed=seed)
    before, after = render(backend, scene), render(backend, scene, **scaled(scene, factor))
    assert_pictures_agree(before.rgb, after.rgb)
    far = farthest(scene)
    assert_pictures_agree(before.depth / far, after.depth / (factor * far))


@given(seed=seeds, quarters=st.integers(1, 3))
@quick
def test_a_camera_turned_about_its_axis_turns_the_picture(backend: str, seed: int, quarters: int) -> None:
    scene = random_scene(60, seed=seed, size=(48, 48))
    scene["Ks"][:, 0, 0] = scene["Ks"][:, 1, 1]
    turn = torch.tensor([[0.0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])  # x to y: clockwise on screen
    viewmats = torch.linalg.matrix_power(turn, quarters) @ scene["viewmats"]
    before, after = render(backend, scene), render(backend, scene, viewmats=viewmats)
    assert_pictures_agree(torch.rot90(before.rgb, -quarters, dims=(1, 2)), after.rgb)
    far = farthest(scene)
    assert_pictures_agree(torch.rot90(before.depth, -quarters, dims=(1, 2)) / far, after.depth / far)


@given(seed=seeds, left=st.integers(0, 12), top=st.integers(0, 9))
@quick
def test_a_shifted_principal_point_crops_the_picture(backend: str, seed: int, left: int, top: int) -> None:
    scene = random_scene(60, seed=seed, size=(64, 48))
    scene["means"][:, :2] *= 0.5  # the local affine map is clamped outside of the image, which a crop makes smaller
    Ks = scene["Ks"].clone()
    Ks[:, 0, 2] -= left
    Ks[:, 1, 2] -= top
    whole, crop = render(backend, scene), render(backend, scene, Ks=Ks, width=50, height=37)
    assert crop.rgb.shape == (1, 37, 50, 3)
    assert_pictures_agree(whole.rgb[:, top : top + 37, left : left + 50], crop.rgb)
    seen = (crop.radii > 0) & (whole.radii > 0)
    shift = torch.tensor([left, top]).to(whole.means2d)
    torch.testing.assert_close(whole.means2d[seen] - shift, crop.means2d[seen], rtol=0, atol=1e-4)


@given(seed=seeds, split=st.integers(1, 4))
@quick
def test_extra_channels_are_colours_without_a_background(backend: str, seed: int, split: int) -> None:
    scene = random_scene(60, seed=seed, channels=5)
    together = render(backend, scene, backgrounds=None)
    colors = scene["colors"]
    apart = render(backend, scene, colors=colors[:, :split], extra=colors[:, split:], backgrounds=None)
    alone = render(backend, scene, colors=colors[:, split:], backgrounds=None)
    torch.testing.assert_close(torch.cat([apart.rgb, apart.extra], -1), together.rgb, rtol=0, atol=1e-6)
    torch.testing.assert_close(apart.extra, alone.rgb, rtol=0, atol=1e-6)
    torch.testing.assert_close(apart.depth, together.depth, rtol=0, atol=1e-6)


@given(seed=seeds, cameras=st.integers(2, 4))
@quick
def test_several_cameras_are_single_cameras(backend: str, seed: int, cameras: int) -> None:
    scene = random_scene(60, seed=seed, cameras=cameras, extra=1)
    cotangent = torch.randn(cameras, 47, 61, 3, generator=torch.Generator().manual_seed(seed))
    together, total = render(backend, scene), gradients(backend, scene, cotangent)
    summed = {name: torch.zeros_like(grad) for name, grad in total.items()}
    for c in range(cameras):
        one = {name: scene[name][c : c + 1] for name in ("viewmats", "Ks", "backgrounds")}
        alone = render(backend, scene, **one)
        for name in ("rgb", "alpha", "depth", "extra", "means2d", "radii"):
            torch.testing.assert_close(getattr(together, name)[c], getattr(alone, name)[0], rtol=0, atol=1e-6)
        for name, grad in gradients(backend, scene, cotangent[c : c + 1], **one).items():
            summed[name] += grad
    for name, grad in total.items():
        torch.testing.assert_close(grad, summed[name], rtol=1e-4, atol=1e-4 * float(grad.abs().max() + 1e-6))


@given(seed=seeds)
@quick
def test_gradients_follow_the_order_of_gaussians(backend: str, seed: int) -> None:
    scene = random_scene(60, seed=seed, extra=2)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(seed))
    cotangent = torch.randn(1, 47, 61, 3, generator=torch.Generator().manual_seed(seed))
    plain = gradients(backend, scene, cotangent)
    mixed = gradients(backend, scene, cotangent, **{name: scene[name][order] for name in GAUSSIAN})
    for name, grad in plain.items():
        torch.testing.assert_close(grad[order], mixed[name], rtol=1e-4, atol=1e-4 * float(grad.abs().max() + 1e-6))


@given(seed=seeds)
@quick
def test_a_quaternion_and_its_negative_are_one_rotation(backend: str, seed: int) -> None:
    scene = random_scene(60, seed=seed)
    before = render(backend, scene)
    after = render(backend, scene, quats=-3.0 * scene["quats"])
    assert_pictures_agree(before.rgb, after.rgb)


@given(seed=seeds)
@quick
def test_colour_enters_linearly(backend: str, seed: int) -> None:
    scene = random_scene(60, seed=seed) | {"backgrounds": None}
    other = torch.rand(60, 3, generator=torch.Generator().manual_seed(seed))
    mixed = render(backend, scene, colors=2 * scene["colors"] - 0.5 * other)
    expected = 2 * render(backend, scene).rgb - 0.5 * render(backend, scene, colors=other).rgb
    torch.testing.assert_close(mixed.rgb, expected, rtol=0, atol=2e-6)
