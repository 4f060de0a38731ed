"""Private channels carry whose they are: another face's are told, left out and filled in, never shown as one's own."""

import json
from dataclasses import replace

import pytest
import torch
from support_capture import make_capture
from support_head import make_actor, make_motion

from gaussian_head import Actor, Head, export
from gaussian_head.capture import Capture
from gaussian_head.checks import InputError
from gaussian_head.events import Warned
from gaussian_head.exporting import driving_performance
from gaussian_head.io import read_motion, write_motion
from gaussian_head.motion import SEMANTIC_CHANNELS, at_home, basis_identity, drive_by_audio, retarget
from gaussian_head.motion.edit import concatenate

NAMED = len(SEMANTIC_CHANNELS)


def person(basis_id: str, seed: int = 0) -> Actor:
    """Somebody whose private channels have values of its own."""
    actor = make_actor(40, num_gaussians=120, size=32)
    private = torch.randn(40, 14, generator=torch.Generator().manual_seed(seed))
    code = torch.cat([actor.clip.motion.expression[:, :NAMED], private], 1)
    motion = replace(actor.clip.motion, expression=code, basis_id=basis_id)
    return replace(actor, head=replace(actor.head, basis_id=basis_id), clip=replace(actor.clip, motion=motion))


def test_a_capture_names_its_basis(tmp_path):
    capture, _ = make_capture(tmp_path / "capture")
    assert capture.motion.basis_id == basis_identity(capture.shape.basis) == Capture.load(capture.path).motion.basis_id
    moved = capture.shape.basis.clone()
    moved[0, 0, 0] += 1e-6
    assert basis_identity(moved) != capture.motion.basis_id


def test_another_faces_private_channels_do_not_move_this_one(tmp_path):
    ours, theirs = person("a"), person("b", seed=1)
    export(theirs, tmp_path / "b.json", format="motion-json")
    heard = []
    driven = driving_performance(ours, motion=tmp_path / "b.json", listener=heard.append).motion
    given = theirs.clip.motion
    torch.testing.assert_close(driven.expression[:, :NAMED], given.expression[:, :NAMED])
    torch.testing.assert_close(driven.head.quats, given.head.quats)
    assert (driven.expression[:, NAMED:] - given.expression[:, NAMED:]).abs().mean() > 0.5
    assert driven.basis_id == "a"
    assert [type(event) for event in heard] == [Warned]
    assert "another face" in heard[0].message
    assert "lip_0" in heard[0].message


def test_ones_own_motion_comes_back_as_it_was(tmp_path):
    ours = person("a")
    write_motion(tmp_path / "a.json", ours.clip.motion)
    heard = []
    driven = driving_performance(ours, motion=tmp_path / "a.json", listener=heard.append).motion
    assert torch.equal(driven.expression, ours.clip.motion.expression)
    assert not heard


def test_a_motion_that_does_not_say_is_taken_as_it_is_with_a_word(tmp_path):
    ours = person("a")
    write_motion(tmp_path / "old.json", replace(person("", seed=1).clip.motion, basis_id=""))
    data = json.loads((tmp_path / "old.json").read_text())
    del data["basis"]
    (tmp_path / "old.json").write_text(json.dumps(data))
    heard = []
    driven = driving_performance(ours, motion=tmp_path / "old.json", listener=heard.append).motion
    assert torch.equal(driven.expression, read_motion(tmp_path / "old.json").expression)
    assert "does not say whose" in heard[0].message


def test_heads_and_motion_files_keep_whose_they_are(tmp_path):
    ours = replace(person("a"), voice=None)
    ours.save(tmp_path / "head")
    assert Actor.load(tmp_path / "head").clip.motion.basis_id == Head.load(tmp_path / "head").basis_id == "a"
    write_motion(tmp_path / "a.json", ours.clip.motion)
    assert read_motion(tmp_path / "a.json").basis_id == "a"


def test_only_private_channels_are_anybodys(tmp_path):
    named = replace(make_motion(10), expression=torch.zeros(10, NAMED), channels=SEMANTIC_CHANNELS, basis_id="b")
    assert at_home(named, person("a").clip.motion) is named


def test_motions_of_two_faces_are_not_joined():
    ours, theirs = person("a").clip.motion, person("b").clip.motion
    with pytest.raises(InputError, match="two faces"):
        concatenate(ours, theirs)
    assert concatenate(ours, retarget(theirs, ours)).basis_id == "a"


def test_a_predictor_of_another_face_is_refused():
    ours = person("a")
    stranger = ours.voice
    stranger.basis_id = "b"
    with pytest.raises(InputError, match="another face"):
        drive_by_audio(stranger, ours.clip.motion, torch.zeros(16000).numpy(), fps=25.0)
