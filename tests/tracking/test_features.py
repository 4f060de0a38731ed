"""Features that stay with the skull against landmarks that lean: known poses, known points, known pictures."""

import numpy as np
import pytest
import torch

from gaussian_head.tracking.bundle import BundleConfig, FrameStates
from gaussian_head.tracking.features import (
    KEY_ANGLE,
    HeadFeatures,
    follow_head,
    key_frames,
    select_features,
)
from gaussian_head.tracking.held_poses import steadied
from gaussian_head.tracking.labels import FACE
from gaussian_head.tracking.solve import solve_clip
from gaussian_head.transforms import quat_conjugate, quat_multiply, quat_to_rotmat, quat_to_rotvec, rotvec_to_quat

T, TRAIN, FPS, SIZE, FOCAL = 80, 70, 25.0, 512, 1536.0


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Small matrices are solved sooner by one thread than by several that wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def project(points, rotvecs, positions):
    """Pixels ``[T, P, 2]`` of head points ``[P, 3]``."""
    rotations = quat_to_rotmat(rotvec_to_quat(torch.from_numpy(rotvecs))).numpy()
    camera = points @ rotations.transpose(0, 2, 1) + positions[:, None]
    return camera[..., :2] / camera[..., 2:] * FOCAL + SIZE / 2, camera[..., 2:]


def leaning_by(face, times_a_degree):
    """A still face on a turning head, seen by a network that leans; solved from its landmarks."""
    rng = np.random.default_rng(0)
    times = np.arange(T)[:, None]
    rotvecs = np.sin(times / [11.0, 8.0, 14.0]) * [0.08, 0.14, 0.05]
    positions = np.sin(times / [9.0, 13.0, 16.0]) * [0.01, 0.01, 0.01] + [0, 0, 1.0]
    lean = np.sin(times / [3.0, 2.3, 4.1] + 1) * [0.012, 0.012, 0.006] * times_a_degree
    pixels, depth = project(face, rotvecs + lean, positions)
    depth = (depth - positions[:, None, 2:]) * FOCAL
    landmarks = np.concatenate([pixels + rng.normal(0, 0.2, pixels.shape), depth], axis=2).astype(np.float32)
    solution = solve_clip(landmarks, np.ones(T, bool), width=SIZE, height=SIZE, fps=FPS, num_train=TRAIN)
    points = face[rng.choice(400, 60, replace=False)] + rng.normal(0, 0.003, (60, 3))
    seen, _ = project(points, rotvecs, positions)
    features = HeadFeatures(
        points=torch.from_numpy(points + rng.normal(0, 0.004, points.shape)),
        pixels=torch.from_numpy(seen + rng.normal(0, 0.1, seen.shape)),
        seen=torch.from_numpy(rng.uniform(size=seen.shape[:2]) > 0.2),
    )
    return rotvecs, solution, features


@pytest.fixture(scope="module")
def leaning(face):
    """One that leans by up to a degree."""
    return leaning_by(face, 1.0)


def turn_error(quats, rotvecs, frames):
    """Spread in degrees of the angle between solved and true rotation, a constant offset taken out."""
    between = quat_multiply(quat_conjugate(rotvec_to_quat(torch.from_numpy(rotvecs))), quats)
    between = between * between[:, :1].sign()
    offset = torch.nn.functional.normalize(between[:TRAIN].mean(0), dim=0)
    away = quat_multiply(quat_conjugate(offset).expand_as(between), between)
    return float(torch.rad2deg(quat_to_rotvec(away)[frames].norm(dim=1)).mean())


def test_features_straighten_a_leaning_tracker(leaning):
    rotvecs, solution, features = leaning
    better = steadied(solution, features, BundleConfig(), fps=FPS, num_train=TRAIN)
    for frames in (slice(0, TRAIN), slice(TRAIN, T)):
        before, after = (turn_error(s.quats, rotvecs, frames) for s in (solution, better))
        assert before > 0.3
        assert after < 0.3 * before
    assert better.residual.mean() < 2 * solution.residual.mean() + 1.0


