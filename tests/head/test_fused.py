"""The compiled deformation against the torch one."""

from dataclasses import replace

import pytest
import torch

from gaussian_head.checks import InputError
from gaussian_head.gaussians import Gaussians
from gaussian_head.head import Branch, deform
from gaussian_head.head.branch import TRAINED
from gaussian_head.head.fused import can_deform_fused, deform_fused, deform_moments
from gaussian_head.kernels import compiled as kernels
from gaussian_head.motion import MotionFrame, Pose

OUTPUTS = ("means", "quats", "scales", "opacities", "colors")
POSE = ("head_quat", "head_position", "torso_quat", "torso_position")

pytestmark = pytest.mark.skipif(kernels() is None, reason="this installation has no compiled kernels")


@pytest.fixture(params=kernels().instruction_sets() if kernels() else [])
def instruction_set(request):
    """Every instruction set of this machine in turn."""
    module = kernels()
    before = module.instruction_set()
    module.use_instruction_set(request.param)
    yield request.param
    module.use_instruction_set(before)


def branch(name: str, N: int, J: int, K: int, degree: int, g: torch.Generator) -> Branch:
    return Branch(
        name=name,
        uses=torch.randperm(K, generator=g)[:J],
        means=torch.randn(N, 3, generator=g) * 0.1,
        quats=torch.randn(N, 4, generator=g),
        log_scales=torch.randn(N, 3, generator=g) - 5,
        logit_opacities=3 * torch.randn(N, generator=g),
        sh0=torch.randn(N, 1, 3, generator=g),
        shN=torch.randn(N, 3 * degree, 3, generator=g),
        basis=torch.randn(N, 3, J, generator=g) * 0.01,
        stretch=torch.randn(N, 6, J, generator=g) * 0.05,
        head_weights=torch.rand(N, generator=g),
        opacity_uses=torch.randperm(K, generator=g)[:3],
        opacity_basis=torch.randn(N, 3, generator=g),
    )


def case(sizes=(37, 5, 16), J=(30, 7, 16), degree=1, opposite=False):
    """Three branches, coefficients and a moment, all leaves that require grad."""
    g = torch.Generator().manual_seed(sum(sizes) + sum(J))
    K = 40
    branches = [branch(*args, K, degree, g) for args in zip(("face", "mouth", "torso"), sizes, J, strict=True)]
    head_quat = torch.nn.functional.normalize(torch.randn(4, generator=g), dim=0)
    torso_quat = torch.nn.functional.normalize(head_quat + 0.3 * torch.randn(4, generator=g), dim=0)
    frame = MotionFrame.neutral(
        head=Pose(quats=head_quat, positions=torch.tensor([0.1, 0.2, 1.0])),
        torso=Pose(quats=-torso_quat if opposite else torso_quat, positions=torch.tensor([-0.1, 0.2, 1.1])),
    )
    return branches, torch.randn(K, generator=g), frame


def pose_of(frame):
    values = (frame.head.quats, frame.head.positions, frame.torso.quats, frame.torso.positions)
    return dict(zip(POSE, values, strict=True))


def posed(frame, named):
    head, torso = (Pose(quats=named[f"{part}_quat"], positions=named[f"{part}_position"]) for part in ("head", "torso"))
    return replace(frame, head=head, torso=torso)


def leaves_of(branches, coefficients, frame):
    named = {f"{b.name}.{name}": getattr(b, name) for b in branches for name in TRAINED}
    named |= pose_of(frame) | {"coefficients": coefficients}
    return {name: value.clone().requires_grad_() for name, value in named.items()}


def with_leaves(branches, frame, leaves):
    return (
        [replace(b, **{name: leaves[f"{b.name}.{name}"] for name in TRAINED}) for b in branches],
        leaves["coefficients"],
        posed(frame, leaves),
    )


def reference(branches, coefficients, frame) -> Gaussians:
    posed = [deform(b, coefficients, frame) for b in branches]
    return Gaussians(**{name: torch.cat([getattr(g, name) for g in posed]) for name in OUTPUTS})


