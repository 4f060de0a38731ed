"""Bundle adjustment on a face whose poses, shape and codes are known."""

import numpy as np
import pytest
import torch

from gaussian_head.facenet.contours import INNER_LIPS, LEFT_IRIS, RIGHT_IRIS
from gaussian_head.tracking.bundle import BundleConfig
from gaussian_head.tracking.channels import MEASURED
from gaussian_head.tracking.focal import search_focal
from gaussian_head.tracking.solve import CODE, solve_clip
from gaussian_head.tracking.topology import channel_support
from gaussian_head.transforms import quat_conjugate, quat_multiply, quat_to_rotmat, quat_to_rotvec, rotvec_to_quat

T, TRAIN, FPS, SIZE, FOCAL, DISTANCE, NOISE = 120, 108, 25.0, 512, 1536.0, 1.0, 0.3
LOWER_LIP = (14, 87, 178, 88, 95, 317, 402, 318, 324, 17, 84, 181, 314, 405, 152, 148, 377)


def waves(seed: int, count: int) -> np.ndarray:
    """Smooth random curves ``[T, count]`` of unit size."""
    rng = np.random.default_rng(seed)
    times = np.arange(T)[:, None] / FPS
    rates, phases = rng.uniform(0.15, 0.6, (3, 1, count)), rng.uniform(0, 6.28, (3, 1, count))
    return np.sin(6.28 * rates * times + phases).mean(0) * 1.7


