"""The evaluate verb on a synthetic capture and the head that was filmed for it."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from support_capture import make_capture

from gaussian_head.checks import InputError
from gaussian_head.evaluation.held_out import DRIVERS, NULLS, evaluate, held_out_motions, nearest_frames, resting
from gaussian_head.face import UNITS, is_mouth_unit
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


MOUTH = torch.tensor([is_mouth_unit(name) for name in UNITS])


def test_audio_drives_the_mouth_only(filmed):
    capture, actor = filmed
    motions = held_out_motions(actor, capture)
    tracked, audio, alone = (motions[name] for name in ("tracked", "audio", "audio_only"))
    for motion in (audio, alone):
        assert torch.equal(motion.head.quats, tracked.head.quats)
        assert motion.residual[:, actor.voice.lips].abs().max() == 0
    assert torch.equal(audio.units[:, ~MOUTH], tracked.units[:, ~MOUTH])
    assert torch.equal(audio.gaze, tracked.gaze)
    assert torch.equal(audio.residual[:, ~actor.voice.lips], tracked.residual[:, ~actor.voice.lips])
    assert not torch.equal(audio.units[:, MOUTH], tracked.units[:, MOUTH])
    assert alone.units[:, ~MOUTH].std(0).max() == 0
    assert alone.gaze.std(0).max() == 0


def test_the_residual_of_a_resting_face_goes_with_the_pose(filmed):
    code_map, motion, frames = filmed[1].head.code_map, filmed[1].clip.motion, torch.arange(27)
    residual = motion.residual.clone()
    leaning, own = code_map.index("face_2"), code_map.index("face_4")
    turn = quat_to_rotvec(motion.head.quats)[:, 1]
    residual[:, leaning] = 0.5 + 3 * turn
    residual[:, own] = torch.randn(len(motion), generator=torch.Generator().manual_seed(2))
    rest = resting(replace(motion, residual=residual), frames, ~code_map.lips).residual
    assert torch.allclose(rest[:, leaning], residual[:, leaning], atol=0.3 * float(residual[:, leaning].std()))
    assert rest[:, own].std() == 0
    assert rest[:, code_map.lips].std(0).max() == 0


def test_yardsticks_hear_another_sound_or_none(filmed):
    capture, actor = filmed
    motions = held_out_motions(actor, capture)
    for name in ("other_sound", "still_mouth"):
        assert torch.equal(motions[name].units[:, ~MOUTH], motions["audio"].units[:, ~MOUTH])
    assert motions["still_mouth"].units[:, MOUTH].std(0).max() == 0
    samples = capture.audio()
    motion = actor.clip.motion
    later = actor.voice.predict(np.roll(samples, len(samples) // 2), motion.fps, len(motion), close_in_silence=False)
    assert torch.equal(motions["other_sound"].units[:, MOUTH], later[:, MOUTH])
    assert not torch.equal(motions["other_sound"].units, motions["audio"].units)


def test_a_head_without_voice_has_no_yardstick_of_sound(filmed, tmp_path):
    capture, actor = filmed
    report = evaluate(replace(actor, voice=None), tmp_path, capture=capture)
    assert set(report.summary()) == {"tracked", "nearest_frame"}
    assert report.nulls == ("nearest_frame",)


def test_a_copy_of_the_training_frame_most_alike_is_a_yardstick(filmed, tmp_path):
    capture, actor = filmed
    chosen = nearest_frames(capture)
    assert len(chosen) == len(capture.test_frames)
    assert torch.isin(chosen, capture.train_frames).all()
    head = capture.motion.head
    for t, near in zip(capture.test_frames.tolist(), chosen.tolist(), strict=True):
        away = (head.quats[capture.train_frames] - head.quats[t]).norm(dim=1)
        assert float((head.quats[near] - head.quats[t]).norm()) <= float(away.median())
    scores = evaluate(actor, tmp_path, capture=capture, drivers=("tracked", "nearest_frame")).summary()
    assert set(scores) == {"tracked", "nearest_frame"}
    assert scores["nearest_frame"]["psnr_head"] < scores["tracked"]["psnr_head"]


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
    units = actor.clip.motion.units.clone()
    units[4, 0] += 0.01
    other = replace(actor, clip=replace(actor.clip, motion=replace(actor.clip.motion, units=units)))
    with pytest.raises(InputError, match="not the one that this head was trained on"):
        evaluate(other, tmp_path, capture=capture)