def run(function, branches, coefficients, frame, outputs=OUTPUTS, dtype=torch.float32):
    """Outputs and gradients of a random linear function of them."""
    to = lambda x: x.to(dtype) if x.is_floating_point() else x  # noqa: E731
    branches = [replace(b, **{k: to(v) for k, v in b.tensors().items()}) for b in branches]
    frame = posed(frame, {name: to(value) for name, value in pose_of(frame).items()})
    leaves = leaves_of(branches, to(coefficients), frame)
    result = function(*with_leaves(branches, frame, leaves))
    g = torch.Generator().manual_seed(9)
    loss = sum((getattr(result, k) * torch.randn(getattr(result, k).shape, generator=g)).sum() for k in outputs)
    grads = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    return result, {k: torch.zeros_like(v) if d is None else d for (k, v), d in zip(leaves.items(), grads, strict=True)}


def assert_same(inputs, outputs=OUTPUTS):
    wanted, wanted_grads = run(reference, *inputs, outputs=outputs, dtype=torch.float64)
    got, grads = run(deform_fused, *inputs, outputs=outputs)
    for name in OUTPUTS:
        torch.testing.assert_close(getattr(got, name).double(), getattr(wanted, name), rtol=3e-5, atol=3e-6)
    for name, gradient in wanted_grads.items():
        scale = max(float(gradient.abs().max()), 1e-3) if gradient.numel() else 1.0
        torch.testing.assert_close(grads[name].double(), gradient, rtol=1e-4, atol=1e-5 * scale, msg=name)


@pytest.mark.parametrize("degree", [0, 1])
@pytest.mark.parametrize(
    ("sizes", "J"),
    [
        ((37, 5, 16), (30, 7, 16)),
        ((0, 1, 64), (30, 30, 33)),
        ((0, 0, 0), (3, 3, 3)),
        ((9, 17, 1100), (0, 1, 15)),
        ((513, 8, 2), (8, 40, 4)),
    ],
)
def test_outputs_and_gradients(instruction_set, sizes, J, degree):
    assert_same(case(sizes, J, degree))


def test_quaternions_on_opposite_halves(instruction_set):
    assert_same(case(opposite=True))


@pytest.mark.parametrize("output", OUTPUTS)
def test_gradient_of_one_output_alone(output):
    assert_same(case(), outputs=(output,))


@pytest.mark.parametrize("frozen", ["basis", "coefficients", "head_quat", "everything but means"])
def test_only_wanted_gradients(frozen):
    branches, coefficients, frame = case()
    leaves = leaves_of(branches, coefficients, frame)
    for name, leaf in leaves.items():
        kind = name.split(".")[-1]
        leaf.requires_grad_(kind == "means" if frozen.startswith("everything") else kind != frozen)
    deform_fused(*with_leaves(branches, frame, leaves)).means.square().sum().backward()
    _, wanted = run(lambda *a: reference(*a), branches, coefficients, frame, outputs=("means",))
    for name, leaf in leaves.items():
        assert (leaf.grad is not None) == leaf.requires_grad, name
    assert wanted["face.means"].shape == leaves["face.means"].grad.shape


def test_result_does_not_depend_on_threads():
    inputs = case(sizes=(1700, 600, 900))
    results = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            results.append(run(deform_fused, *inputs))
    finally:
        torch.set_num_threads(before)
    first, first_grads = results[0]
    for other, grads in results[1:]:
        assert all(torch.equal(getattr(first, name), getattr(other, name)) for name in OUTPUTS)
        assert all(torch.equal(first_grads[name], grads[name]) for name in grads)


def test_values_without_gradient_are_the_same():
    branches, coefficients, frame = case()
    kept, _ = run(deform_fused, branches, coefficients, frame)
    plain = deform_fused(branches, coefficients, frame)
    assert all(torch.equal(getattr(kept, name), getattr(plain, name)) for name in OUTPUTS)
    assert not plain.means.requires_grad


