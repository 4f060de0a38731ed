"""Whole videos: formats, backgrounds, poses, sizes; interrupted ones go on."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support_head import make_actor, make_motion

from gaussian_head import render, speak
from gaussian_head.actor import posed_like
from gaussian_head.checks import InputError
from gaussian_head.events import Warned
from gaussian_head.io.motion_file import write_motion
from gaussian_head.media import probe, read_audio, read_frames, read_image, write_audio, write_image
from gaussian_head.motion.edit import typical_frame
from gaussian_head.rendering import (
    backdrop,
    fit_background,
    framed,
    picture_size,
    render_frame,
    to_rgba8,
    video,
)
from gaussian_head.transforms import quat_conjugate, quat_multiply, quat_to_rotmat, quat_to_rotvec


@pytest.fixture(scope="module")
def actor():
    return make_actor(num_frames=20, num_gaussians=1500, size=64)


@pytest.fixture(scope="module")
def head(actor):
    return actor.head


@pytest.fixture
def speech(tmp_path):
    sound = np.sin(np.arange(16000) * 440 * 6.283 / 16000).astype(np.float32) * 0.5
    write_audio(tmp_path / "speech.wav", sound, 16000)
    return tmp_path / "speech.wav"


def frames_of(path: Path) -> list[np.ndarray]:
    return list(read_frames(path))


def test_a_name_without_ending_is_a_folder_of_pictures_with_sound(actor, head, tmp_path, speech):
    out = render(actor, tmp_path / "frames", audio=speech, size=48, background="transparent")
    names = sorted(p.name for p in out.iterdir())
    assert names == ["audio.wav", *(f"frame_{t:06d}.png" for t in range(25))]
    assert len(read_audio(out / "audio.wav")) == 16000
    motion = speak(actor, read_audio(speech))
    camera = framed(head.camera, 48, 48)
    for t in (0, 24):
        with Image.open(out / f"frame_{t:06d}.png") as image:
            assert image.mode == "RGBA"
            got = np.array(image)
        frame = render_frame(head, motion, t, camera)
        np.testing.assert_allclose(got[..., 3] / 255, frame.alpha.clamp(0, 1).numpy(), atol=0.003)
        green = torch.tensor([0.0, 1.0, 0.0])
        pasted = got[..., :3] / 255 * got[..., 3:] / 255 + (1 - got[..., 3:] / 255) * green.numpy()
        wanted = (frame.rgb + (1 - frame.alpha[..., None]) * green).clamp(0, 1).numpy()
        np.testing.assert_allclose(pasted, wanted, atol=0.012)
    again = render(actor, out, audio=speech, size=32)
    assert read_image(again / "frame_000003.png").shape == (32, 32, 3)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["frames", "speech.wav"]
    (out / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"other files \(notes\.txt\)"):
        render(actor, out, audio=speech)
    assert (out / "notes.txt").exists()


def test_straight_colours_have_no_dark_edge(actor, head):
    frame = render_frame(head, actor.clip.motion, 0)
    picture = to_rgba8(frame)
    faint = (picture[..., 3] > 2) & (picture[..., 3] < 60)
    assert faint.sum() > 20
    assert picture[faint][:, :3].max(1).min() > 25
    assert picture[0, 0, 3] == 0


@pytest.mark.parametrize(("suffix", "alpha"), [(".mp4", False), (".mov", True), (".webm", True)])
def test_every_format_has_all_frames_and_sound(actor, tmp_path, speech, suffix, alpha, monkeypatch):
    monkeypatch.setattr(video, "PART_SECONDS", 0.4)
    out = tmp_path / f"talk{suffix}"
    background = "transparent" if alpha else "captured"
    assert render(actor, out, audio=speech, size=48, background=background, camera="orbit") == out
    info = probe(out)
    assert (info.num_frames, info.width, info.height, info.has_audio) == (25, 48, 48, True)
    assert len(frames_of(out)) == 25
    assert abs(len(read_audio(out)) - 16000) < 200
    assert sorted(p.name for p in tmp_path.iterdir()) == ["speech.wav", out.name]


def test_transparent_mp4_is_refused_before_any_work(actor, tmp_path, speech):
    with pytest.raises(InputError, match=r"\.mp4 has no transparency; write \.mov .*\.webm .*PNG"):
        render(actor, tmp_path / "talk.mp4", audio=speech, background="transparent")
    with pytest.raises(InputError, match=r"'\.gif'"):
        render(actor, tmp_path / "talk.gif", audio=speech)
    assert os.listdir(tmp_path) == ["speech.wav"]


def test_backgrounds(head, tmp_path):
    camera = framed(head.camera, 96, 64)
    assert backdrop(head, "transparent", camera) is None
    torch.testing.assert_close(backdrop(head, "#ff8000", camera), torch.tensor([1.0, 128 / 255, 0.0]))
    torch.testing.assert_close(backdrop(head, "white", camera), torch.ones(3))
    assert backdrop(head, "captured", camera).shape == (64, 96, 3)
    halves = np.zeros((40, 200, 3), np.uint8)
    halves[:, 100:] = 200
    write_image(tmp_path / "wall.png", halves)
    wall = backdrop(head, tmp_path / "wall.png", camera)
    assert wall.shape == (64, 96, 3)
    assert float(wall[:, :45].max()) < 0.02
    assert float(wall[:, 51:].min()) > 0.75
    with pytest.raises(InputError, match="neither a colour nor a picture"):
        backdrop(head, "no-such-thing", camera)


def test_another_shape_shows_more_or_less_but_never_stretches(actor, head):
    assert picture_size(None, head.camera) == (64, 64)
    assert picture_size("128", head.camera) == (128, 128)
    assert picture_size("1280x720", head.camera) == (1280, 720)
    for bad in ("big", "0", "10x10x10", "-5", "9x9", "99999", "x64", ""):
        with pytest.raises(InputError, match="size"):
            picture_size(bad, head.camera)
    point = head.centre + torch.tensor([0.05, 0.05, 0.0])
    for width in (128, 40):
        camera = framed(head.camera, width, 128 if width == 128 else 64)
        scale = camera.height / 64
        spread = camera.project(point) - camera.project(head.centre)
        torch.testing.assert_close(spread, scale * (head.camera.project(point) - head.camera.project(head.centre)))
    wide = render_frame(head, actor.clip.motion, 0, framed(head.camera, 128, 64))
    square = render_frame(head, actor.clip.motion, 0)
    torch.testing.assert_close(wide.rgb[:, 32:96], square.rgb, atol=2e-3, rtol=0)


def test_the_plate_goes_on_out_of_focus_beside_a_wide_picture(head):
    plate = torch.rand(64, 64, 3, generator=torch.Generator().manual_seed(0))
    wide = fit_background(plate, framed(head.camera, 128, 64))
    torch.testing.assert_close(wide[:, 32:96], plate)
    for beside, edge in ((wide[:, 31], plate[:, 0]), (wide[:, 96], plate[:, 63])):
        assert float((beside - edge).abs().mean()) < 0.08
    assert float(wide[:, :20].std()) < 0.3 * float(plate.std())
    assert float(wide[:, 108:].mean()) == pytest.approx(0.5, abs=0.08)
    torch.testing.assert_close(fit_background(plate, framed(head.camera, 40, 64)), plate[:, 12:52])


def turns(motion, quat):
    return quat_to_rotvec(quat_multiply(motion.head.quats, quat_conjugate(quat).expand_as(motion.head.quats)))


def test_a_lent_pose_moves_from_its_own_mean_and_loops_without_a_jump(actor, tmp_path, speech):
    leader = make_motion(80)
    far = replace(leader, head=replace(leader.head, positions=leader.head.positions + torch.tensor([0.3, 0.1, 0.5])))
    write_motion(tmp_path / "nod.json", far)
    motion = speak(actor, np.zeros(16000 * 12, np.float32) + 0.01, pose=tmp_path / "nod.json")
    assert len(motion) == 300
    rest = actor.clip.motion.at(typical_frame(actor.clip.motion))
    theirs = leader.at(typical_frame(leader))
    torch.testing.assert_close(
        turns(motion, rest.head.quats)[:40], turns(leader, theirs.head.quats)[:40], atol=1e-4, rtol=0
    )
    assert (motion.head.positions - rest.head.positions).norm(dim=1).max() < 0.05
    largest = leader.head.positions.diff(dim=0).norm(dim=1).max()
    assert motion.head.positions.diff(dim=0).norm(dim=1).max() < 1.5 * largest
    free = speak(actor, np.zeros(16000 * 12, np.float32) + 0.01)
    torch.testing.assert_close(motion.controls, free.controls)


def test_replayed_clips_take_poses_too(actor):
    still = posed_like(actor.clip.motion, actor.clip, actor.clip.motion.select(torch.tensor([3])))
    assert (still.head.quats == still.head.quats[:1]).all()
    torch.testing.assert_close(still.controls, actor.clip.motion.controls)


def test_unknown_poses_are_named(actor, tmp_path, speech):
    with pytest.raises(InputError, match="'upside-down' is unknown; choose captured, still"):
        render(actor, tmp_path / "a.mp4", audio=speech, pose="upside-down")
    (tmp_path / "bad.json").write_text("[]")
    with pytest.raises(InputError, match="not a motion file"):
        render(actor, tmp_path / "a.mp4", audio=speech, pose=tmp_path / "bad.json")


def test_a_head_is_posed_by_words(actor):
    sound = np.zeros(16000 * 6, np.float32) + 0.01
    heard: list[object] = []
    nodding = speak(actor, sound, pose="nods twice, then turns left", listener=heard.append)
    turned = quat_to_rotmat(nodding.head.quats) @ torch.tensor([0.0, 0.0, -1.0])
    assert turned[: 2 * 25, 1].max() > 0.1
    assert turned[2 * 25 :, 0].max() > 0.2
    assert torch.equal(nodding.controls, speak(actor, sound).controls)
    speak(actor, sound, pose="nods 20 times, then tilts right", listener=heard.append)
    looking = speak(actor, sound, pose="looks right at 1 s")
    assert (looking.gaze - nodding.gaze)[:, 0].min() < -0.2
    assert any(isinstance(event, Warned) and "do not fit into 6.0 s" in event.message for event in heard)
    ahead = quat_to_rotmat(speak(actor, sound, pose="frontal").head.quats)
    assert torch.allclose(ahead, torch.eye(3).expand_as(ahead))
    with pytest.raises(InputError, match=r"choose captured, still, frontal.*As words: 'loopd'.*is not understood"):
        speak(actor, sound, pose="loopd")


def test_words_for_a_head_may_stand_in_a_file(actor, tmp_path):
    sound, file = np.zeros(16000 * 4, np.float32) + 0.01, tmp_path / "acts.txt"
    file.write_text("nods twice at 0.50 s, then\nturns left at 2.50 s\n", encoding="utf-8")
    told = speak(actor, sound, pose="nods twice at 0.50 s, then turns left at 2.50 s")
    assert torch.equal(speak(actor, sound, pose=file).head.quats, told.head.quats)
    for content, words in ((b"flies away", "flies"), (b"\xff\xfe\x00", "UTF-8"), (b"nods " * 30000, "at most")):
        file.write_bytes(content)
        with pytest.raises(InputError, match=words):
            speak(actor, sound, pose=file)
