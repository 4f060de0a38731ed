"""The torso's motion on a textured picture that is moved in a known way."""

import numpy as np
import pytest
import torch

from gaussian_head.tracking.labels import TORSO
from gaussian_head.tracking.torso import TorsoMotion, follow_torso, rest_frame, torso_poses
from gaussian_head.transforms import quat_to_rotmat, rotvec_to_quat

SIZE, N, REST, FPS = 192, 40, 12, 25.0


def true_motion(t):
    """Shift x, y in pixels, angle and growth of frame ``t``."""
    s = t - REST
    return 8 * np.sin(s / 9), 4 * np.sin(s / 13), 0.03 * np.sin(s / 15), 0.02 * np.sin(s / 14)


@pytest.fixture(scope="module")
def motion():
    import cv2

    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.uniform(0, 255, (SIZE, SIZE)), (0, 0), 2.0)
    texture = np.clip((texture - 127) * 5 + 127, 0, 255).astype(np.uint8)
    labels = np.zeros((SIZE, SIZE), np.uint8)
    labels[100:180, 40:150] = TORSO
    pivot = np.array([94.5, 139.5])

    def gray(t):
        dx, dy, angle, growth = true_motion(t)
        c, s = np.cos(angle) * np.exp(growth), np.sin(angle) * np.exp(growth)
        matrix = np.array([[c, -s], [s, c]])
        return cv2.warpAffine(texture, np.c_[matrix, pivot + [dx, dy] - matrix @ pivot], (SIZE, SIZE))

    return follow_torso(gray, REST, labels, N, FPS)


def test_motion_is_recovered(motion):
    truth = np.array([true_motion(t) for t in range(N)])
    assert motion.features.min() > 20
    assert np.abs(motion.shift - truth[:, :2])[4:-4].max() < 0.5
    assert np.abs(motion.angle - truth[:, 2])[4:-4].max() < 0.01
    assert np.abs(motion.growth - truth[:, 3])[4:-4].max() < 0.01


def test_pose_equals_the_heads_at_rest_and_moves_what_the_picture_shows(motion):
    focal, centre = 600.0, torch.tensor([96.0, 96.0], dtype=torch.float64)
    quat = rotvec_to_quat(torch.tensor([0.05, -0.1, 0.02], dtype=torch.float64))
    position = torch.tensor([0.01, -0.02, 1.1], dtype=torch.float64)
    quats, positions = torso_poses(motion, quat, position, focal, centre, REST)
    assert torch.allclose(quats[REST], quat)
    assert torch.allclose(positions[REST], position)
    depth = 1.1
    spot = torch.cat([(torch.from_numpy(motion.pivot) - centre) * depth / focal, torch.tensor([depth])])
    local = quat_to_rotmat(quat).T @ (spot - position)
    for t in (5, 20, 30):
        world = quat_to_rotmat(quats[t]) @ local + positions[t]
        pixel = world[:2] / world[2] * focal + centre
        assert np.abs(pixel.numpy() - motion.pivot - true_motion(t)[:2]).max() < 0.6


def test_plain_clothes_stay_still():
    labels = np.full((SIZE, SIZE), TORSO, np.uint8)
    motion = follow_torso(lambda t: np.full((SIZE, SIZE), 90, np.uint8), 3, labels, 8, FPS)
    assert not motion.shift.any()
    assert not motion.features.any()


def test_gaps_do_not_jump():
    motion = TorsoMotion(
        pivot=np.array([10.0, 10.0]),
        shift=np.zeros((4, 2)),
        angle=np.zeros(4),
        growth=np.zeros(4),
        features=np.zeros(4, int),
    )
    rest = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    unit = torch.tensor([1.0, 0, 0, 0], dtype=torch.float64)
    quats, positions = torso_poses(motion, unit, rest, 500.0, torch.tensor([10.0, 10.0], dtype=torch.float64), 2)
    assert torch.allclose(quats, unit.expand(4, 4))
    assert torch.allclose(positions, rest.expand(4, 3))


def test_rest_is_the_median_pose():
    positions = torch.tensor([[0.0, 0, 1], [0.5, 0, 1], [0.01, 0, 1], [0.02, 0, 1], [0.03, 0, 1]])
    quats = torch.tensor([[1.0, 0, 0, 0]]).repeat(5, 1)
    assert rest_frame(quats, positions, np.arange(5)) == 3
    assert rest_frame(quats, positions, np.array([0, 1, 2])) == 2


def test_the_outline_of_plain_clothes_is_followed():
    import cv2

    labels = np.zeros((SIZE, SIZE), np.uint8)
    cv2.ellipse(labels, (95, 190), (70, 80), 0, 0, 360, (1.0,), -1)
    labels[labels > 0] = TORSO
    pivot = np.array([95.0, 150.0])
    shirt = np.full((SIZE, SIZE), 60, np.float32)
    shirt[labels == TORSO] = 210
    cv2.ellipse(shirt, (95, 115), (22, 14), 0, 0, 360, (90.0,), 4)  # a collar
    shirt = cv2.GaussianBlur(shirt, (0, 0), 1.5).astype(np.uint8)

    def gray(t):
        dx, dy, angle, growth = true_motion(t)
        c, s = np.cos(angle) * np.exp(growth), np.sin(angle) * np.exp(growth)
        matrix = np.array([[c, -s], [s, c]])
        full = np.c_[matrix, pivot + [dx, dy] - matrix @ pivot]
        return cv2.warpAffine(shirt, full, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE)

    motion = follow_torso(gray, REST, labels, N, FPS)
    assert np.median(motion.features) < 40
    truth = np.array([true_motion(t) for t in range(N)])

    off = np.abs(motion.shift - truth[:, :2])[4:-4]
    assert off.max() < 2.0
    assert np.median(off) < 0.6
    assert np.abs(motion.angle - truth[:, 2])[4:-4].max() < 0.015