def test_slices_of_larger_tensors():
    branches, coefficients, frame = case()
    wide = [replace(b, basis=torch.cat([b.basis, b.basis], 2)[..., : b.basis.shape[2]]) for b in branches]
    assert not wide[0].basis.is_contiguous()
    torch.testing.assert_close(
        deform_fused(wide, coefficients, frame).means, deform_fused(branches, coefficients, frame).means
    )


def test_broken_gaussians_stay_broken_and_alone(instruction_set):
    branches, coefficients, frame = case()
    face = replace(branches[0], log_scales=branches[0].log_scales.clone(), means=branches[0].means.clone())
    face.log_scales[3, 0] = float("nan")
    face.means[5, 1] = float("inf")
    got = deform_fused([face], coefficients, frame)
    wanted = deform(face, coefficients, frame)
    assert torch.equal(got.scales.isfinite(), wanted.scales.isfinite())
    assert torch.equal(got.means.isfinite(), wanted.means.isfinite())


def test_a_zero_quaternion_stays_finite():
    branches, coefficients, frame = case()
    quats = branches[0].quats.clone()
    quats[2] = 0
    _, grads = run(deform_fused, [replace(branches[0], quats=quats)], coefficients, frame)
    assert all(g.isfinite().all() for name, g in grads.items() if name != "face.quats")
    assert grads["face.quats"][[0, 1, 3]].isfinite().all()


def test_what_the_kernel_does_not_cover_is_refused():
    branches, coefficients, frame = case()
    assert can_deform_fused(branches, coefficients, frame)
    assert not can_deform_fused(branches, coefficients.double(), frame)
    learned = replace(branches[0], stretch=branches[0].stretch.clone().requires_grad_())
    assert not can_deform_fused([learned], coefficients, frame)
    degree2 = replace(branches[0], shN=torch.zeros(len(branches[0]), 8, 3))
    assert not can_deform_fused([degree2], coefficients, frame)
    assert not can_deform_fused([], coefficients, frame)


def test_many_moments_are_each_of_them(instruction_set):
    """Outputs as moment by moment, gradients the sums; J shorter and longer than a register."""
    F = 3
    for J in ((30, 7, 16), (3, 33, 0)):
        branches, _, _ = case((513, 5, 40), J)
        frames = [case(J=(i + 1, 7, 16), opposite=i == 1)[1:] for i in range(F)]
        coefficients = torch.stack([c for c, _ in frames])
        poses = torch.stack([torch.cat(list(pose_of(f).values())) for _, f in frames])
        trained = [[getattr(b, name).clone().requires_grad_() for name in TRAINED] for b in branches]
        leaves = [coefficients.requires_grad_(), poses.requires_grad_(), *(t for group in trained for t in group)]
        own = [replace(b, **dict(zip(TRAINED, g, strict=True))) for b, g in zip(branches, trained, strict=True)]
        together = deform_moments(own, coefficients, poses)
        one_by_one = [deform_moments(own, coefficients[f : f + 1], poses[f : f + 1]) for f in range(F)]
        weights = [torch.randn(x.shape, generator=torch.Generator().manual_seed(4)) for x in together]
        grads = torch.autograd.grad(together, leaves, weights)
        apart = [torch.cat(parts) for parts in zip(*one_by_one, strict=True)]
        wanted = torch.autograd.grad(apart, leaves, weights)
        for have, want in zip(together, apart, strict=True):
            assert torch.equal(have, want)
        for have, want in zip(grads, wanted, strict=True):
            scale = float(want.abs().max()) if want.numel() else 0.0
            torch.testing.assert_close(have, want, rtol=1e-5, atol=1e-5 * max(scale, 1e-3))
        gathered = torch.autograd.grad(deform_moments(own, coefficients, poses), leaves[:2], weights)
        assert all(torch.equal(a, b) for a, b in zip(gathered, grads[:2], strict=True))


def test_no_moment_is_named():
    branches, coefficients, _ = case()
    with pytest.raises(InputError, match="no moment"):
        deform_moments(branches, coefficients[None][:0], torch.zeros(0, 14))
