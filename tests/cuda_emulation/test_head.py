"""The deformation, the head rendered in one go and the similarity map, on the emulated device."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest
import torch
from support_head import make_head, make_motion
from torch import Tensor

from gaussian_head import InputError
from gaussian_head.head.branch import TRAINED, Branch, deform
from gaussian_head.head.cuda_render import HeadFrames, HeadRenderer
from gaussian_head.head.fused import deform_moments
from gaussian_head.metrics import fused
from gaussian_head.metrics.image import C1, C2, _SsimMap, _window
from gaussian_head.motion import MotionFrame, Pose
from gaussian_head.raster import rasterize
from gaussian_head.rendering import render_frame
from gaussian_head.rendering.drawing import on_device

OUTPUTS = ("means", "quats", "scales", "opacities", "colors")


def head_branches(count: int = 45, sh_degree: int = 1) -> tuple[Branch, ...]:
    """Three small branches with lively bases."""
    rng = torch.Generator().manual_seed(0)
    bases = (sh_degree + 1) ** 2
    branches = []
    for i, (name, uses) in enumerate({"face": 13, "mouth": 6, "torso": 3}.items()):
        n = count + 11 * i

        def random(*shape: int, scale: float = 1.0) -> Tensor:
            return scale * torch.randn(*shape, generator=rng)

        branches.append(
            Branch(
                name=name,
                uses=torch.randperm(16, generator=rng)[:uses],
                means=random(n, 3, scale=0.08),
                quats=random(n, 4),
                log_scales=random(n, 3, scale=0.3) - 4.5,
                logit_opacities=random(n),
                sh0=random(n, 1, 3, scale=0.5),
                shN=random(n, bases - 1, 3, scale=0.2),
                basis=random(n, 3, uses, scale=0.01),
                stretch=random(n, 6, uses, scale=0.05),
                head_weights=torch.rand(n, generator=rng),
                opacity_uses=torch.randperm(16, generator=rng)[: 2 + i],
                opacity_basis=random(n, 2 + i),
            )
        )
    return tuple(branches)


def moments(count: int = 3) -> tuple[Tensor, Tensor]:
    """Coefficients [F, 16] and poses [F, 14] about a metre in front of the camera."""
    rng = torch.Generator().manual_seed(1)
    poses = torch.randn(count, 14, generator=rng)
    poses[:, 4:7] = poses[:, 4:7] * 0.02 + torch.tensor([0, 0, 1.0])
    poses[:, 11:14] = poses[:, 11:14] * 0.02 + torch.tensor([0, 0.1, 1.1])
    poses[:, [0, 7]] += 3
    poses[0, 7:11] *= -1  # the other half of the sphere
    poses[:, :4] /= poses[:, :4].norm(dim=1, keepdim=True)
    poses[:, 7:11] /= poses[:, 7:11].norm(dim=1, keepdim=True)
    return torch.randn(count, 16, generator=rng), poses


def moment(poses: Tensor, f: int) -> MotionFrame:
    head_quat, head_position, torso_quat, torso_position = poses[f].split([4, 3, 4, 3])
    return MotionFrame.neutral(
        head=Pose(quats=head_quat, positions=head_position),
        torso=Pose(quats=torso_quat, positions=torso_position),
    )


def reference(branches: tuple[Branch, ...], coefficients: Tensor, poses: Tensor) -> list[Tensor]:
    """What ``deform_moments`` promises, in torch."""
    rows = [[deform(b, coefficients[f], moment(poses, f)) for b in branches] for f in range(len(poses))]
    return [torch.stack([torch.cat([getattr(g, name) for g in row]) for row in rows]) for name in OUTPUTS]


def with_leaves(branches: tuple[Branch, ...], dtype: torch.dtype) -> tuple[tuple[Branch, ...], list[Tensor]]:
    """The branches in a dtype, and their trained tensors as leaves."""
    made, leaves = [], []
    for branch in branches:
        tensors = {name: tensor.to(dtype) for name, tensor in branch.tensors().items()}
        for name in TRAINED:
            tensors[name] = tensors[name].detach().clone().requires_grad_()
            leaves.append(tensors[name])
        made.append(replace(branch, **tensors))
    return tuple(made), leaves


@pytest.mark.parametrize(("sh_degree", "count"), [(1, 45), (0, 300)])
def test_deformation_and_its_gradients(emulated: ModuleType, sh_degree: int, count: int) -> None:
    branches, (coefficients, poses) = head_branches(count, sh_degree), moments()
    results = []
    for function, dtype in ((reference, torch.float64), (deform_moments, torch.float32)):
        own, leaves = with_leaves(branches, dtype)
        c, p = coefficients.to(dtype).requires_grad_(), poses.to(dtype).requires_grad_()
        outputs = list(function(own, c, p))
        rng = torch.Generator().manual_seed(5)
        weights = [torch.randn(x.shape, generator=rng, dtype=torch.float64).to(dtype) for x in outputs]
        torch.autograd.backward(outputs, weights)
        results.append(([x.detach() for x in outputs], [c.grad, p.grad, *(leaf.grad for leaf in leaves)]))
    (want, want_grads), (have, have_grads) = results
    for name, a, b in zip(OUTPUTS, have, want, strict=True):
        torch.testing.assert_close(a.double(), b, rtol=1e-5, atol=2e-6, msg=lambda m, name=name: f"{name}: {m}")
    for i, (a, b) in enumerate(zip(have_grads, want_grads, strict=True)):
        assert (a.double() - b).norm() <= 2e-5 * b.norm(), i


def test_only_wanted_gradients_of_the_deformation(emulated: ModuleType) -> None:
    branches, (coefficients, poses) = head_branches(), moments(1)
    coefficients.requires_grad_()
    deform_moments(branches, coefficients, poses).means.sum().backward()
    assert coefficients.grad.abs().sum() > 0
    assert deform_moments(branches, coefficients.detach(), poses).means.grad_fn is None


def cameras(count: int, width: int, height: int) -> tuple[Tensor, Tensor]:
    viewmats = torch.eye(4).repeat(count, 1, 1)
    viewmats[:, 0, 3] = torch.linspace(-0.02, 0.03, count)
    K = torch.tensor([[2.5 * width, 0, width / 2], [0, 2.5 * width, height / 2], [0, 0, 1]])
    return viewmats, K.repeat(count, 1, 1)


@pytest.mark.parametrize("sh_degree", [0, 1])
def test_a_head_in_one_go_is_deformed_then_rasterized(
    emulated: ModuleType, monkeypatch: pytest.MonkeyPatch, sh_degree: int
) -> None:
    branches, (coefficients, poses) = head_branches(150, sh_degree), moments(3)
    viewmats, Ks = cameras(3, 50, 41)
    backgrounds = torch.rand(3, 3)
    renderer = HeadRenderer(branches=branches)
    frames = renderer.render(coefficients, poses, viewmats, Ks, 50, 41, backgrounds=backgrounds)
    assert renderer.needed_pairs() > 100
    posed = reference(branches, coefficients, poses)
    monkeypatch.undo()  # what follows runs the CPU kernels
    for f in range(3):
        arguments = (*(x[f] for x in posed), viewmats[f : f + 1], Ks[f : f + 1], 50, 41)
        want = rasterize(*arguments, sh_degree=sh_degree, backgrounds=backgrounds[f : f + 1], backend="cpu")
        for name in ("rgb", "alpha", "depth"):
            torch.testing.assert_close(getattr(frames, name)[f], getattr(want, name)[0], rtol=0, atol=2e-5)


def test_a_head_again_and_again_takes_no_memory_and_no_wait(emulated: ModuleType) -> None:
    branches, (coefficients, poses) = head_branches(100), moments(2)
    viewmats, Ks = cameras(2, 40, 40)
    want = HeadRenderer(branches=branches).render(coefficients, poses, viewmats, Ks, 40, 40)
    renderer = HeadRenderer(branches=branches, pair_capacity=20_000)
    frames = renderer.render(coefficients, poses, viewmats, Ks, 40, 40)
    waits, allocations = emulated.waits(), emulated.allocations()
    emulated.use_capture(True)
    try:
        for image in (frames.rgb, frames.alpha, frames.depth):
            image.fill_(float("nan"))
        renderer.render_into(frames, coefficients, poses, viewmats, Ks)
    finally:
        emulated.use_capture(False)
    assert (emulated.waits(), emulated.allocations()) == (waits, allocations)
    for name in ("rgb", "alpha", "depth"):
        assert torch.equal(getattr(frames, name), getattr(want, name)), name


def test_a_renderer_names_what_is_wrong(emulated: ModuleType) -> None:
    branches, (coefficients, poses) = head_branches(20), moments(2)
    viewmats, Ks = cameras(2, 20, 20)
    renderer = HeadRenderer(branches=branches)
    with pytest.raises(InputError, match="nothing was rendered yet"):
        renderer.needed_pairs()
    with pytest.raises(InputError, match="viewmats has shape"):
        renderer.render(coefficients, poses, viewmats[:1], Ks, 20, 20)
    with pytest.raises(InputError, match="coefficients has shape"):
        renderer.render(coefficients[:1], poses, viewmats, Ks, 20, 20)
    with pytest.raises(InputError, match="backgrounds has shape"):
        renderer.render(coefficients, poses, viewmats, Ks, 20, 20, backgrounds=torch.zeros(3))
    with pytest.raises(InputError, match="contiguous: False"):
        renderer.render(coefficients, poses, viewmats.transpose(1, 2), Ks, 20, 20)
    with pytest.raises(InputError, match="higher SH coefficients"):
        HeadRenderer(branches=(branches[0], head_branches(20, 0)[1]))
    with pytest.raises(InputError, match="pair_capacity is -1"):
        HeadRenderer(branches=branches, pair_capacity=-1)
    with pytest.raises(InputError, match="float32 on one device"):
        HeadRenderer(branches=with_leaves(branches, torch.float64)[0])
    assert isinstance(renderer.render(coefficients, poses, viewmats, Ks, 20, 20), HeadFrames)


def test_the_real_head(emulated: ModuleType) -> None:
    head, motion = make_head(), make_motion(6)
    frames = [motion.at(t) for t in range(2)]
    with torch.no_grad():
        c = torch.stack([head.coefficients_at(frame) for frame in frames])
    poses = torch.stack([torch.cat([f.head.quats, f.head.positions, f.torso.quats, f.torso.positions]) for f in frames])
    have = deform_moments(head.branches, c, poses)
    for name, a, b in zip(OUTPUTS, have, reference(head.branches, c, poses), strict=True):
        torch.testing.assert_close(a, b.detach(), rtol=1e-4, atol=2e-5, msg=lambda m, name=name: f"{name}: {m}")


@pytest.mark.parametrize("backdrop", ["plate", "colour", "black"])
def test_a_film_drawn_on_the_device_is_the_film_of_the_cpu(
    emulated: ModuleType, monkeypatch: pytest.MonkeyPatch, backdrop: str
) -> None:
    head, motion = make_head(num_gaussians=300, size=48), make_motion(6)
    background = {"plate": head.background, "colour": torch.tensor([0.2, 0.5, 0.1]), "black": None}[backdrop]
    draw = on_device(head, torch.device("cpu"))
    before = emulated.launches()
    frames = [draw(motion.at(t), head.camera, background) for t in (0, 3)]
    assert emulated.launches() > before
    monkeypatch.undo()  # what follows runs the CPU kernels
    for t, frame in zip((0, 3), frames, strict=True):
        want = render_frame(head, motion, t, background=background)
        assert frame.extra.shape == want.extra.shape
        for name in ("rgb", "alpha", "depth"):  # where a ray ends early, a rounding decides of the last splat
            a, b = getattr(frame, name), getattr(want, name)
            assert (a - b).norm() <= 1e-4 * b.norm(), name


SIZES = [(64, 48, 3), (37, 61, 3), (1, 30, 1), (4, 7, 4), (23, 6, 3), (16, 16, 2)]


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("wanted", [(True, True), (True, False)])
def test_similarity_and_its_gradients(
    emulated: ModuleType, shape: tuple[int, int, int], wanted: tuple[bool, bool]
) -> None:
    rng = torch.Generator().manual_seed(0)
    a = torch.rand(shape, generator=rng)
    b, v = (a + 0.2 * torch.randn(shape, generator=rng)).clamp(0, 1), torch.randn(shape, generator=rng)
    results = []
    for dtype in (torch.float64, torch.float32):
        own = [x.to(dtype).requires_grad_(w) for x, w in zip((a, b), wanted, strict=True)]
        before = emulated.launches()
        if dtype == torch.float64:
            similarity = _SsimMap.apply(*own)
        else:
            similarity = fused.ssim_map_fused(*own, _window(own[0]), C1, C2)
        similarity.backward(v.to(dtype))
        results.append([similarity.detach(), *(x.grad for x, w in zip(own, wanted, strict=True) if w)])
    assert emulated.launches() == before + 2
    for have, want in zip(results[1], results[0], strict=True):
        assert float((have - want).abs().max()) < 2e-4 * max(1.0, float(want.abs().max()))
