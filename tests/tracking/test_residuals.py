"""The bundle adjustment's terms against automatic differentiation and dense matrices."""

import torch

from gaussian_head.tracking import residuals as res
from gaussian_head.transforms import quat_to_rotmat, rotvec_to_quat


def test_projection_jacobian():
    points = torch.tensor([[0.1, -0.2, 1.3], [0.0, 0.3, 0.8]], dtype=torch.float64)
    centre = torch.tensor([256.0, 250.0], dtype=torch.float64)
    for point, jacobian in zip(points, res.project_jacobian(points, 900.0), strict=True):
        expected = torch.autograd.functional.jacobian(lambda p: res.project(p, 900.0, centre), point)
        assert torch.allclose(jacobian, expected)


def test_left_jacobian_at_large_and_tiny_angles():
    point = torch.tensor([0.3, -0.5, 0.8], dtype=torch.float64)
    for scale in (1.2, 1e-2, 1e-6):
        rotvec = scale * torch.tensor([0.4, -0.7, 0.5], dtype=torch.float64)

        def rotated(v):
            return quat_to_rotmat(rotvec_to_quat(v)) @ point

        turned = rotated(rotvec)
        jacobian = -res.skew(turned) @ res.left_jacobian(rotvec)
        numeric = torch.stack(
            [(rotated(rotvec + 1e-5 * e) - rotated(rotvec - 1e-5 * e)) / 2e-5 for e in torch.eye(3).double()], dim=1
        )
        assert torch.allclose(jacobian, numeric, atol=1e-7)


def test_acceleration_bands_are_the_second_difference():
    precision = torch.tensor([2.0, 0.5], dtype=torch.float64)
    x = torch.randn(7, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    energy = 0.5 * (precision * (x[:-2] - 2 * x[1:-1] + x[2:]) ** 2).sum()
    (expected,) = torch.autograd.grad(energy, x)
    assert torch.allclose(res.apply_bands(res.acceleration_bands(precision, 7), x.detach()), expected)
    for short in (1, 2):
        assert not any(band.any() for band in res.acceleration_bands(precision, short))


def test_robust_weight_forgives_outliers():
    residual = torch.tensor([[0.0, 0.0], [3.0, 4.0], [300.0, 400.0]])
    weights = res.robust_weight(residual, 5.0)
    assert weights[0] == 1
    assert weights[1] == 0.25
    assert weights[2] < 1e-7
