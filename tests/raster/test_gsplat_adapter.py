"""The adapter's own work, with a stand-in for gsplat's CUDA rasterizer that answers in gsplat's shapes."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from raster_scenes import random_scene
from test_covariances import with_covariances
from torch import Tensor

from gaussian_head import InputError
from gaussian_head.raster import RasterOutput, gsplat_adapter, rasterize, reference
from gaussian_head.raster.scene import Scene


class _LeavesAbsgrad(torch.autograd.Function):
    """As gsplat's backward pass: the absolute gradient is laid beside the positions before the other is handed on."""

    @staticmethod
    def forward(ctx: Any, means2d: Tensor) -> Tensor:
        ctx.means2d = means2d
        return torch.cat([means2d, torch.zeros_like(means2d)], -1)

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> Tensor:  # type: ignore[override]
        ctx.means2d.absgrad = v[..., 2:]
        return v[..., :2]


def stand_in(
    *tensors: Tensor, render_mode: str, packed: bool, backgrounds: Tensor | None, absgrad: bool, **settings: Any
) -> Any:
    """gsplat.rasterization for float32 on the CPU: the reference's image; culled positions are left as garbage."""
    assert (render_mode, packed) == ("RGB+D", False)
    means, quats, scales, opacities, colors, viewmats, Ks, width, height = tensors
    assert all(t.isfinite().all() for t in (means, quats, scales, opacities, colors))
    screen = means.new_zeros(len(viewmats), len(means), 2).requires_grad_() if absgrad else None
    out = rasterize(
        means,
        quats,
        scales,
        opacities,
        means.new_zeros(means.shape[0], 1),
        viewmats,
        Ks,
        width,
        height,
        extra=colors if colors.ndim == 2 else None,
        probe=None if screen is None else _LeavesAbsgrad.apply(screen),
        backend="reference",
        **settings,
    )
    image = out.extra
    if backgrounds is not None:
        assert backgrounds.shape == (viewmats.shape[0], colors.shape[-1])
        image = image + (1 - out.alpha[..., None]) * backgrounds[:, None, None]
    with torch.no_grad():
        out.means2d.data[out.radii == 0] = torch.nan
    means2d = out.means2d
    if screen is not None:
        screen.data.copy_(means2d)
        means2d = screen
    radii = torch.stack([out.radii, (out.radii + 1) // 2], -1)
    return torch.cat([image, out.depth[..., None]], -1), out.alpha[..., None], {"means2d": means2d, "radii": radii}


@pytest.fixture(autouse=True)
def gsplat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gsplat", SimpleNamespace(rasterization=stand_in))


def scene_of(values: dict, probe: Tensor | None = None) -> Scene:
    names = ("means", "quats", "scales", "opacities", "colors", "extra", "viewmats", "Ks", "backgrounds")
    settings = {"near_plane": 0.01, "far_plane": 1e10, "eps2d": 0.3, "width": values["width"]}
    return Scene(**{name: values[name] for name in names}, **settings, height=values["height"], probe=probe)


def assert_same(have: RasterOutput, want: RasterOutput) -> None:
    for name in ("rgb", "alpha", "depth", "extra", "means2d", "radii"):
        torch.testing.assert_close(getattr(have, name), getattr(want, name), rtol=1e-5, atol=1e-5, msg=name)


@pytest.mark.parametrize("extra", [0, 2])
def test_channels_backgrounds_and_positions_come_apart_rightly(extra: int) -> None:
    scene = random_scene(60, cameras=2, extra=extra)
    scene["means"][:4, 2] = -1
    assert_same(gsplat_adapter.rasterize(scene_of(scene)), reference.rasterize(scene_of(scene)))
    black = scene | {"backgrounds": None}
    assert_same(gsplat_adapter.rasterize(scene_of(black)), reference.rasterize(scene_of(black)))


@pytest.mark.parametrize("name", ["means", "quats", "scales", "opacities", "colors", "extra"])
def test_broken_gaussians_are_not_drawn(name: str) -> None:
    scene = random_scene(60, extra=2)
    scene[name][3] = torch.nan
    scene["means"].requires_grad_()
    have = gsplat_adapter.rasterize(scene_of(scene))
    assert_same(have, reference.rasterize(scene_of(scene)))
    have.rgb.sum().backward()
    assert scene["means"].grad.isfinite().all()


def test_a_probe_takes_the_screen_gradient() -> None:
    scene = random_scene(60)
    scene["means"].requires_grad_()
    probe = torch.zeros(1, 60, 2, requires_grad=True)
    for times in (1, 2):
        out = gsplat_adapter.rasterize(scene_of(scene, probe))
        out.rgb.sum().backward()
        torch.testing.assert_close(probe.grad, times * out.means2d.grad)
    assert probe.grad.abs().max() > 0


def test_a_probe_of_four_columns_takes_the_absolute_one_too() -> None:
    scene = random_scene(60, cameras=2)
    scene["means"].requires_grad_()
    probe, want = torch.zeros(2, 60, 4, requires_grad=True), torch.zeros(2, 60, 4, requires_grad=True)
    gsplat_adapter.rasterize(scene_of(scene, probe)).rgb.square().sum().backward()
    reference.rasterize(scene_of(scene, want)).rgb.square().sum().backward()
    torch.testing.assert_close(probe.grad, want.grad)
    assert (want.grad[..., 2:] > 1.5 * want.grad[..., :2].abs()).any()


def test_covariances_are_handed_on() -> None:
    plain = random_scene(60, cameras=2)
    covars = with_covariances(plain)["covars"].flatten(1)[:, [0, 1, 2, 4, 5, 8]]
    packed = plain | {"quats": covars, "scales": torch.zeros(60, 0)}
    assert_same(gsplat_adapter.rasterize(scene_of(packed)), reference.rasterize(scene_of(packed)))
    torch.testing.assert_close(
        gsplat_adapter.rasterize(scene_of(packed)).rgb, reference.rasterize(scene_of(plain)).rgb, rtol=0, atol=1e-4
    )


def test_without_gsplat_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gsplat", None)
    with pytest.raises(InputError, match="pip install gsplat"):
        gsplat_adapter.rasterize(scene_of(random_scene(3)))
