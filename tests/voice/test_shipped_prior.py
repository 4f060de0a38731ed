"""The prior in the package: whole, small, and with a card that says where it comes from."""

import json

import numpy as np
import pytest
import torch

from gaussian_head.demo.voice import speak
from gaussian_head.speech.whisper import WHISPERS, is_installed
from gaussian_head.voice import CausalVoice, VoicePrior, usual_prior
from gaussian_head.voice.causal import CAUSAL, CAUSAL_PLAIN, usual_causal_prior
from gaussian_head.voice.prior import DATA, PLAIN


@pytest.mark.parametrize(("data", "least"), [(DATA, 0.65), (PLAIN, 0.5), (CAUSAL, 0.55), (CAUSAL_PLAIN, 0.45)])
def test_weights_are_small_and_the_card_says_what_they_were_taught_with(data, least):
    card = json.loads(data.with_suffix(".json").read_text(encoding="utf-8"))
    assert data.stat().st_size < 8e6
    names = {one["name"] for one in card["recordings"]}
    listed = [name.strip().rstrip("*") for one in card["sources"] for name in one["name"].split(";")]
    assert all(name.startswith(tuple(listed)) for name in names)
    assert not [name for name in names if name.startswith(("tv_", "mead"))]
    assert all(one["licence"] for one in card["sources"])
    people = card["scores"]
    assert people["causal" if card.get("causal") else "prior"]["jaw"] > least > 0.2 > people["shuffled sound"]["jaw"]


@pytest.mark.parametrize("data", [DATA, PLAIN])
def test_it_speaks(data):
    prior = VoicePrior.load(data)
    if prior.hearing.encoder in WHISPERS and not is_installed(prior.hearing.encoder):
        pytest.skip("the package that carries Whisper's weights is not installed")
    buzz = np.sign(np.sin(2 * np.pi * 120 * np.arange(32000) / 16000)).astype(np.float32)
    wave = 0.1 * buzz * np.repeat([0.0, 1.0, 0.0, 1.0], 8000)
    units = prior.predict(wave, 30.0, 60)
    assert units.shape == (60, 52)
    assert 0 <= float(units.min()) <= float(units.max()) <= 1


def test_without_whisper_the_plain_prior_speaks(monkeypatch):
    monkeypatch.setattr("gaussian_head.voice.prior.is_installed", lambda name: False)
    assert usual_prior().hearing.encoder == "default"
    monkeypatch.setattr("gaussian_head.voice.prior.is_installed", lambda name: True)
    assert usual_prior().hearing.encoder == "whisper"


@pytest.mark.parametrize("data", [CAUSAL, CAUSAL_PLAIN])
def test_the_causal_ones_speak_as_the_sound_comes(data):
    prior = VoicePrior.load(data)
    if prior.hearing.encoder in WHISPERS and not is_installed(prior.hearing.encoder):
        pytest.skip("the package that carries Whisper's weights is not installed")
    said = speak(2, 25, 5).samples
    voices = [CausalVoice(prior) for _ in range(3)]
    whole = torch.cat([voices[0].hear(said), voices[0].finish()])
    assert whole.shape == (50, 52)
    for voice, size in zip(voices[1:], (320, 3200), strict=True):
        parts = [voice.hear(said[start : start + size]) for start in range(0, len(said), size)]
        assert torch.equal(torch.cat([*parts, voice.finish()]), whole)
    assert 0 <= float(whole.min()) <= float(whole.max()) <= 1


def test_without_whisper_the_plain_causal_prior_speaks(monkeypatch):
    monkeypatch.setattr("gaussian_head.voice.causal.is_installed", lambda name: False)
    assert usual_causal_prior().hearing.encoder == "default"
