"""What is scored of several cameras: nothing is amiss where all is as it was, and errors are told as they are."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from gaussian_head.camera import Camera
from gaussian_head.capture import CaptureView
from gaussian_head.demo.rig import Rig, RigCamera
from gaussian_head.evaluation import rigs
from gaussian_head.motion import Pose
from gaussian_head.transforms import quat_to_rotmat, rotvec_to_quat

FRAMES, SIZE = 6, 64


@pytest.fixture
def filmed(monkeypatch, tmp_path):
    """A capture that is the truth, in a world twice as large, and its rig: a camera ahead and one aside."""
    generator = torch.Generator().manual_seed(0)
    shape = 0.08 * torch.randn(478, 3, generator=generator)
    head = Pose(
        quats=rotvec_to_quat(0.1 * torch.randn(FRAMES, 3, generator=generator)),
        positions=torch.tensor([0.0, 0.0, 1.0]).repeat(FRAMES, 1),
    )
    ahead = Camera.from_focal(120.0, SIZE, SIZE)
    view = torch.eye(4)
    view[:3, :3] = quat_to_rotmat(rotvec_to_quat(torch.tensor([0.0, 0.5, 0.0])))
    view[:3, 3] = torch.tensor([-0.3, 0.0, 0.1])
    aside = ahead.with_view(view)
    points = shape[:468] @ quat_to_rotmat(head.quats).mT + head.positions[:, None]
    monkeypatch.setattr(rigs, "_true_points", lambda truth, frames: points[frames].double())
    doubled = replace(head, positions=2 * head.positions)
    info = SimpleNamespace(source={"crop": [0, 0, SIZE]}, width=SIZE)
    capture = SimpleNamespace(
        num_frames=FRAMES,
        fps=25.0,
        info=info,
        code=torch.zeros(FRAMES, 1),
        shape=SimpleNamespace(vertices=2 * shape, basis=torch.zeros(1, 478, 3)),
        motion=SimpleNamespace(head=doubled),
    )
    moments = torch.arange(FRAMES).double() + 0.05 * 25
    far = view.clone()
    far[:3, 3] *= 2
    views = [
        CaptureView(name=name, capture=capture, camera=camera, moments=at, leader=capture)
        for name, camera, at in (
            ("front", ahead, moments - 0.05 * 25),
            ("left", aside.with_view(far), moments),
        )
    ]
    monkeypatch.setattr(rigs, "views_of", lambda capture: tuple(views))
    rig = Rig(
        videos=(tmp_path / "front.mp4", tmp_path / "left.mp4"),
        truth=SimpleNamespace(cameras=(ahead, aside)),
        cameras=(RigCamera(name="left", yaw=0.5, offset=0.05),),
    )
    return capture, rig, views


def test_the_truth_scores_nothing(filmed):
    scores = rigs.score_rig(*filmed[:2])
    assert scores.geometry_mm < 0.01
    for camera in scores.cameras.values():
        assert camera.pixels < 0.01
        assert camera.turned_deg < 0.1
        assert camera.focal_ratio == pytest.approx(1)
        assert camera.clock_ms < 0.01


def test_errors_are_told_as_they_are(filmed):
    capture, rig, views = filmed
    turn = torch.eye(4)
    turn[:3, :3] = quat_to_rotmat(rotvec_to_quat(torch.tensor([0.0, math.radians(3), 0.0])))
    camera = views[1].camera
    views[1] = replace(views[1], camera=camera.with_view(turn @ camera.viewmat), moments=views[1].moments + 0.1)
    capture.shape.vertices = capture.shape.vertices + 0.02 * torch.randn(478, 3)
    scores = rigs.score_rig(capture, rig)
    assert scores.cameras["left"].turned_deg == pytest.approx(3, abs=0.7)
    assert scores.cameras["left"].pixels > 3
    assert scores.cameras["left"].clock_ms == pytest.approx(4, abs=0.01)
    assert 5 < scores.geometry_mm < 25
