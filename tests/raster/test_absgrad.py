"""Screen gradients without the pixels' signs: their definition, and that every way into the rasterizer gives them."""

from __future__ import annotations

import pytest
import torch
from raster_scenes import device_of, placed, random_scene
from torch import Tensor

from gaussian_head import InputError
from gaussian_head.raster import rasterize
from gaussian_head.raster.frames import rasterize_frames


def drawn(scene: dict, backend: str | None, **options: object) -> tuple[Tensor, Tensor]:
    """``means2d.grad`` and ``means2d.absgrad`` of a random weighting of all images."""
    scene = placed(scene, backend)
    leaves = {"means": scene["means"].clone().requires_grad_()}
    out = rasterize(**(scene | leaves), backend=backend, absgrad=True, **options)  # type: ignore[arg-type]
    rng = torch.Generator().manual_seed(9)
    images = (out.rgb, out.alpha, out.depth, out.extra)
    sum((x * torch.randn(x.shape, generator=rng, dtype=torch.float64).to(x)).sum() for x in images).backward()  # type: ignore[union-attr]
    return out.means2d.grad.cpu(), out.means2d.absgrad.cpu()  # type: ignore[attr-defined,union-attr]


def test_it_is_the_sum_over_pixels_of_the_size_of_each_ones_gradient() -> None:
    scene = random_scene(6, size=(9, 18), dtype=torch.float64)
    scene["means"].requires_grad_()
    weights = torch.randn(18, 9, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    want, signed = torch.zeros(1, 6, 2, dtype=torch.float64), torch.zeros(1, 6, 2, dtype=torch.float64)
    plain = rasterize(**scene, backend="reference")
    for y in range(18):
        for x in range(9):
            loss = (plain.rgb[0, y, x] * weights[y, x]).sum()
            own = torch.autograd.grad(loss, plain.means2d, retain_graph=True)[0]
            want, signed = want + own.abs(), signed + own
    out = rasterize(**scene, backend="reference", absgrad=True)
    (out.rgb[0] * weights).sum().backward()
    torch.testing.assert_close(out.means2d.absgrad, want)
    torch.testing.assert_close(out.means2d.grad, signed)
    assert (want > 1.5 * signed.abs()).any()  # pixels do pull against each other here


@pytest.mark.parametrize("options", [{}, {"cameras": 2, "extra": 1}, {"channels": 1}, {"max_opacity": 1.0, "num": 700}])
@pytest.mark.parametrize("mode", ["classic", "antialiased"])
def test_kernel_equals_reference(kernel: str, options: dict, mode: str) -> None:
    scene = random_scene(**options)
    double = {name: v.double() if isinstance(v, Tensor) else v for name, v in scene.items()}
    have, want = drawn(scene, kernel, rasterize_mode=mode), drawn(double, "reference", rasterize_mode=mode)
    for a, b in zip(have, want, strict=True):
        assert (a.double() - b).norm() <= 2e-4 * b.norm()
    assert (have[1] >= have[0].abs() * (1 - 1e-4) - 1e-6).all()
    assert have[1].sum() > 1.2 * have[0].abs().sum()


def test_many_channels_come_along_on_the_cpu(kernel: str) -> None:
    if kernel != "cpu":
        pytest.skip("on CUDA 7 channels are the most")
    scene = random_scene(extra=20)
    double = {name: v.double() if isinstance(v, Tensor) else v for name, v in scene.items()}
    a, b = drawn(scene, kernel)[1], drawn(double, "reference")[1]
    assert (a.double() - b).norm() <= 2e-4 * b.norm()


def test_the_signed_gradients_keep_their_bits(kernel: str) -> None:
    """Asking for more changes nothing of what was asked before."""
    if kernel == "gsplat":
        pytest.skip("gsplat adds up in another order each time")
    grads = []
    for columns in (2, 4):
        scene = placed(random_scene(200, extra=2), kernel)
        probe = torch.zeros(1, 200, columns, device=device_of(kernel), requires_grad=True)
        for name in ("means", "quats", "scales", "colors", "extra"):
            scene[name].requires_grad_()
        out = rasterize(**scene, probe=probe, backend=kernel)
        (out.rgb.square().sum() + out.extra.sum()).backward()
        assert probe.grad is not None
        grads.append([probe.grad[..., :2], *(scene[name].grad for name in ("means", "quats", "scales", "colors"))])
    for a, b in zip(*grads, strict=True):
        assert torch.equal(a, b)


def test_each_frame_of_a_batch_and_a_traced_graph_fill_a_probe_of_four_columns(kernel: str) -> None:
    scene, device = placed(random_scene(60, cameras=2, extra=1), kernel), device_of(kernel)
    want = drawn(scene, kernel)[1]

    def loss(out: object) -> Tensor:
        rng = torch.Generator().manual_seed(9)
        images = (out.rgb, out.alpha, out.depth, out.extra)  # type: ignore[attr-defined]
        return sum((x * torch.randn(x.shape, generator=rng, dtype=torch.float64).to(x)).sum() for x in images)

    names = ("means", "quats", "scales", "opacities", "colors", "extra")
    each = {name: v.expand(2, *v.shape).contiguous() if name in names else v for name, v in scene.items()}
    probe = torch.zeros(2, 60, 4, device=device, requires_grad=True)
    loss(rasterize_frames(**each, probe=probe)).backward()
    torch.testing.assert_close(probe.grad[..., 2:].cpu(), want, rtol=1e-5, atol=1e-5)  # type: ignore[index]
    torch._dynamo.reset()
    traced = torch.zeros(2, 60, 4, device=device, requires_grad=True)
    compiled = torch.compile(lambda s, p: rasterize(**s, probe=p).rgb, fullgraph=True, backend="aot_eager")
    compiled(scene, traced).square().sum().backward()
    plain = torch.zeros(2, 60, 4, device=device, requires_grad=True)
    rasterize(**scene, probe=plain).rgb.square().sum().backward()
    torch.testing.assert_close(traced.grad, plain.grad, rtol=1e-5, atol=1e-6)
    assert plain.grad[..., 2:].max() > 0  # type: ignore[index]


def test_a_probe_too_narrow_is_named() -> None:
    with pytest.raises(InputError, match=r"probe has shape \[1, 3, 2\]; \[1, 3, 4\] was wanted"):
        rasterize(**random_scene(3), probe=torch.zeros(1, 3, 2), absgrad=True)
