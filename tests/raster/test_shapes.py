"""Arrays that do not belong together never reach a kernel, whoever calls: an error names the first of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from raster_scenes import random_scene

from gaussian_head import InputError, kernels
from gaussian_head.camera import Camera
from gaussian_head.gaussians import Gaussians
from gaussian_head.raster import rasterize, rasterize_view

module = kernels.compiled()
pytestmark = pytest.mark.skipif(module is None, reason="this installation has no compiled kernels")

N, J, F, H, W, C = 20, 5, 2, 16, 24, 3


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


BRANCH = {
    "means": (N, 3),
    "quats": (N, 4),
    "log_scales": (N, 3),
    "logit_opacities": (N,),
    "sh0": (N, 1, 3),
    "shN": (N, 3, 3),
    "basis": (N, 3, J),
    "stretch": (N, 6, J),
    "head_weights": (N,),
    "coefficients": (F, J),
}
TRAINED = {name: BRANCH[name] for name in BRANCH if name not in ("stretch", "head_weights")}
DEFORMED = {"means": (F, N, 3), "quats": (F, N, 4), "scales": (F, N, 3), "opacities": (F, N), "colors": (F, N, 4, 3)}
OFFSETS = {"moved": (F, N, 3), "stretched": (F, N, 6)}
SCENE = {
    "means": (N, 3),
    "quats": (N, 4),
    "scales": (N, 3),
    "opacities": (N,),
    "colors": (N, 3),
    "extra": (N, 2),
    "viewmats": (F, 4, 4),
    "Ks": (F, 3, 3),
    "backgrounds": (F, 3),
}
IMAGES = {"rgb": (F, H, W, 3), "alpha": (F, H, W), "depth": (F, H, W), "extra": (F, H, W, 2)}
GRADIENTS = {name: SCENE[name] for name in ("means", "quats", "scales", "opacities", "colors", "extra")}
GRADIENTS |= {"means2d": (F, N, 2), "viewmats": (F, 4, 4), "backgrounds": (F, 3), "absgrad": (F, N, 2)}


def arrays(shapes: dict, change: tuple[str, tuple[int, ...]] | None = None) -> list[np.ndarray]:
    shapes = shapes | ({change[0]: change[1]} if change else {})
    return [zeros(*shape) for shape in shapes.values()]


def branch(change=None):
    return module.DeformBranch(*arrays(BRANCH, change), False)


def deform(change=None):
    module.deform([branch()], zeros(F, 14), *arrays(DEFORMED | OFFSETS, change), 1)


def deform_vjp(change=None, gradient=None):
    gradients = module.DeformGradients(*arrays(TRAINED, gradient))
    offsets = arrays(DEFORMED | OFFSETS, change)
    module.deform_vjp([branch()], zeros(F, 14), *offsets, [gradients], zeros(F, 14), 1)


def deform_gradients(change=None):
    deform_vjp(gradient=change)


def scene(change=None):
    return module.Scene(*arrays(SCENE, change), W, H, 0.01, 100.0, 0.3)


def forward(change=None):
    return module.forward(scene(), module.Outputs(*arrays(IMAGES, change)), zeros(F, N, 2), radii(F, N), True, 1)


def radii(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.int32)


def backward(change=None):
    plan, images = forward(), module.Outputs(*arrays(IMAGES))
    cotangents = module.Cotangents(*arrays(IMAGES))
    module.backward(plan, scene(), images, cotangents, module.Gradients(*arrays(GRADIENTS, change)), 1)


SSIM = {"a": (H, W, C), "b": (H, W, C), "taps": (11,)}
PARTIALS = {"mean_a": (H, W, C), "squares": (H, W, C), "product": (H, W, C), "mean_b": (H, W, C)}


def ssim(change=None):
    a, b, taps, *rest = arrays(SSIM | {"similarity": (H, W, C)} | PARTIALS, change)
    module.ssim_map(a, b, taps, 0.1, 0.2, *rest, 1)


def ssim_vjp(change=None):
    shapes = SSIM | PARTIALS | {"v_similarity": (H, W, C), "v_a": (H, W, C), "v_b": (H, W, C)}
    module.ssim_map_vjp(*arrays(shapes, change), 1)


def sh(change=None):
    coefficients, dirs, rgb = arrays({"coefficients": (N, 4, 3), "dirs": (F, N, 3), "rgb": (F, N, 3)}, change)
    module.sh_colors(coefficients, dirs, 1, rgb, 1)


def sh_vjp(change=None):
    shapes = {"coefficients": (N, 4, 3), "dirs": (F, N, 3), "v_rgb": (F, N, 3), "v_coefficients": (N, 4, 3)}
    coefficients, dirs, *rest = arrays(shapes | {"v_dirs": (F, N, 3)}, change)
    module.sh_colors_vjp(coefficients, dirs, 1, *rest, 1)


CALLS: dict[str, tuple[Callable, dict]] = {
    "branch": (branch, BRANCH),
    "deform": (deform, DEFORMED | OFFSETS),
    "deform_vjp": (deform_vjp, DEFORMED | OFFSETS),
    "deform gradients": (deform_gradients, TRAINED),
    "scene": (scene, SCENE),
    "images": (forward, IMAGES),
    "gradients": (backward, GRADIENTS),
    "ssim": (ssim, SSIM | PARTIALS),
    "ssim_vjp": (ssim_vjp, SSIM | PARTIALS),
    "sh": (sh, {"dirs": (F, N, 3), "rgb": (F, N, 3)}),
    "sh_vjp": (sh_vjp, {"dirs": (F, N, 3), "v_rgb": (F, N, 3), "v_coefficients": (N, 4, 3), "v_dirs": (F, N, 3)}),
}
FREE = {("scene", "colors"), ("scene", "extra"), ("branch", "coefficients")}
"""Arrays whose last size is free."""


@pytest.mark.parametrize("call", CALLS)
def test_every_array_is_held_to_its_shape(call: str) -> None:
    run, shapes = CALLS[call]
    run()
    for name, shape in shapes.items():
        wrong = {(1, *shape[1:]), (*shape, 1), shape[:-1]}
        if (call, name) not in FREE:
            wrong.add((*shape[:-1], shape[-1] - 1))
        if (call, name) in {("branch", "coefficients"), ("branch", "means"), ("scene", "viewmats")}:
            wrong.discard((1, *shape[1:]))  # the others are then wrong: named below
        for other in wrong - {shape}:
            with pytest.raises(ValueError, match=r"shape|wanted"):
                run((name, other))


def test_one_quaternion_for_two_million_means_is_no_crash() -> None:
    big = 2_000_000
    shapes = {name: (big, *shape[1:]) if shape[0] == N else shape for name, shape in BRANCH.items()}
    with pytest.raises(ValueError, match=r"quats has shape \[1, 4\]; \[2000000, 4\] was wanted"):
        module.DeformBranch(*arrays(shapes, ("quats", (1, 4))), False)


def test_a_plan_of_another_scene_is_refused() -> None:
    plan = forward()
    other = module.Scene(
        *arrays({k: (N + 1, *v[1:]) if v[0] == N else v for k, v in SCENE.items()}), W, H, 0.01, 9.0, 0.3
    )
    with pytest.raises(RuntimeError, match="another scene"):
        plan.work(other)


def test_a_first_scene_without_a_visible_gaussian_has_gradients() -> None:
    """In a process of its own: nothing was rendered before, so no memory is there."""
    code = (
        "import torch; from gaussian_head.raster import rasterize\n"
        "means = torch.zeros(20, 3, requires_grad=True)\n"
        "rest = (torch.zeros(20, 4), torch.zeros(20, 3), torch.zeros(20), torch.zeros(20, 3))\n"
        "K = torch.tensor([[[20.0, 0, 12], [0, 20, 8], [0, 0, 1]]])\n"
        "rasterize(means, *rest, torch.eye(4)[None], K, 24, 16, backend='cpu').rgb.sum().backward()\n"
        "print(means.grad.abs().sum().item())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.strip()) == (0, "0.0"), run.stderr


def test_skew_is_refused(backend: str) -> None:
    given = random_scene(5)
    for row, column, value in ((0, 1, 2.0), (1, 0, 0.1), (2, 2, 2.0), (2, 0, 0.1)):
        Ks = given["Ks"].clone()
        Ks[0, row, column] = value
        with pytest.raises(InputError, match="no skew"):
            rasterize(**given | {"Ks": Ks}, backend=backend if backend in ("reference", "cpu") else "reference")


@pytest.mark.parametrize("count", [2, 3, 5, 8, 25])
def test_a_number_of_coefficients_that_no_degree_has(count: int) -> None:
    given = random_scene(5)
    names = ("means", "quats", "scales", "opacities")
    gaussians = Gaussians(**{name: given[name] for name in names}, colors=torch.zeros(5, count, 3))
    with pytest.raises(InputError, match=f"{count} SH coefficients; 1, 4, 9 or 16"):
        rasterize_view(gaussians, Camera.from_focal(20.0, 8, 8))


def test_more_tiles_than_can_be_counted_are_refused_in_words() -> None:
    num, size = 262_200, 2048  # 16,384 tiles, each covered by every Gaussian
    shapes = {"quats": torch.tensor([1.0, 0, 0, 0]), "scales": torch.full((3,), 50.0), "opacities": torch.tensor(0.5)}
    wide = {name: value.expand(num, *value.shape).contiguous() for name, value in shapes.items()}
    means = torch.tensor([0.0, 0.0, 1.0]).expand(num, 3).contiguous()
    K = torch.tensor([[[1000.0, 0, size / 2], [0, 1000.0, size / 2], [0, 0, 1]]])
    with pytest.raises(InputError, match=r"more than 2\^32 tiles in all; render a smaller picture"):
        rasterize(means, **wide, colors=torch.zeros(num, 3), viewmats=torch.eye(4)[None], Ks=K, width=size, height=size)
