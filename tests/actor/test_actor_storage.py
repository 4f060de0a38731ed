"""An actor on disk: head, clip and voice side by side; where it finds its capture again, and what it never opens."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support_capture import make_capture
from support_head import make_actor, make_code_map, make_voice

from gaussian_head import Actor, Head, InputError
from gaussian_head.actor.storage import AUDIO, CLIP
from gaussian_head.checkpoint import MANIFEST
from gaussian_head.head.storage import FORMAT, MODEL
from gaussian_head.media import write_audio


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project folder with a capture and the head of it."""
    folder = tmp_path_factory.mktemp("project")
    capture, actor = make_capture(folder / "capture", num_frames=6, size=32, sound=False)
    clip = replace(actor.clip, capture_path=str(capture.path))
    replace(actor, clip=clip, voice=None).save(folder / "head")
    return folder


def recorded(folder) -> str:
    return json.loads((folder / "head" / CLIP / MANIFEST).read_text())["meta"]["capture"]


def record(folder, path: str) -> None:
    """Let the clip name ``path``, as those of older versions or strangers do."""
    manifest = folder / "head" / CLIP / MANIFEST
    content = json.loads(manifest.read_text())
    content["meta"]["capture"] = path
    manifest.write_text(json.dumps(content))


def found(folder) -> str:
    return Actor.load(folder).clip.capture_path


def test_a_saved_head_names_nothing_of_the_machine(project):
    assert recorded(project) == "../capture"
    for part in (MODEL, CLIP):
        assert str(project) not in (project / "head" / part / MANIFEST).read_text()


def test_a_copied_project_takes_its_own_capture_though_the_other_is_there(project, tmp_path):
    shutil.copytree(project, tmp_path / "copy")
    record(tmp_path / "copy", str(project / "capture"))
    assert found(tmp_path / "copy" / "head") == str(tmp_path / "copy" / "capture")


def test_a_head_apart_from_its_capture_finds_it_after_both_moved(project, tmp_path):
    actor = Actor.load(project / "head")
    shutil.copytree(project / "capture", tmp_path / "old" / "captures" / "anna")
    clip = replace(actor.clip, capture_path=str(tmp_path / "old" / "captures" / "anna"))
    replace(actor, clip=clip).save(tmp_path / "old" / "heads" / "anna")
    (tmp_path / "old").rename(tmp_path / "new")
    assert found(tmp_path / "new" / "heads" / "anna") == str(tmp_path / "new" / "captures" / "anna")


def test_a_head_of_an_older_version_finds_the_capture_that_it_names(project, tmp_path):
    shutil.copytree(project / "head", tmp_path / "head")
    record(tmp_path, str(project / "capture"))
    assert found(tmp_path / "head") == str(project / "capture")


def test_what_a_head_names_or_has_beside_it_is_not_taken_for_its_capture(project, tmp_path):
    shutil.copytree(project / "head", tmp_path / "head")
    other, _ = make_capture(tmp_path / "capture", num_frames=7, size=32, sound=False)
    for path in (str(other.path), "/etc", "", "../nothing"):
        record(tmp_path, path)
        assert found(tmp_path / "head") == ""


@pytest.fixture
def actor():
    """Somebody with a voice that can be saved."""
    actor = make_actor(8, num_gaussians=60, size=16)
    head = replace(actor.head, code_map=make_code_map("somebody"))
    clip = replace(actor.clip, motion=replace(actor.clip.motion, basis_id="somebody"))
    return Actor(head=head, clip=clip, voice=make_voice())


def same(one: Actor, other: Actor) -> None:
    for ours, theirs in zip(one.head.branches, other.head.branches, strict=True):
        assert all(torch.equal(value, getattr(theirs, name)) for name, value in ours.tensors().items())
    maps = one.head.code_map, other.head.code_map
    assert maps[0].names == maps[1].names
    assert maps[0].basis_id == maps[1].basis_id
    assert all(torch.equal(value, maps[1].tensors()[name]) for name, value in maps[0].tensors().items())
    ours, theirs = one.clip.motion, other.clip.motion
    assert all(torch.equal(value, theirs.tensors()[name]) for name, value in ours.tensors().items())
    assert (ours.fps, ours.basis_id) == (theirs.fps, theirs.basis_id)
    assert one.clip.num_train == other.clip.num_train
    assert (one.voice is None) == (other.voice is None)
    if one.voice is not None and other.voice is not None:
        assert torch.equal(one.voice.closed, other.voice.closed)


