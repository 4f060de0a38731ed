"""A whole performance from a sound, told in words, in Python and on the command line."""

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from support_capture import make_capture
from support_head import make_voice

from gaussian_head.actor import Direction, attend, in_mood, perform
from gaussian_head.actor.feeling import moods_of
from gaussian_head.checks import InputError
from gaussian_head.cli import main
from gaussian_head.demo.voice import speak as synthetic_speech
from gaussian_head.io.motion_file import read_motion, write_motion
from gaussian_head.media import write_audio


@pytest.fixture(scope="module")
def actor(tmp_path_factory):
    folder = tmp_path_factory.mktemp("person")
    capture, made = make_capture(folder / "capture", num_frames=320)
    replace(made, voice=make_voice(), clip=replace(made.clip, capture_path=str(capture.path))).save(folder / "head")
    return type(made).load(folder / "head")


@pytest.fixture(scope="module")
def said():
    return synthetic_speech(6, 25, 1).samples


def heard(told):
    return [event.message for event in told if hasattr(event, "message")]


def test_a_head_moves_by_memory(actor, said):
    told = []
    motion = perform(actor, said, Direction(), listener=told.append)
    assert len(motion) == round(len(said) / 16000 * motion.fps)
    captured = perform(actor, said, Direction(pose="captured"))
    assert not torch.equal(motion.head.quats, captured.head.quats)
    assert torch.equal(motion.control("jawOpen"), captured.control("jawOpen"))
    assert torch.equal(motion.head.quats, perform(actor, said, Direction()).head.quats)
    assert not heard(told)


def test_a_head_moves_as_people_do_and_acts_where_told(actor, said, tmp_path):
    told = []
    motion = perform(actor, said, Direction(pose="sampled", seed=3), listener=told.append)
    assert torch.equal(motion.head.quats, perform(actor, said, Direction(pose="sampled", seed=3)).head.quats)
    assert not torch.equal(motion.head.quats, perform(actor, said, Direction(pose="sampled", seed=4)).head.quats)
    assert torch.equal(motion.control("jawOpen"), perform(actor, said, Direction(pose="captured")).control("jawOpen"))
    assert not heard(told)
    acted = perform(actor, said, Direction(pose="sampled: nods twice at 1 s", seed=3))
    (tmp_path / "acts.txt").write_text("nods twice at 1 s", encoding="utf-8")
    again = perform(actor, said, Direction(pose=f"sampled: {tmp_path / 'acts.txt'}", seed=3))
    assert torch.equal(acted.head.quats, again.head.quats)
    with pytest.raises(InputError, match="'flies'"):
        perform(actor, said, Direction(pose="sampled: flies"))
    with pytest.raises(InputError, match="leads a head"):
        perform(actor, said, Direction(pose=f"sampled: {tmp_path}"))


def test_a_short_clip_a_silent_sound_and_a_capture_moved_away_are_said(actor, said):
    short = replace(actor, clip=replace(actor.clip, motion=actor.clip.motion.select(slice(0, 120))))
    told = []
    perform(short, said, Direction(), listener=told.append)
    assert any("120 frames; 300 or more" in words for words in heard(told))
    told = []
    motion = perform(actor, np.zeros(48000, np.float32), Direction(), listener=told.append)
    assert len(motion) == 75
    assert any("nothing is said in the sound" in words for words in heard(told))
    told = []
    lost = replace(actor, clip=replace(actor.clip, capture_path=""))
    moved = perform(lost, said, Direction(), listener=told.append)
    assert any("is not known" in words for words in heard(told))
    assert torch.equal(moved.head.quats, perform(actor, said, Direction(pose="captured")).head.quats)


def test_many_words_are_no_name_of_a_file(actor, said):
    told = []
    moved = perform(actor, said, Direction(pose=", then ".join(["nods twice"] * 60)), listener=told.append)
    assert any("do not fit into" in words for words in heard(told))
    short = perform(actor, said, Direction(pose="nods twice, then nods twice, then nods twice, then nods twice"))
    assert torch.allclose(moved.head.quats[:80], short.head.quats[:80], atol=1e-4)


