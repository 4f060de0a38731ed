"""Video in, talking video out: the whole road on a few seconds of the demo subject, compared with its truth."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gaussian_head import render
from gaussian_head.demo import DemoTruth, make_demo_clip
from gaussian_head.evaluation.held_out import evaluate
from gaussian_head.media import probe, read_audio, read_frames
from gaussian_head.tracking import track
from gaussian_head.training import PRESETS, train
from gaussian_head.transforms import quat_conjugate, quat_multiply, quat_to_rotvec, rotmat_to_quat

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def road(tmp_path_factory):
    folder = tmp_path_factory.mktemp("road")
    clip = make_demo_clip(folder / "clip", seconds=5.0, size=256, seed=3)
    capture = track(clip.video, folder / "capture", size=256)
    preview = PRESETS["preview"]
    stages = tuple(replace(stage, iterations=count) for stage, count in zip(preview.stages, (120, 80), strict=True))
    head = train(capture, folder / "head", replace(preview, stages=stages))
    return folder, clip, capture, head


def turn_range_error(tracked: torch.Tensor, true: torch.Tensor) -> float:
    """Mean angle in degrees between two rotation tracks ``[T, 4]`` after removing their constant offset."""
    offset = quat_multiply(quat_conjugate(tracked), true)
    offset = torch.nn.functional.normalize((offset * offset[:, :1].sign()).mean(0), dim=0)
    error = quat_multiply(quat_conjugate(true), quat_multiply(tracked, offset.expand_as(tracked)))
    return float(quat_to_rotvec(error).norm(dim=1).mean().rad2deg())


def test_tracked_pose_and_mouth_follow_the_truth(road):
    _, clip, capture, _ = road
    truth = DemoTruth.load(clip.truth_path)
    true = rotmat_to_quat(torch.as_tensor(np.asarray(truth.head_rotations), dtype=torch.float32))
    assert turn_range_error(capture.motion.head.quats, true) < 1.5
    opening = torch.as_tensor(np.asarray(truth.channel("jaw")), dtype=torch.float32)
    together = torch.stack([opening, capture.coded("jaw_open")])
    assert torch.corrcoef(together)[0, 1] > 0.9


def test_held_out_frames_look_like_the_truth(road):
    folder, _, capture, head = road
    scores = evaluate(head, folder / "report", capture=capture).summary()
    assert scores["tracked"]["psnr_head_composited"] > 27
    assert scores["audio"]["psnr_head_composited"] > 26


def test_it_speaks_as_long_as_the_sound(road):
    folder, clip, _, head = road
    out = render(head, folder / "talk.mp4", audio=clip.speech, camera="orbit")
    seconds = len(read_audio(clip.speech)) / 16000
    assert abs(len(list(read_frames(out))) / probe(out).fps - seconds) <= 0.5 / probe(out).fps + 1e-6
    assert probe(out).has_audio