@pytest.mark.parametrize("speaks", [True, False])
def test_an_actor_comes_back_as_it_was(actor, tmp_path, speaks):
    actor = actor if speaks else replace(actor, voice=None)
    actor.save(tmp_path / "head")
    same(Actor.load(tmp_path / "head"), actor)
    alone = Head.load(tmp_path / "head")
    same(replace(actor, head=alone), actor)
    Actor.load(tmp_path / "head").save(tmp_path / "head")
    assert sorted(p.name for p in (tmp_path / "head").iterdir()) == sorted([MODEL, CLIP] + [AUDIO] * speaks)
    same(Actor.load(tmp_path / "head"), actor)


def test_the_example_in_the_readme_runs_as_written(actor, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    actor.save("runs/me/head")
    write_audio("speech.wav", np.sin(np.arange(16000) * 0.1).astype(np.float32))
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    example = text.partition("## In Python")[2].partition("```python\n")[2].partition("```")[0]
    names = {}
    exec(example, names)
    assert len(names["motion"]) == 25
    assert names["frame"].rgb.shape == (16, 16, 3)


@pytest.mark.parametrize("version", [1, 2])
def test_a_head_of_an_older_version_is_refused_with_what_to_do(actor, tmp_path, version):
    actor.save(tmp_path)
    manifest = tmp_path / MODEL / MANIFEST
    content = json.loads(manifest.read_text())
    content["meta"]["channels"] = content["meta"].pop("code")
    manifest.write_text(json.dumps(content | {"version": version}))
    with pytest.raises(InputError, match="train it again with this version"):
        Actor.load(tmp_path)


def test_the_head_alone_holds_nothing_that_moves_it(actor, tmp_path):
    actor.head.save(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [MODEL]
    content = json.loads((tmp_path / MODEL / MANIFEST).read_text())
    assert content["format"] == FORMAT
    assert not {"fps", "num_train", "capture", "speaks"} & content["meta"].keys()
    same(replace(actor, head=Head.load(tmp_path)), actor)
    with pytest.raises(InputError, match=r"no 'clip' inside.*Head\.load"):
        Actor.load(tmp_path)


def test_parts_of_two_people_are_not_put_together(actor, tmp_path):
    actor.save(tmp_path / "a")
    motion = replace(actor.clip.motion, basis_id="another")
    other = replace(
        actor, head=replace(actor.head, code_map=make_code_map("another")), clip=replace(actor.clip, motion=motion)
    )
    other.save(tmp_path / "b")
    shutil.rmtree(tmp_path / "a" / CLIP)
    shutil.copytree(tmp_path / "b" / CLIP, tmp_path / "a" / CLIP)
    with pytest.raises(InputError, match="not that of the head beside it"):
        Actor.load(tmp_path / "a")


def test_a_mute_actor_leaves_no_voice_of_another_behind_and_nothing_else_is_lost(actor, tmp_path):
    actor.save(tmp_path)
    replace(actor, voice=None).save(tmp_path)
    assert Actor.load(tmp_path).voice is None
    (tmp_path / AUDIO).mkdir()
    (tmp_path / AUDIO / "take1.wav").write_bytes(b"mine")
    replace(actor, voice=None).save(tmp_path)
    assert Actor.load(tmp_path).voice is None
    with pytest.raises(InputError, match="will not be overwritten"):
        actor.save(tmp_path)
    assert (tmp_path / AUDIO / "take1.wav").read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["lips.json", "lips.safetensors"])
def test_half_a_voice_is_an_error_and_not_silence(actor, tmp_path, name):
    actor.save(tmp_path)
    (tmp_path / AUDIO / name).unlink()
    with pytest.raises(InputError, match="lips"):
        Actor.load(tmp_path)
