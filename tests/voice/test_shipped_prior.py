"""The prior in the package: whole, small, and with a card that says where it comes from."""

import json

import numpy as np
import pytest

from gaussian_head.checks import InputError
from gaussian_head.speech.whisper import WHISPERS, read_carried
from gaussian_head.voice import VoicePrior
from gaussian_head.voice.prior import DATA


def test_weights_are_small_and_the_card_says_what_they_were_taught_with():
    card = json.loads(DATA.with_suffix(".json").read_text(encoding="utf-8"))
    assert DATA.stat().st_size < 8e6
    names = {one["name"] for one in card["recordings"]}
    listed = [name.strip().rstrip("*") for one in card["sources"] for name in one["name"].split(";")]
    assert all(name.startswith(tuple(listed)) for name in names)
    assert not [name for name in names if name.startswith(("tv_", "mead"))]
    assert all(one["licence"] for one in card["sources"])
    people = card["scores"]
    assert people["prior"]["jaw"] > 0.65 > 0.2 > people["shuffled sound"]["jaw"]


def test_it_speaks():
    prior = VoicePrior.load()
    try:
        read_carried(WHISPERS[prior.hearing.encoder], prior.hearing.encoder)
    except InputError as error:
        pytest.skip(str(error))
    buzz = np.sign(np.sin(2 * np.pi * 120 * np.arange(32000) / 16000)).astype(np.float32)
    wave = 0.1 * buzz * np.repeat([0.0, 1.0, 0.0, 1.0], 8000)
    units = prior.predict(wave, 30.0, 60)
    assert units.shape == (60, 52)
    assert 0 <= float(units.min()) <= float(units.max()) <= 1
