"""Scores of speech for silent lips: a timing that is right scores well, and one that is not does not."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gaussian_head import InputError
from gaussian_head.conventions import SAMPLE_RATE
from gaussian_head.evaluation import silent_lips
from gaussian_head.evaluation.silent_lips import Sentence, guessed, onset_errors, phrases_found, told_apart
from gaussian_head.revoicing import Alignment, speak_text

ESPEAK = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
LATE = 0.4


def sentence(samples, text=""):
    frames = round(len(samples) / SAMPLE_RATE * 25)
    capture = SimpleNamespace(motion=SimpleNamespace(units=torch.rand(frames, 52)), fps=25.0, audio=lambda: samples)
    return Sentence(capture=capture, text=text)


@ESPEAK
def test_words_that_are_put_where_they_are_have_small_errors(monkeypatch):
    text = "place red at three now"
    said = speak_text(text, language="en-gb").samples
    film = np.pad(said, (round(LATE * SAMPLE_RATE), SAMPLE_RATE))
    calls = []

    def aligned(units, fps, samples, judge):
        calls.append(units)
        right = len(calls) == 1
        seconds = np.linspace(0, len(samples) / SAMPLE_RATE, 50)
        return Alignment(film=seconds + (LATE if right else 0.9), said=seconds, cost=0.0)

    monkeypatch.setattr(silent_lips, "align_to_lips", aligned)
    errors = onset_errors([sentence(film, text)], judge=None)
    assert errors.lips < 40
    assert abs(errors.other_lips - 500) < 40
    assert abs(errors.lateness) < 40
    assert errors.from_start > 300
    assert not torch.equal(calls[0], calls[1]), "the null row sees other lips"


def test_too_few_phrases_to_choose_among():
    with pytest.raises(InputError, match="19 were wanted"):
        phrases_found([sentence(np.zeros(SAMPLE_RATE, np.float32), "a")], ["a", "b"])


def test_lips_that_tell_the_loudness_are_heard():
    pytest.importorskip("pyworld")
    t = np.arange(12 * SAMPLE_RATE) / SAMPLE_RATE
    loud = 0.5 + 0.5 * np.sin(2 * np.pi * t * 1.3 + np.sin(t))
    harmonics = sum(np.sin(2 * np.pi * 130 * k * t) / k for k in range(1, 20))
    clip = sentence((0.1 * loud * harmonics).astype(np.float32))
    clip.capture.motion.units = torch.from_numpy(loud[:: SAMPLE_RATE // 25, None]).float().expand(-1, 52)
    rows = guessed(clip.capture)
    assert rows["lips"].energy_r > 0.8
    assert rows["lips of another moment"].energy_r < 0.5
    assert np.isnan(rows["mean spectrum"].energy_r)
    assert rows["lips"].bands_db < rows["mean spectrum"].bands_db
    assert rows["lips"].estoi > rows["lips of another moment"].estoi


def test_pairs_are_told_apart():
    assert told_apart([3, 4], [1, 2]) == 1
    assert told_apart([1, 2], [1, 2]) == 0.5
    assert told_apart([0], [1, 2]) == 0
