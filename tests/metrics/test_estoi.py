"""Intelligibility falls with noise, and knows what is not speech at all."""

import numpy as np
import pytest

from gaussian_head.demo.voice import speak
from gaussian_head.metrics.estoi import estoi


@pytest.fixture(scope="module")
def voice():
    return speak(4.0, 25.0, 3).samples.astype(np.float32)


def test_the_same_speech_is_understood_and_noise_is_not(voice):
    noise = np.random.default_rng(0).normal(size=len(voice)).astype(np.float32) * np.abs(voice).max()
    scores = [estoi(voice + share * noise, voice) for share in (0.0, 0.01, 0.1, 1.0)]
    assert scores[0] == pytest.approx(1, abs=1e-3)
    assert scores == sorted(scores, reverse=True)
    assert abs(estoi(noise, voice)) < 0.15
    assert estoi(0.1 * voice, voice) == pytest.approx(1, abs=1e-3)


def test_a_moment_tells_nothing(voice):
    assert np.isnan(estoi(voice[:3000], voice[:3000]))
    assert np.isnan(estoi(voice[:10], voice[:10]))
