"""Gaussians given by their covariances in place of rotations and scales."""

from __future__ import annotations

import pytest
import torch
from raster_scenes import placed, random_scene
from torch import Tensor

from gaussian_head import InputError
from gaussian_head.raster import rasterize
from gaussian_head.raster.frames import rasterize_frames
from gaussian_head.transforms import quat_to_rotmat

IMAGES = ("rgb", "alpha", "depth", "extra")


def with_covariances(scene: dict) -> dict:
    """The same Gaussians, without their quats and scales."""
    axes = quat_to_rotmat(scene["quats"]) * scene["scales"][:, None, :]
    return scene | {"covars": axes @ axes.transpose(-1, -2), "quats": None, "scales": None}


def drawn(scene: dict, backend: str, **options: object) -> tuple[object, dict[str, Tensor]]:
    scene = placed(scene, backend)
    names = [n for n in ("means", "quats", "scales", "covars", "opacities", "viewmats") if scene.get(n) is not None]
    leaves = {name: scene[name].detach().clone().requires_grad_() for name in names}
    out = rasterize(**(scene | leaves), backend=backend, **options)  # type: ignore[arg-type]
    rng = torch.Generator().manual_seed(9)
    images = [getattr(out, name) for name in IMAGES]
    sum((x * torch.randn(x.shape, generator=rng, dtype=torch.float64).to(x)).sum() for x in images).backward()  # type: ignore[union-attr]
    return out, {name: leaf.grad for name, leaf in leaves.items()}  # type: ignore[misc]


def test_finite_differences_agree() -> None:
    scene = with_covariances(random_scene(4, size=(8, 7), max_opacity=0.6, dtype=torch.float64))
    scene["covars"] = scene["covars"] * 4

    def image(covars: Tensor, means: Tensor) -> Tensor:
        return rasterize(**(scene | {"covars": covars, "means": means}), backend="reference").rgb

    leaves = [scene[name].clone().requires_grad_() for name in ("covars", "means")]
    assert torch.autograd.gradcheck(image, leaves, eps=1e-8, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("mode", ["classic", "antialiased"])
def test_they_look_as_rotations_and_scales_do_and_pull_back_alike(backend: str, mode: str) -> None:
    """The gradient to a covariance, taken on to rotation and scales by torch, is the one these get directly."""
    scene = random_scene(200, cameras=2, extra=1, dtype=torch.float64)
    if backend != "reference":
        scene = {name: v.float() if isinstance(v, Tensor) else v for name, v in scene.items()}
    want, direct = drawn(scene, backend, rasterize_mode=mode)
    have, grads = drawn(with_covariances(scene), backend, rasterize_mode=mode)
    grads = {name: grad.cpu() for name, grad in grads.items()}
    for name in IMAGES:
        a, b = getattr(have, name), getattr(want, name)
        assert (a - b).norm() <= 1e-4 * b.norm() + 1e-6, name
    quats, scales = scene["quats"].clone().requires_grad_(), scene["scales"].clone().requires_grad_()
    axes = quat_to_rotmat(quats) * scales[:, None, :]
    (axes @ axes.transpose(-1, -2)).backward(grads["covars"])
    grads |= {"quats": quats.grad, "scales": scales.grad}
    for name, grad in direct.items():
        assert (grads[name] - grad.cpu()).norm() <= 2e-3 * grad.norm() + 1e-9, name


def test_kernel_equals_reference(kernel: str) -> None:
    scene = with_covariances(random_scene(300, cameras=2, extra=1))
    double = {name: v.double() if isinstance(v, Tensor) else v for name, v in scene.items()}
    have, want = drawn(scene, kernel), drawn(double, "reference")
    for name in IMAGES:
        a, b = getattr(have[0], name).cpu().double(), getattr(want[0], name)
        assert (a - b).norm() <= 1e-4 * b.norm() + 1e-6, name
    for name, grad in want[1].items():
        assert (have[1][name].cpu().double() - grad).norm() <= 2e-3 * grad.norm(), name


def test_flat_and_thin_ones_are_drawn(backend: str) -> None:
    scene = random_scene(60, size=(40, 33))
    scene["scales"][:20, 2] = 0
    scene["scales"][20:40, 1:] = 0
    scene["quats"][::2] = torch.tensor([1.0, 0, 0, 0])  # zeros on the diagonal itself
    a, b = (rasterize(**placed(s, backend), backend=backend) for s in (scene, with_covariances(scene)))
    assert (a.rgb - b.rgb).norm() <= 1e-3 * a.rgb.norm()
    scene["scales"].zero_()
    a, b = (rasterize(**placed(s, backend), backend=backend) for s in (scene, with_covariances(scene)))
    assert (a.rgb - b.rgb).abs().max() <= 1e-5  # points: the filter alone gives them a size


def test_of_what_is_not_symmetric_the_symmetric_part_counts(backend: str) -> None:
    scene = with_covariances(random_scene(30))
    twisted = torch.randn(30, 3, 3, generator=torch.Generator().manual_seed(0)) * 1e-5
    skewed = scene | {"covars": scene["covars"] + twisted - twisted.transpose(1, 2)}
    a, b = (rasterize(**placed(s, backend), backend=backend).rgb for s in (scene, skewed))
    assert (a - b).abs().max() <= 1e-3  # up to what rounding the sums costs


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_broken_ones_are_not_drawn(kernel: str, bad: float) -> None:
    scene = with_covariances(random_scene(60))
    whole = rasterize(**placed(scene, kernel), backend=kernel)
    covars = scene["covars"][:9].clone()
    for i in range(9):
        covars[i, i // 3, i % 3] = bad
    more = {name: torch.cat([scene[name], scene[name][:9]]) for name in ("means", "opacities", "colors", "extra")}
    broken = scene | more | {"covars": torch.cat([scene["covars"], covars])}
    out = rasterize(**placed(broken, kernel), backend=kernel)
    assert torch.equal(out.rgb, whole.rgb)
    assert not out.radii[0, 60:].any()


def test_frames_take_them_too() -> None:
    scene = with_covariances(random_scene(60, cameras=2, extra=1))
    names = ("means", "covars", "opacities", "colors", "extra")
    each = {name: scene[name].expand(2, *scene[name].shape) if name in names else v for name, v in scene.items()}
    assert torch.equal(rasterize_frames(**each).rgb, rasterize(**scene).rgb)


def test_neither_form_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="quats is a NoneType"):
        rasterize(**(random_scene(3) | {"quats": None}))
    with pytest.raises(InputError, match=r"covars has shape \[3, 6\]; \[3, 3, 3\] was wanted"):
        rasterize(**(random_scene(3) | {"covars": torch.zeros(3, 6)}))
