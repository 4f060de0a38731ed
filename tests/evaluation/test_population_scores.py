"""Scores of tracked made-up people: nothing wrong scores nothing, and each kind of error shows in its own number."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gaussian_head.camera import Camera
from gaussian_head.checks import InputError
from gaussian_head.demo.performing import perform
from gaussian_head.demo.population import PersonTruth, random_person
from gaussian_head.demo.voice import speak
from gaussian_head.evaluation.population import correlations, score_person
from gaussian_head.face import UNITS
from gaussian_head.similarity import Similarity
from gaussian_head.tracking.unit_rows import UnitRows
from gaussian_head.tracking.units import UnitTrack
from gaussian_head.transforms import quat_multiply, rotvec_to_quat

FRAMES, FOCAL, SIZE = 20, 1500.0, 512


@pytest.fixture(scope="module")
def truth() -> PersonTruth:
    generator = np.random.default_rng(0)
    done = perform(speak(4.0, 5.0, 0), fps=5.0, gestures=4, generator=generator)
    quats = rotvec_to_quat(torch.from_numpy(generator.normal(0, 0.1, (FRAMES, 3))).float())
    place = torch.tensor([[0.0, 0.0, 1.0]]).expand(FRAMES, 3)
    return PersonTruth(
        person=replace(random_person(generator), hair_volume=0.0), fps=5.0,
        cameras=(Camera.from_focal(FOCAL, SIZE, SIZE),), units=done.units, gaze=done.gaze, head_quats=quats,
        head_positions=place, torso_quats=quats, torso_positions=place,
    )  # fmt: skip


def scored(truth, *, quats=None, units=None, identity=None, focal=FOCAL, crop=SIZE):
    """Scores of a capture that says what the truth says, but for what is given; the crop is drawn at SIZE."""
    camera = Camera.from_focal(focal, SIZE, SIZE)
    capture = SimpleNamespace(
        num_frames=FRAMES, path=Path("made"), camera=camera,
        info=SimpleNamespace(source={"crop": [0, 0, crop]}, width=SIZE),
        motion=SimpleNamespace(head=SimpleNamespace(quats=truth.head_quats if quats is None else quats)),
    )  # fmt: skip
    identity = truth.person.identity if identity is None else identity
    nowhere = Similarity(scale=1.0, rotation=torch.eye(3), translation=torch.zeros(3))
    track = UnitTrack(
        rows=UnitRows(identity=identity, place=nowhere, rows=torch.zeros(52, 478, 3)),
        units=truth.units if units is None else units, gaze=truth.gaze, residual=torch.zeros(FRAMES, 478),
    )  # fmt: skip
    return score_person(capture, track, truth)


def test_the_truth_itself_is_without_error(truth):
    scores = scored(truth)
    assert scores.mean_correlation > 0.999
    assert len(scores.correlation) > 8
    assert scores.rotation_deg < 0.05 < scores.rotation_still_deg
    assert scores.vertices_mm < 0.1 < scores.vertices_average_mm
    assert scores.focal_ratio == pytest.approx(1, abs=1e-5)


def test_each_error_shows(truth):
    axes = rotvec_to_quat(torch.tensor([0.2, 0.0, 0.1]))
    assert scored(truth, quats=quat_multiply(truth.head_quats, axes.expand(FRAMES, 4))).rotation_deg < 0.05
    swaying = rotvec_to_quat(torch.tensor([[0.0, 0.02, 0.0], [0.0, -0.02, 0.0]]).repeat(FRAMES // 2, 1))
    assert scored(truth, quats=quat_multiply(swaying, truth.head_quats)).rotation_deg == pytest.approx(1.15, abs=0.1)
    assert scored(truth, identity=-truth.person.identity).vertices_mm > 2
    assert scored(truth, focal=1.2 * FOCAL).focal_ratio == pytest.approx(1.2)
    assert scored(truth, focal=2 * FOCAL, crop=SIZE // 2).focal_ratio == pytest.approx(1)


def test_only_units_that_are_seen_count_and_a_still_one_finds_nothing(truth):
    true = torch.zeros(FRAMES, len(UNITS))
    true[:, 3] = torch.linspace(0, 0.5, FRAMES)
    true[:, 4] = torch.linspace(0, 0.1, FRAMES)
    assert correlations(1 - true, true) == {UNITS[3]: pytest.approx(-1)}
    assert correlations(torch.full_like(true, 0.3), true) == {UNITS[3]: 0.0}


def test_a_truth_of_another_clip_is_refused(truth):
    shorter = replace(truth, units=truth.units[:-1])
    with pytest.raises(InputError, match="19 frames and capture made 20"):
        scored(shorter, units=truth.units)
