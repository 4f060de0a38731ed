"""Lips read by what they say: shut for p, b and m, nearer to the sound, and otherwise where they were seen."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from support_voices import FPS, JAW, recording, taught_judge

from gaussian_head.checks import InputError
from gaussian_head.lips import LipJudge
from gaussian_head.speech import encode_speech
from gaussian_head.tracking import reading, track
from gaussian_head.tracking.reading import AS_SHUT, SHUT, WIDEST, meant_shut, read_lips, told_by_look
from gaussian_head.voice.mouth import COLUMNS, GAP, lip_measures

MET = 50
"""Frame at which p is heard."""


@pytest.fixture(scope="module")
def judge():
    taught, _ = taught_judge()
    # These people move two units only; what the nets make of the others is chance.
    return replace(taught, scale=torch.where(taught.scale < 1e-3, 1e3, taught.scale))


def gap_of(units):
    return units[:, COLUMNS] @ lip_measures()[:, GAP]


@pytest.fixture
def seen():
    """A stranger whose lips pass through shut at MET, where they were seen a little ajar."""
    stranger = recording(77, 8)
    units = stranger.units.clone()
    away = (torch.arange(len(units)) - MET).abs()
    units[:, JAW] *= (away / 6.0).clamp(0.15, 1)
    return stranger, units


def pictures(gap):
    """Grey mouths whose dark line is as thick as the lips' gap ``[T]``, with noise."""
    rows = np.abs(np.arange(32)[None, :, None] - 16)
    dark = rows < 1 + 6 * (gap / gap.max()).numpy()[:, None, None]
    noise = np.random.default_rng(0).normal(0, 4, (len(gap), 32, 32))
    return np.clip(np.where(dark, 60.0, 160.0) + noise, 0, 255).astype(np.uint8)


def heard_at(frame):
    """`encode_speech`, with a p in the sound of that frame."""

    def encode(samples, *, encoder="default"):
        features = encode_speech(samples, encoder=encoder)
        closure = torch.zeros_like(features.closure)
        middle = round(frame / FPS * features.rate)
        closure[middle - 1 : middle + 12] = 1
        return replace(features, closure=closure)

    return encode


def test_lips_that_nearly_meet_for_a_p_are_shut_and_no_others(judge, seen, monkeypatch):
    stranger, units = seen
    monkeypatch.setattr(reading, "encode_speech", heard_at(MET))
    looks = pictures(gap_of(units))
    read = read_lips(units, FPS, stranger.samples, looks, judge)
    before, after = gap_of(units), gap_of(read.units)
    limit = before.quantile(SHUT) + AS_SHUT * (before.quantile(WIDEST) - before.quantile(SHUT))
    assert read.figures["meeting"] >= 1
    assert read.figures["met"] == read.figures["meeting"]
    assert after[MET] < limit
    assert after[MET] <= before[MET]
    far = (torch.arange(len(units)) - MET).abs() > 12
    assert (after - before)[far].abs().max() < 4e-4
    monkeypatch.setattr(reading, "encode_speech", heard_at(int(before.argmax())))
    wide = read_lips(units, FPS, stranger.samples, looks, judge)
    assert wide.figures["meeting"] == 0
    assert gap_of(wide.units)[int(before.argmax())] > before.quantile(0.9)


def test_lips_that_look_open_are_not_shut(judge, seen, monkeypatch):
    stranger, units = seen
    monkeypatch.setattr(reading, "encode_speech", heard_at(MET))
    looks = pictures(gap_of(units))
    widest = int(gap_of(units).argmax())
    looks[MET - 6 : MET + 7] = looks[widest]
    assert read_lips(units, FPS, stranger.samples, looks, judge).figures["meeting"] == 0


def test_the_look_of_a_mouth_tells_its_gap(seen):
    gap = gap_of(seen[1])
    told = told_by_look(pictures(gap), gap)
    assert float(torch.corrcoef(torch.stack([told, gap]))[0, 1]) > 0.9
    told = told_by_look(pictures(gap.roll(len(gap) // 2)), gap)
    assert float(torch.corrcoef(torch.stack([told, gap]))[0, 1]) < 0.5


def test_read_lips_say_more_and_stay_within_units(judge, seen):
    stranger, units = seen
    read = read_lips(units, FPS, stranger.samples, pictures(gap_of(units)), judge)
    assert read.figures["readability"] > read.figures["readability_seen"] + 0.001
    assert 0 < read.figures["gap_moved_mm"] < 0.5
    assert float(read.units.min()) >= 0
    assert float(read.units.max()) <= 1
    others = [k for k in range(52) if k not in COLUMNS]
    assert torch.equal(read.units[:, others], units[:, others])


def test_the_judge_gives_gradients_that_agree_with_what_it_says(judge):
    mouth = recording(78, 4).units[:, COLUMNS]
    units = torch.zeros(len(mouth), 52)
    units[:, COLUMNS] = mouth
    assert torch.allclose(judge.lips_of(mouth, FPS), judge.embed_lips(units, FPS), atol=1e-5)
    changed = mouth.clone().requires_grad_(True)
    judge.lips_of(changed, FPS).square()[:, 0].sum().backward()
    assert changed.grad is not None
    assert changed.grad.abs().max() > 0


def test_only_where_lips_are_near_may_they_be_meant_shut():
    gap = torch.full((100,), 0.010)
    gap[0:45] = 0.002
    gap[22], gap[80] = 0.001, 0.006
    features = SimpleNamespace(closure=torch.ones(400), rate=100.0)
    meant = meant_shut(features, gap, gap, FPS)
    assert meant[22] == 1
    assert meant[[20, 21, 23, 24, 80]].max() == 0


def test_lips_are_read_only_with_ears_and_in_one_of_two_ways(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="lips is 'heard'; seen or read was wanted"):
        track(tmp_path / "film.mp4", tmp_path / "out", lips="heard")

    def deaf(self):
        raise InputError("the weights of the speech encoder are not on this machine")

    monkeypatch.setattr(LipJudge, "require_ears", deaf)
    with pytest.raises(InputError, match="not on this machine"):
        track(tmp_path / "film.mp4", tmp_path / "out", lips="read")
    assert not (tmp_path / "out").exists()
    assert np.isfinite(reading.SIGMA)