def test_a_file_of_words_is_read_once(actor, said, tmp_path, monkeypatch):
    file, reads, read = tmp_path / "acts.txt", [], Path.read_text
    file.write_text("nods twice", encoding="utf-8")

    def counted(path, *args, **kwargs):
        reads.append(path)
        return read(path, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", counted)
    moved = perform(actor, said, Direction(pose=file))
    assert reads.count(file) == 1
    assert torch.equal(moved.head.quats, perform(actor, said, Direction(pose="nods twice")).head.quats)


def command(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["gaussian-head", *map(str, arguments)])
    main()


def test_takes_are_written_as_motion_files_that_render_plays(actor, said, tmp_path, monkeypatch):
    actor.save(tmp_path / "head")
    write_audio(tmp_path / "said.wav", said[:32000])
    wanted = ("direct", tmp_path / "head", "--audio", tmp_path / "said.wav", "--out", tmp_path / "take.json")
    command(monkeypatch, *wanted, "--takes", 2, "--seed", 7, "--pose", "nods twice")
    takes = [read_motion(tmp_path / f"take_{n}.json") for n in (1, 2)]
    assert len(takes[0]) == len(takes[1]) == 50
    command(
        monkeypatch, "render", tmp_path / "head", "--motion", tmp_path / "take_1.json", "--out", tmp_path / "frames"
    )
    assert len(list((tmp_path / "frames").glob("*.png"))) == 50


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--out", "{tmp}/a.mp4"), "a motion file, .json or .csv, was wanted"),
        (("--out", "{tmp}/a.json", "--takes", "0"), "takes is 0"),
        (("--out", "{tmp}/a.json", "--pose", "nodz"), "is unknown"),
    ],
)
def test_mistakes_end_in_a_sentence(actor, said, options, words, tmp_path, monkeypatch, capsys):
    actor.save(tmp_path / "head")
    write_audio(tmp_path / "said.wav", said[:16000])
    given = [option.format(tmp=tmp_path) for option in options]
    with pytest.raises(SystemExit) as ended:
        command(monkeypatch, "direct", tmp_path / "head", "--audio", tmp_path / "said.wav", *given)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_moods_are_shown_as_far_as_the_head_goes_and_it_says_how_far(actor, said):
    told = []
    plain = perform(actor, said, Direction(pose="still"))
    face = actor.head.code_map
    face = replace(face, bounds=torch.stack([face.bias - 0.02, face.bias + 0.02]))
    narrow = replace(actor, head=replace(actor.head, code_map=face))
    happy = perform(narrow, said, Direction(pose="still", emotion="happy:0.8"), listener=told.append)
    assert float((happy.control("mouthSmileLeft") - plain.control("mouthSmileLeft")).mean()) > 0.05
    assert any("of a full 'happy'; strength 1 is that much, and 0.8 was asked for" in words for words in heard(told))
    told = []
    anchored = SimpleNamespace(clip=narrow.clip, head=SimpleNamespace(code_map=face, anchors=True))
    full = in_mood(anchored, plain, "surprised:0.8", listener=told.append)
    assert any("the rest moves as faces usually do, and 0.8 was asked for" in words for words in heard(told))
    bounded = in_mood(narrow, plain, "surprised:0.8")
    assert float(full.control("browInnerUp").mean()) > 1.3 * float(bounded.control("browInnerUp").mean())
    replayed = in_mood(actor, actor.clip.motion, "surprised")
    assert float((replayed.control("browInnerUp") - actor.clip.motion.control("browInnerUp")).mean()) > 0.1


def test_a_capture_of_the_same_person_is_a_mood(actor, said, tmp_path):
    moody = in_mood(actor, actor.clip.motion, "angry")
    write_motion(tmp_path / "me_angry.json", moody)
    own = moods_of(actor, f"{tmp_path / 'me_angry.json'}:0.5")
    ((_, mood),) = own.moods.items()
    assert mood.units["browDownLeft"] > 0.2
    assert own.strongest() == {str(tmp_path / "me_angry.json"): 0.5}
    same = moods_of(actor, f"{actor.clip.capture_path}:0.5").moods
    assert not next(iter(same.values())).units


def test_moods_that_are_none_are_refused(actor, said, tmp_path):
    with pytest.raises(InputError, match="did you mean 'angry'"):
        perform(actor, said, Direction(emotion="angri"))
    with pytest.raises(InputError, match="mood file"):
        perform(actor, said, Direction(emotion=tmp_path / "none.json"))
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="holds no capture"):
        perform(actor, said, Direction(emotion=f"{tmp_path / 'folder'}:0.5"))


def test_a_head_listens_with_shut_lips(actor, said):
    told = []
    motion = attend(actor, said, Direction(), listener=told.append)
    assert len(motion) == round(len(said) / 16000 * motion.fps)
    assert float(motion.control("jawOpen").std()) < 1e-4
    assert not heard(told)
    attend(actor, np.zeros(48000, np.float32), Direction(), listener=told.append)
    assert heard(told) == ["nobody speaks in the sound that is listened to; the head breathes and blinks."]
    both = perform(actor, said, Direction(pose="still"), other=said[::-1].copy())
    alone = perform(actor, said, Direction(pose="still"))
    assert torch.equal(both.control("jawOpen"), alone.control("jawOpen"))
    assert not torch.equal(both.torso.positions, alone.torso.positions)


def test_listening_is_rendered_and_its_mistakes_end_in_a_sentence(actor, said, tmp_path, monkeypatch, capsys):
    actor.save(tmp_path / "head")
    write_audio(tmp_path / "other.wav", said[:16000])
    command(monkeypatch, "render", tmp_path / "head", "--listen", tmp_path / "other.wav", "--out", tmp_path / "frames")
    assert len(list((tmp_path / "frames").glob("*.png"))) == 25
    wrong = (
        (("direct", tmp_path / "head", "--out", tmp_path / "a.json"), "no sound was given"),
        (
            ("render", tmp_path / "head", "--out", tmp_path / "b", "--motion", "x.json", "--listen", "y.wav"),
            "motion and listen were both given",
        ),
    )
    for given, words in wrong:
        with pytest.raises(SystemExit):
            command(monkeypatch, *given)
        assert words in " ".join(capsys.readouterr().err.split())