def test_features_that_all_seem_to_slip_are_believed(face):
    """Poses that lean by ten pixels let no feature look still; they agree with each other all the same."""
    rotvecs, solution, features = leaning_by(face, 6.0)
    better = steadied(solution, features, BundleConfig(), fps=FPS, num_train=TRAIN)
    before, after = (turn_error(s.quats, rotvecs, slice(0, T)) for s in (solution, better))
    assert before > 2.0
    assert after < 0.2 * before


def test_held_out_frames_touch_nothing_shared(leaning):
    _, solution, features = leaning
    moved = features.pixels.clone()
    moved[TRAIN:] += 3.0
    other = HeadFeatures(points=features.points, pixels=moved, seen=features.seen)
    a, b = (steadied(solution, f, BundleConfig(), fps=FPS, num_train=TRAIN) for f in (features, other))
    assert torch.equal(a.model.shape, b.model.shape)
    assert torch.equal(a.states.positions[:TRAIN], b.states.positions[:TRAIN])
    assert not torch.equal(a.states.positions[TRAIN:], b.states.positions[TRAIN:])


def test_without_features_nothing_changes(leaning):
    _, solution, features = leaning
    few = HeadFeatures(points=features.points[:5], pixels=features.pixels[:, :5], seen=features.seen[:, :5])
    assert steadied(solution, few, BundleConfig(), fps=FPS, num_train=TRAIN) is solution


def test_key_frames_are_spread_and_of_the_given_frames():
    angle = torch.linspace(-0.2, 0.2, 41, dtype=torch.float64)
    zero = torch.zeros(41, 3, dtype=torch.float64)
    states = FrameStates(
        rotvecs=torch.stack([zero[:, 0], angle, zero[:, 0]], 1), positions=zero + 1.0, codes=torch.zeros(41, 1)
    )
    keys = key_frames(states, np.arange(10, 41))
    assert min(keys) == 10
    assert max(keys) == 40
    apart = (angle[keys][:, None] - angle[keys]).abs() + torch.eye(len(keys))
    assert 4 <= len(keys) <= 5  # 0.3 rad, more than KEY_ANGLE apart
    assert float(apart.min()) > KEY_ANGLE
    still = FrameStates(rotvecs=zero, positions=zero + 1.0, codes=torch.zeros(41, 1))
    assert len(key_frames(still, np.arange(41))) == 1


def test_corners_are_followed_over_a_moving_picture(leaning):
    import cv2

    _, solution, _ = leaning
    rng = np.random.default_rng(3)
    texture = cv2.GaussianBlur(rng.uniform(0, 255, (SIZE, SIZE)), (0, 0), 2.0)
    texture = np.clip((texture - 127) * 5 + 127, 0, 255).astype(np.uint8)
    states = solution.states.select(torch.zeros(6, dtype=torch.long))
    shift = np.arange(6) * [[0.7], [-0.4]]

    def gray(t):
        return cv2.warpAffine(texture, np.array([[1, 0, shift[0, t]], [0, 1, shift[1, t]]]), (SIZE, SIZE))

    landmarks = solution.projected[:1].numpy().repeat(6, 0)
    labels = np.full((SIZE, SIZE), FACE, np.uint8)
    found = follow_head(gray, lambda t: labels, landmarks, solution.model, states, np.array([0]))
    assert found.pixels.shape[1] > 20
    moved = found.pixels - found.pixels[:1]
    both = found.seen.all(0)
    assert both.double().mean() > 0.8
    expected = torch.from_numpy(shift.T)[:, None]
    assert float((moved - expected)[:, both].abs().max()) < 0.2
    nose = landmarks[0, 2, 1]
    assert float(found.pixels[0, :, 1].max()) < nose + 20  # nothing below the nose's base: the jaw moves
    assert len(select_features(found, torch.tensor([0, 2])).seen) == 2
