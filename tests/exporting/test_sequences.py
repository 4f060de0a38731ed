"""Gaussians of many moments: one file per frame, driven by clip, motion file or speech."""

import json
import wave

import numpy as np
import pytest
import torch
from plyfile import PlyData
from support_head import make_actor

from gaussian_head import export
from gaussian_head.checks import InputError
from gaussian_head.exporting import FORMATS, chosen_frames, driving_performance
from gaussian_head.io import write_motion
from gaussian_head.transforms import quat_to_rotmat


def positions(path) -> np.ndarray:
    vertices = PlyData.read(str(path))["vertex"]
    return np.stack([vertices[axis] for axis in "xyz"], 1)


@pytest.fixture(scope="module")
def actor():
    return make_actor(20, num_gaussians=200)


def test_every_chosen_frame_becomes_one_file_that_an_independent_reader_opens(actor, tmp_path):
    export(actor, tmp_path / "seq", format="ply", frames="2:12:4")
    description = json.loads((tmp_path / "seq" / "sequence.json").read_text())
    assert description["fps"] == actor.clip.motion.fps
    assert sorted(p.name for p in (tmp_path / "seq").iterdir()) == [*description["files"], "sequence.json"]
    for name, t in zip(description["files"], (2, 6, 10), strict=True):
        np.testing.assert_array_equal(
            positions(tmp_path / "seq" / name), actor.head.gaussians(actor.clip.motion, t).means
        )


def test_one_frame_of_a_motion_file_is_one_file(actor, tmp_path):
    motion = actor.clip.motion.select(slice(5, 9))
    write_motion(tmp_path / "motion.json", motion)
    export(actor, tmp_path / "one.ply", motion=tmp_path / "motion.json", frame=3)
    wanted = actor.head.gaussians(actor.clip.motion, 8).means
    np.testing.assert_allclose(positions(tmp_path / "one.ply"), wanted, atol=1e-6)


def test_speech_makes_as_many_files_as_the_sound_has_frames(actor, tmp_path):
    sound = (8000 * np.sin(np.arange(8000) * 0.1)).astype("<i2")
    with wave.open(str(tmp_path / "half.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(sound.tobytes())
    export(actor, tmp_path / "seq", format="splat", audio=tmp_path / "half.wav")
    assert len(list((tmp_path / "seq").glob("*.splat"))) == round(0.5 * actor.clip.motion.fps)


def test_a_still_pose_moves_the_expression_only(actor):
    still = driving_performance(actor, pose="still").motion
    assert torch.equal(still.controls, actor.clip.motion.controls)
    torch.testing.assert_close(quat_to_rotmat(still.head.quats), torch.eye(3).expand(len(still), 3, 3))
    torch.testing.assert_close(still.torso.positions, actor.head.centre.expand(len(still), 3))


def test_without_options_the_neutral_head_is_written(actor, tmp_path):
    export(actor, tmp_path / "neutral.ply")
    canonical = torch.cat([b.means for b in actor.head.branches]) + actor.head.centre
    means = torch.from_numpy(positions(tmp_path / "neutral.ply"))
    assert (means - canonical).norm(dim=1).median() < 0.01
    assert len(means) == len(actor.head)


def test_an_older_sequence_is_replaced_and_other_files_are_left_alone(actor, tmp_path):
    seq = tmp_path / "seq"
    export(actor, seq, frames=":5")
    export(actor, seq, frames=":2")
    assert len(list(seq.glob("*.ply"))) == 2
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "notes.txt").write_text("keep")
    with pytest.raises(InputError, match="holds other files"):
        export(actor, mine, frames=":2")
    assert [p.name for p in mine.iterdir()] == ["notes.txt"]
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        export(actor, tmp_path / "file", frames=":2")


def test_nothing_is_left_of_a_sequence_that_fails(actor, tmp_path, monkeypatch):
    def full(path, gaussians):
        raise OSError("No space left on device")

    monkeypatch.setattr("gaussian_head.io.ply.write_ply", full)
    with pytest.raises(OSError, match="No space"):
        export(actor, tmp_path / "seq", frames=":2")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["5", "a:b", "0:10:0", "0:10:-1", "1:2:3:4", ""])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(InputError, match="start:stop:step"):
        chosen_frames(text, 20)


def test_ranges_read_like_slices():
    assert list(range(20))[chosen_frames("::6", 20)] == [0, 6, 12, 18]
    assert list(range(20))[chosen_frames("-2:", 20)] == [18, 19]
    with pytest.raises(InputError, match="holds none of the 20 frames"):
        chosen_frames("30:40", 20)


def test_mistakes_are_named(actor, tmp_path):
    with pytest.raises(InputError, match="choose among ply, splat"):
        export(actor, tmp_path / "a", format="fbx")
    with pytest.raises(InputError, match="frames 0 to 19"):
        export(actor, tmp_path / "a", frame=20)
    with pytest.raises(InputError, match="frame and frames were both given"):
        export(actor, tmp_path / "a", frame=1, frames="0:2")
    with pytest.raises(InputError, match="one driver"):
        driving_performance(actor, audio="a.wav", motion="b.json")
    assert not (tmp_path / "a").exists()


def test_every_format_says_what_it_is():
    for row in FORMATS.values():
        assert all(ending.startswith(".") for ending in row.endings)
        assert 10 < len(row.description) < 80
