"""Prosody: pitch of known tones, pauses, stress; nothing in silence."""

import numpy as np
import pytest
import torch

from gaussian_head.speech.frames import SAMPLE_RATE
from gaussian_head.speech.prosody import PERIODIC, pitch_of, prosody_of


def tone(hertz: float, seconds: float, loud: float = 0.3) -> np.ndarray:
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (loud * sum(np.sin(2 * np.pi * k * hertz * t) / k for k in (1, 2, 3))).astype(np.float32)


@pytest.mark.parametrize("hertz", [80.0, 120.0, 210.0, 330.0])
def test_pitch_of_a_tone_is_found_within_two_percent(hertz):
    found, odd = pitch_of(tone(hertz, 1.0))
    assert np.median(found) == pytest.approx(hertz, rel=0.02)
    assert np.median(odd) < 0.1


def test_noise_has_no_voice():
    noise = np.random.default_rng(0).standard_normal(SAMPLE_RATE).astype(np.float32) * 0.1
    _, odd = pitch_of(noise)
    assert (odd > PERIODIC).mean() > 0.9


def test_pauses_are_told_from_speech_and_stress_stands_where_it_is_loud_and_high():
    pause = np.zeros(round(0.6 * SAMPLE_RATE), np.float32)
    said = np.concatenate([tone(120, 1.0, 0.1), tone(170, 0.2, 0.4), tone(120, 1.0, 0.1), pause, tone(120, 0.8, 0.1)])
    prosody = prosody_of(said, 25.0, 90)
    seconds = torch.arange(90) / 25
    assert prosody.speaking[(seconds > 0.1) & (seconds < 2.1)].all()
    assert not prosody.speaking[(seconds > 2.35) & (seconds < 2.7)].any()
    assert 1.0 <= float(prosody.stress.argmax()) / 25 <= 1.25
    assert float(prosody.pitch[28]) > float(prosody.pitch[10]) + 3
    assert any(abs(t / 25 - 1.1) < 0.1 for t in prosody.peaks().tolist())


def test_loudness_of_the_recording_does_not_count():
    said = np.concatenate([tone(120, 1.0), np.zeros(8000, np.float32), tone(150, 1.0)])
    loud, quiet = prosody_of(said, 25.0, 60), prosody_of(0.05 * said, 25.0, 60)
    assert torch.equal(loud.speaking, quiet.speaking)
    assert torch.allclose(loud.energy, quiet.energy, atol=0.02)


def test_a_silent_sound_says_nothing_and_the_end_is_silent():
    assert prosody_of(np.zeros(SAMPLE_RATE, np.float32), 25.0, 25).is_silent
    longer = prosody_of(tone(120, 1.0), 25.0, 50)
    assert longer.speaking[:20].all()
    assert not longer.speaking[28:].any()
