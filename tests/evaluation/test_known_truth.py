"""A head of the demo subject against the subject: files found, numbers as they must be."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from support_capture import make_capture

from gaussian_head.checks import InputError
from gaussian_head.evaluation.known_truth import YAWS_DEG, find_truth, measure_geometry


class MeshOfTheHead:
    """What a truth must offer, made from the synthetic head's own tracked shape: its geometry is known to be right."""

    def __init__(self, capture):
        motion = capture.motion
        self.camera, self._motion, self._shape = capture.camera, motion, capture.shape
        from gaussian_head.transforms import quat_to_rotmat

        self.head_rotations = quat_to_rotmat(motion.head.quats).numpy()
        self.head_positions = motion.head.positions.numpy()
        self.plate = (capture.background * 255).astype(np.uint8)

    def __len__(self):
        return len(self._motion)

    def vertices(self, t):
        local = self._shape.vertices + torch.einsum(
            "k,klc->lc", self._shape.code_map.code(self._motion.at(t)), self._shape.basis
        )
        return (local.numpy() @ self.head_rotations[t].T + self.head_positions[t]).astype(np.float32)


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("truth")
    capture, actor = make_capture(folder / "capture", num_frames=30, size=64)
    return folder, capture, actor


def renders_itself(monkeypatch, actor, shift=0.0):
    """Let the head stand in for the ray-cast truth, its depth moved by ``shift`` metres."""
    from gaussian_head.demo import TruthFrame
    from gaussian_head.evaluation import known_truth
    from gaussian_head.rendering import render_frame

    def cast(truth, t, camera):
        frame = render_frame(actor.head, actor.clip.motion, t, camera, background=torch.from_numpy(truth.plate) / 255)
        rgb = (frame.rgb.clamp(0, 1) * 255 + 0.5).to(torch.uint8).numpy()
        parts = np.where(frame.alpha.numpy() > 0.5, 4, 0).astype(np.uint8)
        return TruthFrame(rgb=rgb, alpha=frame.alpha.numpy(), depth=frame.depth.numpy() + shift, parts=parts)

    monkeypatch.setattr(known_truth, "render_truth", cast)
    monkeypatch.setattr(known_truth, "DemoTruth", MeshOfTheHead)


def test_a_perfect_head_is_perfect_from_all_sides(filmed, monkeypatch):
    _, capture, actor = filmed
    renders_itself(monkeypatch, actor, shift=0.005)
    scores = measure_geometry(actor, capture, MeshOfTheHead(capture))
    assert tuple(view.yaw_deg for view in scores.views) == YAWS_DEG
    assert min(view.psnr_full for view in scores.views) > 45
    assert min(view.silhouette_iou for view in scores.views) > 0.98
    assert scores.rotation_deg < 0.01
    assert scores.position_mm < 0.01
    assert scores.vertices_mm < 0.01
    assert scores.scale == pytest.approx(1, abs=1e-4)
    assert all(view.depth_mm == pytest.approx(5, abs=0.3) for view in scores.views)


def test_a_pose_that_is_off_is_measured(filmed, monkeypatch):
    _, capture, actor = filmed
    renders_itself(monkeypatch, actor)
    positions = actor.clip.motion.head.positions.clone()
    positions[capture.num_train] += torch.tensor([0.006, 0.0, 0.0])
    moved = replace(actor.clip.motion.head, positions=positions)
    off = replace(actor, clip=replace(actor.clip, motion=replace(actor.clip.motion, head=moved)))
    scores = measure_geometry(off, capture, MeshOfTheHead(capture))
    assert scores.position_mm == pytest.approx(2, abs=1.5)  # 6 mm in one of three held-out frames, some of it aligned


def test_truth_is_found_beside_the_clip_only(filmed):
    folder, capture, _ = filmed
    assert find_truth(capture) is None
    (folder / "clip").mkdir()
    (folder / "clip" / "truth.npz").write_bytes(b"x")
    assert find_truth(capture) == (folder / "clip" / "truth.npz").resolve()


def test_truth_of_another_clip_is_refused(filmed, monkeypatch):
    _, capture, actor = filmed
    renders_itself(monkeypatch, actor)
    other = MeshOfTheHead(capture)
    other._motion = other._motion.select(torch.arange(12))
    with pytest.raises(InputError, match="12 frames"):
        measure_geometry(actor, capture, other)
