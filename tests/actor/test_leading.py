"""Another video leads: it is tracked once, its turns are brought into what the head shows well, its lips stay out."""

import math
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from support_capture import make_capture
from support_head import make_voice

import gaussian_head.tracking
from gaussian_head.actor import Direction, perform, replay
from gaussian_head.checks import InputError
from gaussian_head.cli import main
from gaussian_head.demo.voice import speak as synthetic_speech
from gaussian_head.io.motion_file import write_motion
from gaussian_head.media import VideoWriter
from gaussian_head.motion import Pose
from gaussian_head.motion.pose_range import PoseRange, brought_into, farthest
from gaussian_head.motion.recall_state import pose_track
from gaussian_head.transforms import quat_multiply, rotvec_to_quat


@pytest.fixture(scope="module")
def person(tmp_path_factory):
    folder = tmp_path_factory.mktemp("person")
    capture, made = make_capture(folder / "capture", num_frames=60)
    return replace(made, voice=make_voice(), clip=replace(made.clip, capture_path=str(capture.path)))


def swinging(motion, degrees: float):
    """``motion`` with a head that also swings to its sides by so much."""
    angle = math.radians(degrees) * torch.sin(torch.arange(len(motion)) * 2 * math.pi / 40)
    turn = rotvec_to_quat(torch.stack([torch.zeros_like(angle), angle, torch.zeros_like(angle)], 1))
    return replace(motion, head=Pose(quats=quat_multiply(motion.head.quats, turn), positions=motion.head.positions))


def blank_video(path, frames: int = 100):
    with VideoWriter(path, width=160, height=120, fps=25.0) as writer:
        for _ in range(frames):
            writer.write(np.full((120, 160, 3), 90, np.uint8))
    return path


def messages(told):
    return [event.message for event in told if hasattr(event, "message")]


def test_turns_within_the_range_stay_and_others_are_bent_into_it(person):
    clip = person.clip.motion
    room = PoseRange.of(clip).widened()
    assert torch.equal(brought_into(clip, room).head.quats, clip.head.quats)
    assert not farthest(clip, room)
    wild = swinging(clip, 70.0)
    tame = PoseRange.of(brought_into(wild, room))
    assert bool((tame.least >= room.least - 1e-4).all())
    assert bool((tame.most <= room.most + 1e-4).all())
    assert "this head shows" in farthest(wild, room)
    steps = [pose_track(m.head)[:, :3].diff(dim=0).norm(dim=1).max() for m in (brought_into(wild, room), wild)]
    assert float(steps[0]) <= float(steps[1]) + 1e-4


def test_a_motion_file_leads_the_head_and_not_the_lips(person, tmp_path):
    said = synthetic_speech(2, 25, 1).samples
    leader = swinging(person.clip.motion, 10.0)
    write_motion(tmp_path / "leader.json", leader)
    plain = perform(person, said, Direction(pose="captured"))
    led = perform(person, said, Direction(pose=tmp_path / "leader.json"))
    assert torch.equal(led.units, plain.units)
    mine, theirs = pose_track(led.head)[:, :3], pose_track(leader.head)[: len(led), :3]
    assert float(torch.corrcoef(torch.stack([mine[:, 1], theirs[:, 1]]))[0, 1]) > 0.99


def test_extremes_are_said_and_left_where_asked(person, tmp_path):
    write_motion(tmp_path / "wild.json", swinging(person.clip.motion, 60.0))
    told = []
    tame = replay(person, Direction(pose=tmp_path / "wild.json"), listener=told.append)
    free = replay(person, Direction(pose=tmp_path / "wild.json", bounds="free"), listener=told.append)
    assert float(PoseRange.of(free).most[1]) > 1.7 * float(PoseRange.of(tame).most[1])
    assert any("it is brought into that range" in words for words in messages(told))
    assert any("more is a guess" in words for words in messages(told))


def test_a_video_is_tracked_once_and_kept_beside_the_output(person, tmp_path, monkeypatch):
    asked = []

    def track(video, folder, **options):
        asked.append(video)
        capture, _ = make_capture(folder, num_frames=40)
        return capture

    monkeypatch.setattr(gaussian_head.tracking, "track", track)
    monkeypatch.setattr("gaussian_head.actor.leading.require_source", lambda *given: None)
    video = blank_video(tmp_path / "other.mp4", 5)
    led = replay(person, Direction(pose=video, beside=tmp_path / "made"))
    assert (tmp_path / "made" / "other.leader" / "capture.json").is_file()
    whole = replay(person, Direction(pose="captured", beside=tmp_path / "made"), video)
    assert asked == [video]
    assert (len(led), len(whole)) == (60, 40)
    assert not whole.residual.shape[1] or whole.basis_id == person.clip.motion.basis_id


def test_a_leader_without_a_face_and_learned_poses_without_sound_end_in_a_sentence(person, tmp_path):
    with pytest.raises(InputError, match=r"other\.mp4 cannot lead: .*face"):
        replay(person, Direction(pose=blank_video(tmp_path / "other.mp4"), beside=tmp_path))
    write_motion(tmp_path / "take.json", person.clip.motion)
    with pytest.raises(InputError, match="needs a sound that is spoken"):
        replay(person, Direction(), tmp_path / "take.json")
    silent = replace(person, clip=replace(person.clip, capture_path=""))
    with pytest.raises(InputError, match="Give a sound"):
        replay(silent, Direction())


def test_the_command_line_says_which_leader_has_no_face(person, tmp_path, monkeypatch, capsys):
    person.save(tmp_path / "head")
    video = blank_video(tmp_path / "nobody.mp4")
    given = ["render", str(tmp_path / "head"), "--motion", str(video), "--out", str(tmp_path / "out.mp4")]
    monkeypatch.setattr(sys, "argv", ["gaussian-head", *given])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "nobody.mp4 cannot lead" in capsys.readouterr().err
