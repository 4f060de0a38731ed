"""Landmarks nodded as far as the head was: faces turned by arithmetic, a painted one with known nods."""

from pathlib import Path

import numpy as np
import pytest
import torch

from gaussian_head.demo.population import make_person_clip
from gaussian_head.evaluation.seen_again import marks_in
from gaussian_head.facenet import LandmarkTracker
from gaussian_head.tracking import track
from gaussian_head.tracking.follow import follow
from gaussian_head.tracking.initial import normalise
from gaussian_head.tracking.nodding import NOD, nodded, nodded_as_known
from gaussian_head.transforms import (
    mean_rotation,
    quat_multiply,
    quat_to_rotmat,
    quat_to_rotvec,
    rotmat_to_quat,
    rotvec_to_quat,
)


def seen(face: np.ndarray, rotvecs: np.ndarray) -> np.ndarray:
    """Landmarks ``[T, 478, 3]`` of a face turned about its middle before a camera far away."""
    rotations = quat_to_rotmat(rotvec_to_quat(torch.from_numpy(rotvecs))).numpy()
    return (face - face.mean(0)) @ rotations.transpose(0, 2, 1) * 2000 + np.array([256.0, 240.0, 0.0])


@pytest.fixture(scope="module")
def turns() -> np.ndarray:
    times = np.linspace(0, 2 * np.pi, 41)[:-1]
    return np.stack([0.1 * np.sin(times), 0.2 * np.sin(2 * times), 0.05 * np.sin(3 * times)], axis=1)


def slopes(found: torch.Tensor, true: torch.Tensor) -> np.ndarray:
    """How much of true turns ``[T, 3, 3]`` is found about x, y and z."""
    told, known = (quat_to_rotvec(rotmat_to_quat(R.double() @ mean_rotation(R.double()).T)) for R in (found, true))
    told, known = told - told.mean(0), known - known.mean(0)
    return ((told * known).sum(0) / known.square().sum(0)).numpy()


def test_heads_nod_further_and_turn_as_before(face, turns):
    lagging = turns / [NOD, 1.0, 1.0]
    found = nodded(seen(face, lagging), np.arange(len(turns)))
    assert np.abs(found[..., :2] - seen(face, turns)[..., :2]).max() < 0.5
    assert np.abs(found[..., :2].mean(1) - seen(face, lagging)[..., :2].mean(1)).max() < 1e-6
    assert np.abs(seen(face, lagging) - seen(face, turns))[..., :2].max() > 3


def test_landmarks_may_be_left_alone(face, turns):
    landmarks = seen(face, turns)
    assert np.allclose(nodded(landmarks, np.arange(len(turns)), 1.0), landmarks, atol=1e-9)


def test_a_known_face_nods_about_its_usual_pose(face, turns):
    usual = rotvec_to_quat(torch.tensor([0.0, 0.1, 0.0]).double())
    true, lagging = (
        quat_to_rotvec(quat_multiply(rotvec_to_quat(torch.from_numpy(v)), usual)).numpy()
        for v in (turns, turns / [NOD, 1.0, 1.0])
    )
    for t in (10, 27):
        one = slice(t, t + 1)
        found = nodded_as_known(seen(face, lagging[one]), face, quat_to_rotmat(usual))
        assert np.abs(found - seen(face, true[one]))[..., :2].max() < 0.5
        assert np.abs(seen(face, lagging[one]) - seen(face, true[one]))[..., :2].max() > 2


def test_a_known_person_nods_as_far_elsewhere_as_where_it_was_learnt(tmp_path: Path):
    clip = make_person_clip(tmp_path, seed=1006, seconds=4.0, fps=10, size=256)
    capture = track(clip.video, tmp_path / "capture", size=256)
    first, K = capture.landmarks[0].numpy(), capture.camera.K
    find = LandmarkTracker(np.concatenate([first.min(0), first.max(0)]))
    marks = np.stack([find(capture.frame(t).image) for t in range(capture.num_frames)])
    found = follow(
        capture, marks, np.ones(len(marks), bool), fps=10.0, focal=float(K[0, 0]), centre=K[:2, 2].numpy()
    ).motion.head
    true = quat_to_rotmat(capture.motion.head.quats)
    assert 0.85 < slopes(quat_to_rotmat(found.quats), true)[0] < 1.15
    apart = quat_to_rotvec(rotmat_to_quat(quat_to_rotmat(found.quats) @ true.mT)).mean(0)
    assert torch.rad2deg(apart).abs().max() < 1


def test_a_painted_persons_nods_are_told_too_short_by_the_net(tmp_path: Path):
    clip = make_person_clip(tmp_path, seed=1006, seconds=3.2, fps=10, size=256)
    landmarks, true = marks_in(clip.video).astype(np.float64), quat_to_rotmat(clip.truth.head_quats)
    frames = np.arange(len(landmarks))
    before, after = (
        slopes(torch.from_numpy(normalise(marks, frames).rotations), true)
        for marks in (landmarks, nodded(landmarks, frames))
    )
    assert abs(after[0] / before[0] - NOD) < 0.1
    assert abs(after[1] - before[1]) < 0.05
    assert abs(after[0] - 1) < abs(before[0] - 1)
