"""The evaluate verb on a synthetic capture and the head that was filmed for it."""

import json
from dataclasses import replace

import pytest
import torch
from support_capture import make_capture
from support_head import LoudnessToMotion

from gaussian_head.checks import InputError
from gaussian_head.metrics.held_out import evaluate, held_out_motions


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    capture, head = make_capture(tmp_path_factory.mktemp("filmed") / "capture", num_frames=30, size=96)
    return capture, replace(head, audio_model=LoudnessToMotion(), num_train=capture.num_train)


def test_the_head_that_was_filmed_is_nearly_perfect_and_sound_is_worse(filmed, tmp_path):
    capture, head = filmed
    report = evaluate(head, tmp_path, capture=capture)
    scores = report.summary()
    assert set(scores) == {"tracked", "audio", "audio_only"}
    assert scores["tracked"]["psnr_full"] > 38
    assert scores["audio_only"]["psnr_mouth"] < scores["tracked"]["psnr_mouth"]
    written = json.loads((tmp_path / "report.json").read_text())
    assert written["num_frames"] == len(capture.test_frames) == 3
    assert "driver audio" in written["protocol"]
    assert {p.name for p in tmp_path.iterdir()} >= {"report.json", "sheet.png", "index.html"}


def test_audio_drives_lips_only(filmed):
    capture, head = filmed
    motions = held_out_motions(head, capture)
    lips = motions["tracked"].lip_mask
    for name in ("audio", "audio_only"):
        assert torch.equal(motions[name].head_quats, motions["tracked"].head_quats)
    assert torch.equal(motions["audio"].expression[:, ~lips], motions["tracked"].expression[:, ~lips])
    assert not torch.equal(motions["audio"].expression[:, lips], motions["tracked"].expression[:, lips])
    assert motions["audio_only"].expression[:, ~lips].std(0).max() == 0


def test_a_moved_or_foreign_capture_is_named(filmed, tmp_path):
    _, head = filmed
    with pytest.raises(InputError, match="--capture"):
        evaluate(replace(head, capture_path=str(tmp_path / "gone")), tmp_path)
    other, _ = make_capture(tmp_path / "other", num_frames=20, size=96)
    with pytest.raises(InputError, match="30"):
        evaluate(head, tmp_path, capture=other)
