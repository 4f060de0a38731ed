"""The evaluate verb on a synthetic capture and the head that was filmed for it."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from support_capture import make_capture

from gaussian_head.checks import InputError
from gaussian_head.evaluation.held_out import DRIVERS, NULLS, evaluate, held_out_motions, resting_expression
from gaussian_head.motion import SEMANTIC_CHANNELS
from gaussian_head.motion.drive import leaning
from gaussian_head.motion.pose_share import PoseShare
from gaussian_head.transforms import quat_to_rotvec


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    capture, actor = make_capture(tmp_path_factory.mktemp("filmed") / "capture", num_frames=30, size=96)
    return capture, actor


def test_the_head_that_was_filmed_is_nearly_perfect_and_sound_is_worse(filmed, tmp_path):
    capture, actor = filmed
    report = evaluate(actor, tmp_path, capture=capture)
    scores = report.summary()
    assert set(scores) == {*DRIVERS, *NULLS}
    assert scores["tracked"]["psnr_full"] > 38
    assert scores["audio_only"]["psnr_mouth"] < scores["tracked"]["psnr_mouth"]
    written = json.loads((tmp_path / "report.json").read_text())
    assert written["num_frames"] == len(capture.test_frames) == 3
    assert {f"driver {name}" for name in scores} <= set(written["protocol"])
    assert scores["recording"]["psnr_full"] == 100
    assert scores["recording"]["flicker"] == scores["recording"]["flicker_truth"]
    assert [p.name for p in report.shown] == list(DRIVERS)  # of the yardsticks there are numbers but no pictures
    assert {p.name for p in tmp_path.iterdir()} >= {"report.json", "sheet.png", "index.html"}


def test_audio_drives_lips_only(filmed):
    capture, actor = filmed
    motions = held_out_motions(actor, capture)
    lips = motions["tracked"].lip_mask
    for name in ("audio", "audio_only"):
        assert torch.equal(motions[name].head.quats, motions["tracked"].head.quats)
    assert torch.equal(motions["audio"].expression[:, ~lips], motions["tracked"].expression[:, ~lips])
    assert not torch.equal(motions["audio"].expression[:, lips], motions["tracked"].expression[:, lips])
    rest = motions["audio_only"].expression
    semantic = torch.tensor([name in SEMANTIC_CHANNELS for name in motions["tracked"].channels])
    assert rest[:, semantic & ~lips].std(0).max() == 0


def test_private_channels_of_a_resting_face_go_with_the_pose(filmed):
    motion, frames = filmed[1].clip.motion, torch.arange(27)
    code = motion.expression.clone()
    leaning, own = (motion.channels.index(name) for name in ("face_2", "face_4"))
    turn = quat_to_rotvec(motion.head.quats)[:, 1]
    code[:, leaning] = 0.5 + 3 * turn
    code[:, own] = torch.randn(len(motion), generator=torch.Generator().manual_seed(2))
    rest = resting_expression(replace(motion, expression=code), frames)
    assert torch.allclose(rest[:, leaning], code[:, leaning], atol=0.3 * float(code[:, leaning].std()))
    assert rest[:, own].std() == 0
    assert rest[:, motion.lip_mask].std(0).max() == 0


def test_yardsticks_hear_another_sound_or_none(filmed):
    capture, actor = filmed
    motions = held_out_motions(actor, capture)
    lips = motions["tracked"].lip_mask
    for name in ("other_sound", "still_mouth"):
        assert torch.equal(motions[name].expression[:, ~lips], motions["audio"].expression[:, ~lips])
    assert motions["still_mouth"].expression[:, lips].std(0).max() == 0
    samples = capture.audio()
    motion = actor.clip.motion
    later = actor.voice.predict(np.roll(samples, len(samples) // 2), motion.fps, len(motion), close_in_silence=False)
    assert torch.equal(motions["other_sound"].expression[:, lips], later[:, lips])
    assert not torch.equal(motions["other_sound"].expression, motions["audio"].expression)


def test_a_head_without_voice_has_no_yardstick_of_sound(filmed, tmp_path):
    capture, actor = filmed
    report = evaluate(replace(actor, voice=None), tmp_path, capture=capture)
    assert set(report.summary()) == {"tracked"}
    assert report.nulls == ()


def test_lips_lean_with_the_pose_as_in_a_rendered_video(filmed, monkeypatch):
    capture, actor = filmed
    K = len(actor.head.channels)
    share = PoseShare(
        mean=torch.zeros(6), scale=torch.ones(6), weights=torch.full((6, K), 0.1) * lip_residuals(actor.head)
    )
    model = actor.voice
    assert model is not None
    lips = [k for k, used in enumerate(actor.clip.motion.lip_mask.tolist()) if used]
    for name, value in {"pose_share": share, "lips": lips, "closed": torch.zeros(len(lips))}.items():
        monkeypatch.setattr(model, name, value, raising=False)
    monkeypatch.setattr(model, "output_scale", torch.ones(len(lips)), raising=False)
    motion = actor.clip.motion
    spoken = model.predict(capture.audio(), motion.fps, len(motion))
    expected = leaning(model, replace(motion, expression=torch.where(motion.lip_mask, spoken, motion.expression)))
    driven = held_out_motions(actor, capture)["audio"]
    assert not torch.equal(driven.expression, torch.where(motion.lip_mask, spoken, motion.expression))
    assert torch.equal(driven.expression, expected.expression)


def lip_residuals(head):
    return torch.tensor([float(name.startswith("lip_") and name[4:].isdigit()) for name in head.channels])


@pytest.mark.parametrize("name", ["report.json", "index.html", "sheet.png"])
def test_a_report_replaces_nothing_but_a_report(filmed, tmp_path, name):
    capture, actor = filmed
    (tmp_path / name).write_text('{"source": "the quality report of a capture"}')
    with pytest.raises(InputError, match=f"{name} belongs to something else"):
        evaluate(actor, tmp_path, capture=capture)
    assert "quality report" in (tmp_path / name).read_text()
    (tmp_path / name).unlink()
    for _ in range(2):
        evaluate(actor, tmp_path, capture=capture)


def test_a_moved_or_foreign_capture_is_named(filmed, tmp_path):
    _, actor = filmed
    with pytest.raises(InputError, match="--capture"):
        evaluate(replace(actor, clip=replace(actor.clip, capture_path=str(tmp_path / "gone"))), tmp_path)
    other, _ = make_capture(tmp_path / "other", num_frames=20, size=96)
    with pytest.raises(InputError, match="30"):
        evaluate(actor, tmp_path, capture=other)


def test_a_capture_of_another_clip_is_refused_though_it_is_as_long(filmed, tmp_path):
    capture, actor = filmed
    code = actor.clip.motion.expression.clone()
    code[4, 0] += 0.01
    other = replace(actor, clip=replace(actor.clip, motion=replace(actor.clip.motion, expression=code)))
    with pytest.raises(InputError, match="not the one that this head was trained on"):
        evaluate(other, tmp_path, capture=capture)