def speak(face: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Vertices ``[T, 478, 3]`` of the face opening its mouth and blinking, with the true curves."""
    mouth = np.clip(waves(1, 1)[:, 0], 0, None) * 0.012
    blink = np.zeros(T)
    for start in (20, 55, 90):
        blink[start : start + 7] = [0.3, 0.8, 1, 1, 0.8, 0.5, 0.2]
    shut = face.copy()
    upper_to_lower = np.array(INNER_LIPS[1:10]), np.array(INNER_LIPS[11:][::-1])
    middle = (face[upper_to_lower[0]] + face[upper_to_lower[1]]) / 2
    for row in upper_to_lower:
        shut[row] = middle
    vertices = np.repeat(shut[None], T, axis=0)
    vertices[:, list(LOWER_LIP), 1] += mouth[:, None]
    for upper, lower in ((159, 145), (160, 144), (158, 153), (386, 374), (387, 373), (385, 380)):
        vertices[:, upper] += blink[:, None] * (face[lower] - face[upper])
    return vertices, {"jaw_open": mouth, "blink_l": blink, "blink_r": blink}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Small matrices are solved sooner by one thread than by several that wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def filmed(face: np.ndarray, focal: float, distance: float) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Noisy landmarks ``[T, 478, 3]`` of the speaking face before a camera, and the truth."""
    vertices, curves = speak(face)
    rotvecs = waves(2, 3) * [0.10, 0.16, 0.06]
    positions = waves(3, 3) * [0.02, 0.015, 0.02] + [0, 0, distance]
    rotations = quat_to_rotmat(rotvec_to_quat(torch.from_numpy(rotvecs))).numpy()
    camera = vertices @ rotations.transpose(0, 2, 1) + positions[:, None]
    pixels = camera[..., :2] / camera[..., 2:] * focal + SIZE / 2
    depth = (camera[..., 2:] - positions[:, None, 2:]) * focal / distance
    rng = np.random.default_rng(4)
    clean = np.concatenate([pixels, depth], axis=2)
    noisy = clean + rng.normal(0, NOISE, clean.shape) * [1, 1, 3]
    truth = {"rotvecs": rotvecs, "positions": positions, "pixels": pixels, "vertices": vertices, **curves}
    return noisy.astype(np.float32), truth


@pytest.fixture(scope="module")
def clip(face):
    return filmed(face, FOCAL, DISTANCE)


@pytest.mark.parametrize("share", [2.0, 2.4, 4.2])
def test_the_focal_length_is_told_by_perspective(face, share):
    landmarks, _ = filmed(face, share * SIZE, share / 3 * DISTANCE)
    found = search_focal(landmarks[:TRAIN], torch.tensor([SIZE / 2, SIZE / 2], dtype=torch.float64), BundleConfig())
    assert abs(np.log(found / SIZE / share)) < 0.6 * abs(np.log(3 / share)), "much nearer than what is expected anyway"


@pytest.fixture(scope="module")
def solution(clip):
    return solve_clip(clip[0], np.ones(T, bool), width=SIZE, height=SIZE, fps=FPS, num_train=TRAIN)


def test_landmarks_are_explained_below_the_noise(solution, clip):
    error = np.linalg.norm(solution.projected.numpy() - clip[1]["pixels"], axis=2).mean(1)
    assert error[:TRAIN].mean() < 0.5 * NOISE * np.sqrt(np.pi / 2)
    assert error[TRAIN:].mean() < 0.6 * NOISE * np.sqrt(np.pi / 2)


def test_poses_are_recovered_up_to_one_fixed_frame(solution, clip):
    truth = rotvec_to_quat(torch.from_numpy(clip[1]["rotvecs"]))
    relative = quat_multiply(quat_conjugate(truth), solution.quats)
    spread = quat_to_rotvec(quat_multiply(quat_conjugate(relative[:1]), relative))
    assert np.rad2deg(spread.norm(dim=1)).max() < 1.2
    positions = solution.states.positions.numpy()
    for axis in range(3):
        assert np.corrcoef(positions[:, axis], clip[1]["positions"][:, axis])[0, 1] > 0.9
    assert 0.7 * FOCAL < solution.model.focal < 1.5 * FOCAL


def test_shape_is_metric_and_right(solution, face):
    shape = solution.model.shape.numpy()
    widths = [np.linalg.norm(shape[iris[1]] - shape[iris[3]]) for iris in (LEFT_IRIS, RIGHT_IRIS)]
    assert np.mean(widths) == pytest.approx(0.0117, rel=0.05)
    still = [i for i in range(468) if channel_support(face, ("jaw_open",))[0, i] == 0]
    centred = shape[still] - shape[still].mean(0)
    target = face[still] - face[still].mean(0)
    U, _, Vt = np.linalg.svd(centred.T @ target)
    assert np.linalg.norm(centred @ U @ Vt - target, axis=1).mean() < 0.002


@pytest.mark.parametrize("name", ["jaw_open", "blink_l", "blink_r"])
def test_semantic_channels_follow_the_truth(solution, clip, name):
    found = solution.states.codes[:, CODE.index(name)].numpy()
    assert np.corrcoef(found, clip[1][name])[0, 1] > 0.95
    if name != "jaw_open":
        assert found[23] > 0.75
        assert np.abs(np.median(found)) < 0.12


def test_blink_moves_the_lids(solution):
    model = solution.model
    for side, upper, lower in (("l", 386, 374), ("r", 159, 145)):
        k = MEASURED.index(f"blink_{side}")
        gap = model.shape[lower, 1] - model.shape[upper, 1]
        closing = model.basis[k, upper, 1] - model.basis[k, lower, 1]
        assert 0.6 * gap < closing < 1.4 * gap


def test_nothing_shared_depends_on_held_out_frames(clip, solution):
    landmarks = clip[0].copy()
    landmarks[TRAIN:] += np.random.default_rng(5).normal(0, 8, landmarks[TRAIN:].shape)
    again = solve_clip(landmarks, np.ones(T, bool), width=SIZE, height=SIZE, fps=FPS, num_train=TRAIN)
    assert again.model.focal == solution.model.focal
    assert torch.equal(again.model.shape, solution.model.shape)
    assert torch.equal(again.model.basis, solution.model.basis)
    assert torch.equal(again.states.codes[:TRAIN], solution.states.codes[:TRAIN])


def test_lost_frames_are_bridged(clip):
    landmarks, seen = clip[0].copy(), np.ones(T, bool)
    landmarks[40:46], seen[40:46] = 0, False
    solution = solve_clip(landmarks, seen, width=SIZE, height=SIZE, fps=FPS, num_train=TRAIN)
    error = np.linalg.norm(solution.projected.numpy() - clip[1]["pixels"], axis=2).mean(1)
    assert error[40:46].max() < 8
    assert error[:35].mean() < 0.5 * NOISE * np.sqrt(np.pi / 2)
