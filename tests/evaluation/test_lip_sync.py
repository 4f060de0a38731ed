"""The judge on pictures: units read back from landmarks, and beside which sound they stand."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from support_capture import make_capture

from gaussian_head.checks import InputError
from gaussian_head.evaluation.foreign import Voice, speak_foreign
from gaussian_head.evaluation.held_out import evaluate
from gaussian_head.evaluation.lip_sync import LipsBesideSound
from gaussian_head.metrics.page import html_page
from gaussian_head.speech.whisper import is_installed
from gaussian_head.tracking.filmed import FilmedFace
from gaussian_head.tracking.seen_units import UnitReader
from gaussian_head.tracking.units import units_of
from gaussian_head.voice.mouth import COLUMNS, lip_measures
from gaussian_head.voice.scores import correlation

needs_ears = pytest.mark.skipif(not is_installed("whisper"), reason="the judge hears with Whisper's weights")


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    return make_capture(tmp_path_factory.mktemp("filmed") / "capture", num_frames=60, size=96)


def test_units_are_read_back_as_tracking_reads_them(filmed):
    capture, _ = filmed
    frames = torch.arange(10, 60)
    points = capture.landmarks[frames].numpy().copy()
    points[7] = np.nan  # a picture without a face
    head = capture.motion.head[frames]
    seen = UnitReader(capture).read(points, head, capture.fps)
    assert seen.isfinite().all()
    assert seen.min() >= 0
    kept = units_of(FilmedFace.of(capture)).units[frames]
    told, kept = (units[:, COLUMNS] @ lip_measures() for units in (seen, kept))
    assert correlation(told[:, 1], kept[:, 1]) > 0.95
    with pytest.raises(InputError, match="4 of 50"):
        UnitReader(capture).read(np.where(np.arange(50)[:, None, None] < 4, points, np.nan), head, capture.fps)


@needs_ears
def test_evaluate_judges_every_row(filmed, tmp_path):
    capture, actor = filmed
    report = evaluate(actor, tmp_path, capture=capture)
    judged = {p.name: p.sync for p in report.predictions}
    assert all(sync is None or -1 <= sync.readability <= 1 for sync in judged.values())
    if judged["recording"] is not None:
        assert "readability" in report.summary()["recording"]
    assert "lip judge" in report.protocol
    assert "readability" in html_page(report)


@needs_ears
def test_a_still_mouth_is_not_read_and_short_lips_have_no_offset(filmed):
    capture, _ = filmed
    beside = LipsBesideSound.of(capture.audio(), capture.fps, 60)
    still = beside.score(capture.motion.units.median(0).values.expand(60, -1))
    assert abs(still.readability) < 0.4
    assert beside.score(capture.motion.units[:20]).offset != beside.score(capture.motion.units[:20]).offset
    assert not torch.equal(beside.sound, beside.shuffled().sound)


@needs_ears
def test_voices_are_sounds_or_captures(filmed, tmp_path, monkeypatch):
    capture, actor = filmed
    voice = Voice.read(capture.path, seconds=2)
    assert voice.units is not None
    assert len(voice.units) == round(2 * capture.fps)
    with pytest.raises(InputError):
        Voice.read(tmp_path / "none.wav", seconds=2)

    def found(self, frame):
        return next(points)

    actor = replace(actor, clip=replace(actor.clip, capture_path=str(capture.path)))
    points = iter(capture.landmarks.numpy())
    monkeypatch.setattr("gaussian_head.metrics.lips.LandmarkDetector.__call__", found)
    rows = list(speak_foreign({"somebody": actor}, [voice]))
    assert [row.head for row in rows] == ["recording", "somebody"]
    assert rows[0].gap == pytest.approx(1, abs=1e-3)
    assert rows[1].gap > 0.6  # the landmarks shown were the speaker's own, the poses were not
