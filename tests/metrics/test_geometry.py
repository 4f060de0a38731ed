import math

import pytest
import torch

from gaussian_head.camera import Camera
from gaussian_head.checks import InputError
from gaussian_head.metrics.geometry import pose_errors, turned_about
from gaussian_head.similarity import fit_similarity
from gaussian_head.transforms import quat_multiply, quat_rotate, quat_to_rotmat, rotvec_to_quat


def points(count=20):
    return torch.randn(count, 3, generator=torch.Generator().manual_seed(0))


def test_similarity_is_found():
    rotation = quat_to_rotmat(rotvec_to_quat(torch.tensor([0.3, -0.5, 0.2])))
    target = 1.7 * points() @ rotation.T + torch.tensor([0.1, 2.0, -1.0])
    found = fit_similarity(points(), target)
    assert found.scale == pytest.approx(1.7, rel=1e-5)
    assert torch.allclose(found.rotation, rotation, atol=1e-5)
    assert torch.allclose(found.apply(points()), target, atol=1e-5)


def test_similarity_never_mirrors():
    found = fit_similarity(points(), points() * torch.tensor([-1.0, 1.0, 1.0]))
    assert float(torch.det(found.rotation)) == pytest.approx(1, abs=1e-5)


def test_similarity_refuses_lists_that_do_not_match():
    with pytest.raises(InputError, match="3 or more"):
        fit_similarity(points(2), points(2))
    with pytest.raises(InputError, match="equal"):
        fit_similarity(points(5), points(6))


def test_constant_offsets_of_head_frames_do_not_count():
    T = 30
    generator = torch.Generator().manual_seed(1)
    true = rotvec_to_quat(0.3 * torch.randn(T, 3, generator=generator))
    at = torch.randn(T, 3, generator=generator)
    offset = rotvec_to_quat(torch.tensor([0.2, -0.4, 0.1])).expand(T, 4)
    ours = quat_multiply(true, offset)
    moved = at + quat_rotate(true, torch.tensor([0.01, 0.02, -0.03]).expand(T, 3))
    reference = torch.arange(20)
    angle, distance = pose_errors(true, at, ours, moved, reference)
    assert float(angle.max()) < 0.05
    assert float(distance.max()) < 1e-5
    wrong = ours.clone()
    wrong[25] = quat_multiply(ours[25], rotvec_to_quat(torch.tensor([math.radians(2.0), 0.0, 0.0])))
    moved[25] += quat_rotate(true[25], torch.tensor([0.0, 0.004, 0.0]))
    angle, distance = pose_errors(true, at, wrong, moved, reference)
    assert float(angle[25]) == pytest.approx(2.0, abs=0.05)
    assert float(distance[25]) == pytest.approx(0.004, abs=1e-5)


def test_a_turned_camera_keeps_its_distance_and_its_centre():
    camera = Camera.from_focal(500, 200, 200)
    centre = torch.tensor([0.1, -0.05, 2.0])
    turned = turned_about(camera, centre, math.radians(30))
    assert torch.allclose(turned.project(centre), camera.project(centre), atol=1e-3)
    assert float((turned.position - centre).norm()) == pytest.approx(float(centre.norm()), rel=1e-5)
    a, b = camera.position - centre, turned.position - centre
    flat = torch.tensor([1.0, 0.0, 1.0])
    cosine = torch.nn.functional.cosine_similarity(a * flat, b * flat, dim=0)
    assert math.degrees(math.acos(float(cosine))) == pytest.approx(30, abs=0.1)
