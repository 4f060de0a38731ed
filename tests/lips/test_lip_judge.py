"""The judge of lips, on synthetic people: it finds the offset, and tells lips that fit from those that do not."""

import json

import numpy as np
import pytest
import torch
from support_voices import FPS, JAW, recording, taught_judge

from gaussian_head.checks import InputError
from gaussian_head.lips import LipJudge
from gaussian_head.voice.mouth import COLUMNS


@pytest.fixture(scope="module")
def taught():
    return taught_judge()


@pytest.mark.parametrize("late", [-0.2, 0.0, 0.2])
def test_the_offset_of_a_strangers_sound_is_found(taught, late):
    judge, _ = taught
    stranger = recording(77, 8, late=late)
    curve = judge.sync(stranger.units, FPS, stranger.samples)
    assert curve.offset == pytest.approx(late, abs=0.081)
    assert curve.distance == curve.distances.min()
    other = recording(78, 8)
    assert curve.confidence > judge.sync(stranger.units, FPS, other.samples).confidence


def test_lips_that_fit_are_more_readable(taught):
    judge, _ = taught
    stranger = recording(79, 8)
    units = stranger.units
    right = judge.readability(units, FPS, stranger.samples)
    assert right.shape == (len(units) // 5,)
    assert right.abs().max() <= 1
    still = units.mean(0).expand_as(units)
    late, unmoved, small = (
        float(judge.readability(lips, FPS, stranger.samples).mean()) for lips in (units.roll(25, 0), still, 0.1 * units)
    )
    assert max(unmoved, small) < float(right.mean()) - 0.01
    assert late < float(right.mean()) - 0.1


def test_frame_rate_and_upper_face_change_nothing(taught):
    judge, _ = taught
    units = recording(80, 4).units
    lips = judge.embed_lips(units, FPS)
    assert torch.allclose(lips.norm(dim=1), torch.ones(len(lips)), atol=1e-5)
    twice = units.repeat_interleave(2, 0)
    twice[1:-1:2] = (units[1:] + units[:-1]) / 2
    assert torch.allclose(judge.embed_lips(twice, 2 * FPS), lips, atol=1e-4)
    blinking = units.clone()
    blinking[:, [k for k in range(52) if k not in COLUMNS]] = 1
    assert torch.equal(judge.embed_lips(blinking, FPS), lips)


def test_the_table_is_of_unseen_people(taught):
    _, card = taught
    table = card["table"]
    assert table["cuts"] == 4
    assert table["told from both"] >= 0.75
    assert table["readability, in step"] > table["readability, shuffled sound"]
    assert table["readability, in step"] > table["readability, 0.25 times the movement"]
    assert table["readability, in step"] == table["readability, 1 times the movement"]


def test_what_is_written_is_read_again(taught, tmp_path):
    judge, card = taught
    judge.save(tmp_path / "own", card)
    units = recording(81, 3).units
    assert torch.equal(LipJudge.load(tmp_path / "own").embed_lips(units, FPS), judge.embed_lips(units, FPS))
    described = json.loads((tmp_path / "own.json").read_text())
    (tmp_path / "own.json").write_text(json.dumps(described | {"format": "another"}))
    (tmp_path / "own.safetensors").rename(tmp_path / "copy.safetensors")
    (tmp_path / "copy.json").write_text(json.dumps(described | {"units": ["jawOpen"]}))
    with pytest.raises(InputError, match="other units"):
        LipJudge.load(tmp_path / "copy")
    (tmp_path / "again.json").write_text(json.dumps(described | {"format": "another"}))
    with pytest.raises(InputError, match="no lip judge"):
        LipJudge.load(tmp_path / "again")


def test_too_little_is_refused(taught):
    judge, _ = taught
    with pytest.raises(InputError, match=r"at least 1\.2 s"):
        judge.sync(torch.zeros(20, 52), FPS, np.ones(12800, np.float32))
    assert JAW in COLUMNS
