"""What may move with the motion, and what must not."""

from dataclasses import replace

import pytest
import torch
from support_head import make_head

from gaussian_head.checkpoint import load_checkpoint, save_checkpoint
from gaussian_head.checks import InputError
from gaussian_head.head import Branch, Head, deform
from gaussian_head.head.branch import rotate_sh1
from gaussian_head.head.storage import FORMAT, MODEL, VERSION
from gaussian_head.motion import MotionFrame, Pose
from gaussian_head.transforms import quat_to_rotmat, rotvec_to_quat


def branch(name: str = "face", head_weight: float = 1.0, N: int = 6, J: int = 2) -> Branch:
    g = torch.Generator().manual_seed(0)
    return Branch(
        name=name,
        uses=torch.tensor([0, 2]),
        means=torch.randn(N, 3, generator=g) * 0.1,
        quats=torch.randn(N, 4, generator=g),
        log_scales=torch.randn(N, 3, generator=g) - 5,
        logit_opacities=torch.randn(N, generator=g),
        sh0=torch.randn(N, 1, 3, generator=g),
        shN=torch.randn(N, 3, 3, generator=g),
        basis=torch.randn(N, 3, J, generator=g) * 0.01,
        stretch=torch.zeros(N, 6, J),
        head_weights=torch.full((N,), head_weight),
    )


def moment(head=(0.0, 0.0, 0.0), torso=(0.0, 0.0, 0.0)) -> MotionFrame:
    return MotionFrame.neutral(
        head=Pose(quats=rotvec_to_quat(torch.tensor(head)), positions=torch.tensor([0.0, 0.0, 1.0])),
        torso=Pose(quats=rotvec_to_quat(torch.tensor(torso)), positions=torch.tensor([0.1, 0.0, 1.0])),
    )


def test_offsets_are_linear_and_pick_their_own_coefficients():
    b, still = branch(), moment()
    rest = deform(b, torch.zeros(3), still).means
    one = deform(b, torch.tensor([1.0, 7.0, 0.0]), still).means - rest
    two = deform(b, torch.tensor([2.0, -3.0, 0.0]), still).means - rest
    torch.testing.assert_close(two, 2 * one)
    torch.testing.assert_close(one, b.basis[:, :, 0], atol=1e-6, rtol=1e-4)


def test_opacity_changes_with_its_own_coefficients_alone():
    b, still = replace(branch(), opacity_uses=torch.tensor([1]), opacity_basis=torch.full((6, 1), 0.5)), moment()
    at = {
        code: deform(b, torch.tensor(code), still).opacities
        for code in ((0.0, 0.0, 0.0), (5.0, 0.0, 5.0), (0.0, 2.0, 0.0))
    }
    first, others, own = at.values()
    torch.testing.assert_close(first, torch.sigmoid(b.logit_opacities))
    assert torch.equal(first, others)
    torch.testing.assert_close(own, torch.sigmoid(b.logit_opacities + 1))


def test_a_branch_without_an_opacity_basis_keeps_its_opacities_and_colours():
    b, still = branch(), moment()
    first, second = deform(b, torch.zeros(3), still), deform(b, torch.ones(3), still)
    torch.testing.assert_close(first.opacities, second.opacities)
    torch.testing.assert_close(first.colors, second.colors)


def test_torso_ignores_the_head_and_the_neck_lies_between():
    turned = moment(head=(0.0, 0.5, 0.0))
    fixed = deform(branch(head_weight=0.0), torch.zeros(3), turned).means
    torch.testing.assert_close(fixed, deform(branch(head_weight=0.0), torch.zeros(3), moment()).means)
    whole = deform(branch(head_weight=1.0), torch.zeros(3), turned).means
    half = deform(branch(head_weight=0.5), torch.zeros(3), turned).means
    torch.testing.assert_close(half, 0.5 * (whole + fixed))


def test_view_dependent_colour_turns_with_the_head():
    rotation = quat_to_rotmat(rotvec_to_quat(torch.tensor([0.3, -0.8, 0.2])))
    shN = torch.randn(4, 3, 3, generator=torch.Generator().manual_seed(1))
    direction = torch.nn.functional.normalize(torch.randn(3, generator=torch.Generator().manual_seed(2)), dim=0)

    def shade(coefficients: torch.Tensor, d: torch.Tensor) -> torch.Tensor:
        return -d[1] * coefficients[:, 0] + d[2] * coefficients[:, 1] - d[0] * coefficients[:, 2]

    torch.testing.assert_close(shade(rotate_sh1(shN, rotation), rotation @ direction), shade(shN, direction))


def test_stretch_turns_and_scales():
    b = branch()
    stretch = torch.zeros(6, 6, 2)
    stretch[:, 3, 0] = 0.7
    grown = deform(replace(b, stretch=stretch), torch.tensor([1.0, 0, 0]), moment())
    plain = deform(b, torch.tensor([1.0, 0, 0]), moment())
    torch.testing.assert_close(grown.scales[:, 0], plain.scales[:, 0] * torch.tensor(0.7).exp())
    torch.testing.assert_close(grown.scales[:, 1:], plain.scales[:, 1:])


def test_an_opacity_basis_is_saved_and_a_head_of_before_is_read(tmp_path):
    plain = make_head(num_gaussians=200, size=48)
    face, *others = plain.branches
    uses, basis = torch.tensor([3, 5]), torch.randn(len(face), 2, generator=torch.Generator().manual_seed(0))
    plain.with_branches((replace(face, opacity_uses=uses, opacity_basis=basis), *others)).save(tmp_path)
    read = Head.load(tmp_path).branch("face")
    assert torch.equal(read.opacity_uses, uses)
    assert torch.equal(read.opacity_basis, basis)

    tensors, meta = load_checkpoint(tmp_path / MODEL, format=FORMAT, version=VERSION)
    old = {name: value for name, value in tensors.items() if "opacity_" not in name}
    save_checkpoint(tmp_path / MODEL, old, meta, format=FORMAT, version=VERSION)
    assert all(branch.opacity_basis.shape == (len(branch), 0) for branch in Head.load(tmp_path).branches)

    for broken in ({"opacity_uses": torch.tensor([3, 500])}, {"opacity_basis": basis[:, :1]}):
        damaged = tensors | {f"branch.face.{name}": value for name, value in broken.items()}
        save_checkpoint(tmp_path / MODEL, damaged, meta, format=FORMAT, version=VERSION)
        with pytest.raises(InputError, match=r"opacity_basis|uses coefficients"):
            Head.load(tmp_path)
