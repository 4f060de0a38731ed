"""Lips drawn by chance, and a way of speaking that somebody else lends."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from support_capture import make_capture
from support_head import make_voice

from gaussian_head.actor import Direction, perform
from gaussian_head.actor.speak import unheard
from gaussian_head.actor.style import styled
from gaussian_head.checks import InputError
from gaussian_head.cli import main
from gaussian_head.demo.voice import speak as synthetic_speech
from gaussian_head.io.motion_file import read_motion
from gaussian_head.media import write_audio
from gaussian_head.voice.mouth import COLUMNS
from gaussian_head.voice.prior import PLAIN


@pytest.fixture(autouse=True)
def _plain_ears(monkeypatch):
    monkeypatch.setattr("gaussian_head.voice.prior.DATA", PLAIN)


@pytest.fixture(scope="module")
def person(tmp_path_factory):
    folder = tmp_path_factory.mktemp("person")
    capture, made = make_capture(folder / "capture", num_frames=320)
    replace(made, voice=make_voice(), clip=replace(made.clip, capture_path=str(capture.path))).save(folder / "head")
    return type(made).load(folder / "head"), folder


@pytest.fixture(scope="module")
def said():
    return np.concatenate([synthetic_speech(4, 25, 1).samples, np.zeros(16000, np.float32)])


def lips(motion) -> torch.Tensor:
    return motion.units[:, COLUMNS]


def test_sampled_lips_differ_by_seed_and_rest_in_silence(person, said):
    actor, _ = person
    mean, one, same, other = (
        lips(perform(actor, said, Direction(pose="still", blink=False, lips=how, seed=seed)))
        for how, seed in (("mean", 0), ("sampled", 1), ("sampled", 1), ("sampled", 2))
    )
    assert torch.equal(one, same)
    speaking, silent = slice(10, 90), slice(115, None)
    for a, b in ((mean, one), (one, other)):
        assert float((a[speaking] - b[speaking]).abs().mean()) > 1e-3
    torch.testing.assert_close(one[silent], mean[silent], atol=1e-4, rtol=0)


def test_takes_differ_in_their_lips(person, said, tmp_path, monkeypatch):
    _, folder = person
    write_audio(tmp_path / "said.wav", said, 16000)
    words = [
        "direct",
        str(folder / "head"),
        "--audio",
        str(tmp_path / "said.wav"),
        "--out",
        str(tmp_path / "take.json"),
    ]
    monkeypatch.setattr(sys, "argv", ["gaussian-head", *words, "--takes", "2", "--lips", "sampled", "--pose", "still"])
    main()
    takes = [lips(read_motion(tmp_path / f"take_{n}.json")) for n in (1, 2)]
    assert float((takes[0] - takes[1])[10:90].abs().mean()) > 1e-3


def test_a_lent_style_moves_lips_as_far_as_the_lender_and_shuts_the_actors_own_mouth(person, said, tmp_path):
    actor, folder = person
    usual = unheard(actor)
    lent = styled(usual, folder / "capture")
    assert torch.equal(lent.closed, usual.closed)
    assert lent.basis_id == usual.basis_id
    assert lent.seconds > 5
    assert not torch.equal(lent.scale, usual.scale)
    styled_lips = lips(perform(actor, said, Direction(pose="still", blink=False, style=folder / "capture")))
    own = lips(perform(actor, said, Direction(pose="still", blink=False)))
    assert float((styled_lips - own)[10:90].abs().mean()) > 1e-4
    torch.testing.assert_close(styled_lips[118], lent.closed, atol=1e-4, rtol=0)
    with pytest.raises(InputError):
        perform(actor, said, Direction(style=tmp_path / "nobody"))
