"""Residuals carry whose they are: another face's is told and left out, never shown as one's own."""

from dataclasses import replace

import pytest
import torch
from support_capture import make_capture
from support_head import CODE, make_actor, make_code_map

from gaussian_head import Actor, Head, export
from gaussian_head.actor import Clip
from gaussian_head.capture import Capture
from gaussian_head.checks import InputError
from gaussian_head.events import Warned
from gaussian_head.exporting import driving_performance
from gaussian_head.face import with_looks
from gaussian_head.io import read_motion, write_motion
from gaussian_head.motion import basis_identity, drive_by_audio


def person(basis_id: str, seed: int = 0) -> Actor:
    """Somebody whose residual has values of its own."""
    actor = make_actor(40, num_gaussians=120, size=32)
    residual = torch.randn(40, len(CODE), generator=torch.Generator().manual_seed(seed))
    motion = replace(actor.clip.motion, residual=residual, basis_id=basis_id)
    return replace(
        actor, head=replace(actor.head, code_map=make_code_map(basis_id)), clip=Clip(motion=motion, num_train=36)
    )


def test_a_capture_names_its_basis(tmp_path):
    capture, _ = make_capture(tmp_path / "capture")
    assert capture.motion.basis_id == basis_identity(capture.shape.basis) == Capture.load(capture.path).motion.basis_id
    moved = capture.shape.basis.clone()
    moved[0, 0, 0] += 1e-6
    assert basis_identity(moved) != capture.motion.basis_id


def test_another_faces_residual_does_not_move_this_one(tmp_path):
    ours, theirs = person("a"), person("b", seed=1)
    export(theirs, tmp_path / "b.json", format="motion-json")
    heard = []
    driven = driving_performance(ours, motion=tmp_path / "b.json", listener=heard.append).motion
    given = theirs.clip.motion
    torch.testing.assert_close(driven.units, with_looks(given.units, given.gaze))
    torch.testing.assert_close(driven.head.quats, given.head.quats)
    assert driven.residual.shape == (40, 0)
    assert [type(event) for event in heard] == [Warned]
    assert "another face" in heard[0].message


def test_a_head_passes_over_the_residual_of_another_face_whoever_hands_it_over():
    ours, theirs = person("a"), person("b", seed=1)
    mixed = ours.head.code_map.code(theirs.clip.motion)
    torch.testing.assert_close(mixed, ours.head.code_map.code(theirs.clip.motion.without_residual()))
    assert float((mixed - theirs.head.code_map.code(theirs.clip.motion)).abs().mean()) > 0.5


def test_ones_own_motion_comes_back_as_it_was(tmp_path):
    ours = person("a")
    write_motion(tmp_path / "a.json", ours.clip.motion)
    heard = []
    driven = driving_performance(ours, motion=tmp_path / "a.json", listener=heard.append).motion
    assert torch.equal(driven.residual, ours.clip.motion.residual)
    assert not heard


def test_a_residual_that_does_not_say_whose_it_is_is_left_out_with_a_word(tmp_path):
    ours = person("a")
    write_motion(tmp_path / "m.csv", ours.clip.motion)
    heard = []
    driven = driving_performance(ours, motion=tmp_path / "m.csv", listener=heard.append).motion
    torch.testing.assert_close(driven.gaze, ours.clip.motion.gaze)
    assert driven.residual.shape == (40, 0)
    assert "does not name" in heard[0].message


def test_heads_and_motion_files_keep_whose_they_are(tmp_path):
    ours = replace(person("a"), voice=None)
    ours.save(tmp_path / "head")
    assert Actor.load(tmp_path / "head").clip.motion.basis_id == Head.load(tmp_path / "head").code_map.basis_id == "a"
    write_motion(tmp_path / "a.json", ours.clip.motion)
    assert read_motion(tmp_path / "a.json").basis_id == "a"


def test_a_predictor_of_another_face_is_refused():
    ours = person("a")
    stranger = ours.voice
    stranger.basis_id = "b"
    with pytest.raises(InputError, match="another face"):
        drive_by_audio(stranger, ours.clip.motion, torch.zeros(16000).numpy(), fps=25.0)
