"""Depth, tilt and thickness that a clip does not tell stay those of the surface a head began with."""

import math
from types import SimpleNamespace

import pytest
import torch

from gaussian_head.camera import Camera
from gaussian_head.motion import Pose
from gaussian_head.training.depth import depth_held, sights_of, thickness_held, tilt_held
from gaussian_head.training.neighbours import neighbours_of
from gaussian_head.transforms import quat_multiply, quat_normalize, quat_rotate, rotvec_to_quat

FORWARD = torch.tensor([0.0, 0.0, 1.0])


def filmed(turns_deg):
    """A camera at the origin before a head a metre away that turns to and fro; the torso never does."""
    yaw = torch.deg2rad(torch.tensor(turns_deg))
    quats = rotvec_to_quat(torch.stack([0 * yaw, yaw, 0 * yaw], 1))
    place = torch.tensor([0.0, 0.0, 1.0]).expand(len(yaw), 3)
    still = rotvec_to_quat(torch.zeros(len(yaw), 3))
    motion = SimpleNamespace(head=Pose(quats=quats, positions=place), torso=Pose(quats=still, positions=place))
    camera = Camera(viewmat=torch.eye(4), K=torch.eye(3), width=8, height=8)
    return SimpleNamespace(camera=camera, motion=motion, train_frames=torch.arange(len(yaw)))


def test_the_more_a_head_turns_the_less_of_its_depth_is_untold():
    told = [sights_of([filmed([-a, 0.0, a])], torch.device("cpu")) for a in (0.0, 4.0, 25.0)]
    assert [one["torso"].untold for one in told] == pytest.approx([1, 1, 1])
    still, little, much = (one["face"] for one in told)
    assert still.untold == pytest.approx(1)
    assert 0.6 < little.untold < 1
    assert much.untold < 0.01
    assert abs(float(little.direction @ FORWARD)) > 0.999


def test_a_second_camera_tells_what_the_first_does_not():
    cameras = [filmed([-2.0, 0.0, 2.0]), filmed([28.0, 30.0, 32.0])]
    one, two = (sights_of(cameras[:n], torch.device("cpu"))["face"] for n in (1, 2))
    assert two.untold < 0.5 * one.untold


def slanted(count=300):
    """Points of a plane whose normal is 45 degrees off the line of sight, and that normal for each."""
    flat = 0.1 * torch.rand(count, 2, generator=torch.Generator().manual_seed(0))
    normals = torch.nn.functional.normalize(torch.tensor([[1.0, 0.0, -1.0]]), dim=1).expand(count, 3)
    return torch.stack([flat[:, 0], flat[:, 1], flat[:, 0]], 1), normals


def test_what_slides_on_its_surface_stays():
    home, normals = slanted()
    slid = home + torch.tensor([0.002, 0.001, 0.002])
    beside = neighbours_of(home, torch.zeros(300, 3, 1))
    assert torch.allclose(depth_held(slid, home, normals, FORWARD, beside, 0.2, 0.2), slid, atol=1e-7)


def test_scatter_in_depth_goes_faster_than_what_neighbours_share():
    home, normals = slanted()
    beside = neighbours_of(home, torch.zeros(300, 3, 1))
    scatter = 0.005 * torch.randn(300, generator=torch.Generator().manual_seed(1))
    means = home + (0.01 + scatter)[:, None] * FORWARD
    for _ in range(20):
        means = depth_held(means, home, normals, FORWARD, beside, 0.2, 0.01)
    off = (means - home)[:, 2]
    assert torch.equal(means[:, :2], home[:, :2])
    assert float(off.std()) < 0.4 * float(scatter.std())
    assert float(off.mean()) == pytest.approx(0.01 * 0.99**20, rel=0.03)


def test_what_is_seen_from_its_edge_comes_to_rest_near_by():
    home, normals = torch.zeros(2, 3), torch.tensor([[1.0, 0.0, 1e-4], [0.0, 1.0, 0.0]])
    beside = torch.tensor([[1], [0]]), torch.ones(2, 1)
    means = torch.tensor([[0.003, 0.0, 0.0], [0.02, 0.05, 0.0]])
    for _ in range(500):
        means = depth_held(means, home, normals, FORWARD, beside, 0.2, 0.01)
    assert means[:, 2].abs().max() < 0.014
    assert torch.allclose(depth_held(means, home, normals, FORWARD, beside, 0.2, 0.01), means, atol=1e-4)


def test_flat_ones_lie_down_again_and_keep_their_turn_within_the_surface():
    log_scales = torch.tensor([[-5.0, -6.0, -8.0]])
    within = rotvec_to_quat(torch.tensor([[0.0, 0.0, 0.9]]))
    tipped = 2 * quat_multiply(rotvec_to_quat(torch.tensor([[0.5, -0.2, 0.0]])), within)
    quats = tipped
    for _ in range(200):
        quats = tilt_held(quats, log_scales, -FORWARD[None], 0.05)
    assert float(quats.norm()) == pytest.approx(2, abs=1e-4)
    flat = quat_rotate(quat_normalize(quats), FORWARD[None])
    assert abs(float(flat @ FORWARD)) > 0.9999
    long = quat_rotate(quat_normalize(quats), torch.tensor([[1.0, 0.0, 0.0]]))[0]
    before = quat_rotate(quat_normalize(tipped), torch.tensor([[1.0, 0.0, 0.0]]))[0]
    assert math.atan2(long[1], long[0]) == pytest.approx(math.atan2(before[1], before[0]), abs=0.1)


def test_only_the_thinnest_axis_is_held():
    log_scales = torch.tensor([[-4.0, -5.0, -6.0], [-7.0, -3.0, -5.0]])
    held = thickness_held(log_scales, torch.tensor([-6.5, -6.5]))
    assert torch.equal(held, torch.tensor([[-4.0, -5.0, -6.5], [-7.0, -3.0, -5.0]]))
