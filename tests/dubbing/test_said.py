"""What a recorded mouth does in the pauses of what it shall say."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from support_dub import JAW, with_jaw
from support_head import make_head, make_motion

from gaussian_head.dubbing import lips
from gaussian_head.dubbing.lips import Speech, said, seen_shut
from gaussian_head.motion.shut import frames_from
from gaussian_head.voice.mouth import COLUMNS

PAUSE = slice(20, 29)
"""Frames: a third of a second, which a voice does not shut the mouth for."""


@pytest.fixture
def speech(monkeypatch):
    clip = make_motion(50)
    monkeypatch.setattr(lips, "drive_by_audio", lambda *arguments, **more: with_jaw(clip, 0.6))
    closed = seen_shut(clip, make_head().code_map)
    of_lips = torch.zeros(clip.residual.shape[1], dtype=torch.bool)
    return Speech(voice=None, clip=clip, num_train=50, lips=of_lips, closed=closed)  # type: ignore[arg-type]


def sound_with_pause() -> np.ndarray:
    samples = 0.3 * np.sin(np.arange(32000) / 5).astype(np.float32)
    samples[PAUSE.start * 640 : PAUSE.stop * 640] = 0
    return samples


def test_the_mouth_is_shut_in_a_short_pause_and_speaks_around_it(speech):
    wanted = said(speech, with_jaw(speech.clip, 0.8), sound_with_pause())
    jaw, shut = wanted.units[:, JAW], speech.closed[COLUMNS.index(JAW)]
    torch.testing.assert_close(jaw[22:27], shut.expand(5))
    torch.testing.assert_close(jaw[:18], torch.full((18,), 0.6))
    torch.testing.assert_close(jaw[31:], torch.full((19,), 0.6))
    assert (jaw[18:23].diff() <= 0).all()
    assert (jaw[26:31].diff() >= 0).all()


def test_a_recorded_mouth_that_was_shut_in_the_pause_stays_as_it_was(speech):
    recorded = with_jaw(speech.clip, 0.8)
    units = recorded.units.clone()
    units[15:35, COLUMNS] = speech.closed
    recorded = replace(recorded, units=units, residual=recorded.residual + 0.01)
    wanted = said(speech, recorded, sound_with_pause())
    assert (wanted.residual[24] - recorded.residual[24]).abs().max() < 0.002
    torch.testing.assert_close(wanted.units[24], recorded.units[24])


def test_a_recorded_mouth_that_opens_in_the_pause_is_held_shut(speech):
    samples = 0.3 * np.sin(np.arange(32000) / 5).astype(np.float32)
    samples[10 * 640 : 41 * 640] = 0
    units = with_jaw(speech.clip, 0.8).units.clone()
    units[:26, COLUMNS] = speech.closed
    wanted = said(speech, replace(speech.clip, units=units), samples)
    shut = speech.closed[COLUMNS.index(JAW)]
    torch.testing.assert_close(wanted.units[13:38, JAW], shut.expand(25), atol=1e-4, rtol=0)


def test_the_closed_mouth_is_that_of_the_frames_seen_most_shut():
    head, clip = make_head(), make_motion(100)
    jaw = head.code_map.index("jaw_open")
    residual = clip.residual.clone()
    residual[40:45, jaw] = -5.0
    units = clip.units.clone()
    units[40:45, JAW] = 0.3
    seen = replace(clip, units=units, residual=residual, basis_id=head.code_map.basis_id)
    assert seen_shut(seen, head.code_map)[COLUMNS.index(JAW)] == pytest.approx(0.3)


def test_frames_from_the_nearest_marked_one():
    marked = torch.tensor([False, True, False, False, True, False])
    assert frames_from(marked).tolist() == [1, 0, 1, 1, 0, 1]
    assert frames_from(torch.zeros(3, dtype=torch.bool)).tolist() == [3, 3, 3]


def test_a_sound_without_pauses_is_said_as_the_voice_says_it(speech):
    samples = 0.3 * np.sin(np.arange(32000) / 5).astype(np.float32)
    wanted = said(speech, with_jaw(speech.clip, 0.8), samples)
    torch.testing.assert_close(wanted.units[:, JAW], torch.full((50,), 0.6))
