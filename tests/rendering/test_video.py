"""Rendered frames and videos of a synthetic head."""

import inspect

import numpy as np
import pytest
import torch
from support_head import make_actor, make_motion

from gaussian_head import render
from gaussian_head.checks import InputError
from gaussian_head.events import Progress, Said
from gaussian_head.media import probe, read_audio, read_frames, write_audio
from gaussian_head.rendering import orbit_view, render_frame, to_uint8

MOTION = make_motion(20)


@pytest.fixture(scope="module")
def actor():
    return make_actor(num_frames=20, num_gaussians=1500, size=64)


@pytest.fixture(scope="module")
def head(actor):
    return actor.head


def test_frame_is_composited_over_the_plate(head):
    frame = render_frame(head, MOTION, 0, background=head.background)
    bare = render_frame(head, MOTION, 0)
    torch.testing.assert_close(frame.rgb, bare.rgb + (1 - bare.alpha[..., None]) * head.background)
    corner = to_uint8(frame)[0, 0].astype(int)
    np.testing.assert_allclose(corner, (head.background[0, 0] * 255).numpy(), atol=1.0)


def test_hidden_parts_vanish_and_unknown_ones_are_named(head):
    motion = MOTION
    assert render_frame(head, motion, 0, parts=()).alpha.max() == 0
    face = render_frame(head, motion, 0, parts=("face",)).alpha.sum()
    assert 0 < face < render_frame(head, motion, 0).alpha.sum()
    with pytest.raises(ValueError, match="nose"):
        render_frame(head, motion, 0, parts=("nose",))


def test_teeth_are_hidden_by_lips_from_the_side_too(head):
    camera = orbit_view(head, 0.6)
    together = render_frame(head, MOTION, 0, camera)
    alone = render_frame(head, MOTION, 0, camera, parts=("mouth",))
    visible = (together.rgb - render_frame(head, MOTION, 0, camera, parts=("face", "torso")).rgb).abs()
    assert visible.sum() < 0.5 * alone.rgb.abs().sum()


@pytest.mark.parametrize("rate", [8000, 44100])
def test_video_lasts_as_long_as_its_sound(actor, tmp_path, rate):
    sound = np.sin(np.arange(int(1.3 * rate)) * 440 * 6.283 / rate).astype(np.float32) * 0.5
    write_audio(tmp_path / "speech.wav", sound, rate)
    out = render(actor, tmp_path / "talk.mp4", audio=tmp_path / "speech.wav", camera="orbit", size=48)
    info = probe(out)
    frames = list(read_frames(out))
    assert (info.width, info.height, info.has_audio) == (48, 48, True)
    assert abs(len(frames) / info.fps - 1.3) <= 0.5 / info.fps + 1e-6
    assert abs(len(read_audio(out)) / 16000 - 1.3) <= 1 / info.fps


def test_a_notebook_hears_how_far_a_verb_is(actor, tmp_path):
    heard = []
    render(actor, tmp_path / "talk.mp4", size=48, listener=heard.append)
    assert [event.done for event in heard if isinstance(event, Progress)] == list(range(1, 21))
    assert heard[-1] == Said(message=f"video: {tmp_path / 'talk.mp4'}")
    assert list(inspect.signature(render).parameters)[-1] == "listener"


def test_bad_requests_are_named_and_leave_nothing(actor, tmp_path):
    write_audio(tmp_path / "speech.wav", np.zeros(16000, np.float32), 16000)
    with pytest.raises(InputError, match="sideways"):
        render(actor, tmp_path / "a.mp4", audio=tmp_path / "speech.wav", camera="sideways")
    with pytest.raises(InputError, match=r"missing\.wav"):
        render(actor, tmp_path / "a.mp4", audio=tmp_path / "missing.wav")
    assert not (tmp_path / "a.mp4").exists()
