"""What a head speaks by: taught from a clip however short, kept on disk, and what damage to it does."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from support_capture import make_capture

from gaussian_head.checks import InputError
from gaussian_head.face import UNITS
from gaussian_head.speech import encode_speech
from gaussian_head.voice import BlendedVoice, VoicePrior
from gaussian_head.voice.blended import LEARNT_SECONDS
from gaussian_head.voice.prior import PLAIN
from gaussian_head.voice.taught import learn_voice_of

SOUND = np.sin(np.arange(16000) * 0.05).astype(np.float32) * 0.2


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    capture, _ = make_capture(tmp_path_factory.mktemp("clip") / "capture", num_frames=75)
    return capture, encode_speech(capture.audio())


def taught(filmed, frames, heard=None):
    capture, features = filmed
    warned = [] if heard is None else heard
    return learn_voice_of(
        VoicePrior.load(PLAIN), features, capture.motion, frames, capture.code_map, listener=warned.append
    )


@pytest.fixture(scope="module")
def voice(filmed):
    return taught(filmed, filmed[0].train_frames)


def test_the_blend_lies_between_what_it_is_made_of(filmed, voice):
    _, features = filmed
    assert voice.encoder == "default"
    assert torch.equal(voice.lips, filmed[0].code_map.lips)
    said, own, learnt = (
        v.predict_from(features, 25.0, 50, close_in_silence=False) for v in (voice, voice.own, voice.learnt)
    )
    assert torch.allclose(said, own.lerp(learnt, voice.learnt_share))
    longer = replace(voice, own=replace(voice.own, seconds=LEARNT_SECONDS))
    assert 0 < voice.learnt_share < longer.learnt_share == 0.5
    assert said.shape == (50, len(UNITS))
    assert not torch.equal(own, learnt)


def test_a_second_teaches_the_mouth_and_its_size_only(filmed):
    heard = []
    short = taught(filmed, torch.arange(25), heard)
    assert short.learnt is None
    assert short.learnt_share == 0
    assert "as people usually do: only 1.0 s" in heard[-1].message
    assert torch.equal(short.predict_from(filmed[1], 25.0, 30), short.own.predict_from(filmed[1], 25.0, 30))


def test_a_voice_comes_back_from_disk(filmed, voice, tmp_path):
    voice.save(tmp_path / "voice")
    voice.save(tmp_path / "voice")
    again = BlendedVoice.load(tmp_path / "voice")
    assert torch.allclose(again.predict(SOUND, 25.0, 20), voice.predict(SOUND, 25.0, 20), atol=1e-6)
    assert again.own.seconds == voice.own.seconds
    replace(voice, learnt=None).save(tmp_path / "voice")
    assert BlendedVoice.load(tmp_path / "voice").learnt is None
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("x")
    with pytest.raises(InputError, match="will not be overwritten"):
        voice.save(tmp_path / "other")


def test_another_prior_leaves_the_mouth_and_drops_what_was_told_of_the_old_one(voice, tmp_path):
    voice.save(tmp_path / "voice")
    place = tmp_path / "voice" / "own.json"
    meta = json.loads(place.read_text())
    place.write_text(json.dumps(meta | {"prior": "0" * 16}))
    again = BlendedVoice.load(tmp_path / "voice").own
    assert not again.weights.any()
    assert torch.equal(again.closed, voice.own.closed)
    assert torch.equal(again.scale, voice.own.scale)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 9}, "another version"),
        ({"units": ["jawOpen"]}, "damaged"),
        ({"encoder": "hubert"}, "no prior hears"),
        ({"seconds": -1}, "damaged"),
        ({"basis_id": None, "prior": None}, ""),
    ],
)
def test_damage_is_said(voice, tmp_path, change, message):
    voice.save(tmp_path / "voice")
    place = tmp_path / "voice" / "own.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | change))
    if message:
        with pytest.raises(InputError, match=message):
            BlendedVoice.load(tmp_path / "voice")
    else:
        assert not BlendedVoice.load(tmp_path / "voice").own.weights.any()


def test_half_a_voice_is_an_error(voice, tmp_path):
    voice.save(tmp_path / "voice")
    (tmp_path / "voice" / "own.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match="damaged"):
        BlendedVoice.load(tmp_path / "voice")
