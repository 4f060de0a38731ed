"""Units lent to another head: what is seen counts, beside what any talking face would score."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gaussian_head.evaluation import retargeted
from gaussian_head.face import UNITS
from gaussian_head.motion import Motion, Pose


def moving(count: int, seed: int) -> SimpleNamespace:
    """An actor of nothing but a clip whose units are noise."""
    generator = torch.Generator().manual_seed(seed)
    pose = Pose(quats=torch.tensor([[1.0, 0, 0, 0]]).repeat(count, 1), positions=torch.zeros(count, 3))
    motion = Motion(
        fps=25.0,
        head=pose,
        torso=pose,
        units=torch.rand(count, len(UNITS), generator=generator),
        gaze=torch.zeros(count, 2),
        residual=torch.zeros(count, 0),
    )
    return SimpleNamespace(clip=SimpleNamespace(motion=motion))


def measured(monkeypatch, tmp_path, seen):
    source, target = moving(80, 1), moving(30, 2)
    monkeypatch.setattr(retargeted, "filmed", lambda *_, **__: tmp_path / "video.mp4")
    monkeypatch.setattr(retargeted, "marks_in", lambda *_, **__: np.zeros((40, 478, 3)))
    monkeypatch.setattr(retargeted, "units_of_marks", lambda actor, motion, video, marks: seen(source.clip.motion))
    return retargeted.measure_retarget(source, target, tmp_path / "video.mp4", size=64, frames=40)


def test_what_is_seen_as_it_was_asked_agrees_and_weaker_is_told(monkeypatch, tmp_path):
    scores = measured(monkeypatch, tmp_path, lambda lent: 0.5 * lent.units[:40])
    assert all(r == pytest.approx(1, abs=1e-3) for r in scores.asked.values())
    assert all(abs(r) < 0.6 for r in scores.other.values())
    assert all(s == pytest.approx(0.5, abs=1e-3) for s in scores.spread.values())
    assert scores.identity is None


def test_another_moment_of_the_source_is_no_agreement(monkeypatch, tmp_path):
    scores = measured(monkeypatch, tmp_path, lambda lent: lent.units[40:])
    assert all(abs(r) < 0.6 for r in scores.asked.values())
    assert all(r == pytest.approx(1, abs=1e-3) for r in scores.other.values())


def test_a_face_is_not_compared_with_itself():
    faces = [np.zeros(3), np.ones(3), None]
    assert retargeted._between(faces[:2], faces[:2]) == pytest.approx(3**0.5, abs=1e-3)
    assert retargeted._between([faces[0]], [np.zeros(3), None]) == 0
