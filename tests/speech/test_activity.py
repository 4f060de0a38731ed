"""Voice activity from the weights of another package, on a net with random weights."""

import hashlib

import numpy as np
import pytest
import torch
from safetensors.torch import save

from gaussian_head.checks import InputError
from gaussian_head.speech import activity, encode_speech
from gaussian_head.speech.activity import BLOCK, CHUNK, ActivityNet, speech_activity
from gaussian_head.speech.stream import LOOK_AHEAD_SECONDS, RATE, SpeechStream


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package that carries weights of the right shapes."""
    torch.manual_seed(0)
    data = save(ActivityNet().state_dict())
    place = tmp_path / "weights.safetensors"
    place.write_bytes(data)
    monkeypatch.setattr(activity, "_place", lambda: place)
    monkeypatch.setattr(activity, "SHA256", hashlib.sha256(data).hexdigest())
    activity._net.cache_clear()
    yield place
    activity._net.cache_clear()


def noise(samples: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)


def test_every_hundredth_of_a_second_gets_a_probability(installed):
    for samples in (1, 100, CHUNK, 16000, 20001):
        told = speech_activity(noise(samples))
        assert told.shape == (len(encode_speech(noise(samples), encoder="mel").values),)
        assert told.dtype == np.float32
        assert (told >= 0).all()
        assert (told <= 1).all()


def test_blocks_remember_what_was_heard_before_them(installed, monkeypatch):
    whole = speech_activity(noise(40000))
    assert BLOCK * CHUNK > 40000
    monkeypatch.setattr(activity, "BLOCK", 7)
    np.testing.assert_allclose(speech_activity(noise(40000)), whole, atol=1e-6)


def test_what_nobody_says_is_no_speech_where_the_weights_are_there(installed, monkeypatch):
    sound = noise(16000)
    without = encode_speech(sound, encoder="default")
    monkeypatch.setattr(activity, "speech_activity", lambda samples: np.zeros(100, np.float32))
    assert float(encode_speech(sound, encoder="default").activity.max()) == 0
    monkeypatch.setattr(activity, "is_installed", lambda: False)
    assert torch.equal(encode_speech(sound, encoder="default").values, without.values)


@pytest.mark.parametrize("milliseconds", [7, 20, 200, 3000])
def test_a_sound_that_is_still_coming_is_told_the_same_120_ms_behind(installed, milliseconds):
    sound, size = noise(3 * 16000), 16 * milliseconds
    stream, whole = SpeechStream("default"), encode_speech(sound, encoder="default").activity.numpy()
    frames = [frame for at in range(0, len(sound), size) for frame in stream.hear(sound[at : at + size])]
    assert len(frames) == int((3 - LOOK_AHEAD_SECONDS) * RATE) + 1
    assert whole.std() > 1e-4
    for k, frame in enumerate(frames):
        np.testing.assert_allclose(frame.activity, whole[4 * k : 4 * k + 8], atol=1e-6)


def test_another_file_or_none_is_refused_in_words(installed, monkeypatch):
    installed.write_bytes(b"another file")
    activity._net.cache_clear()
    with pytest.raises(InputError, match="sha256"):
        speech_activity(noise(16000))
    monkeypatch.setattr(activity, "_place", lambda: None)
    with pytest.raises(InputError, match="pip install"):
        speech_activity(noise(16000))
