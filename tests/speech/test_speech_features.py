"""Speech features: clock, levels, phones, bad input."""

import numpy as np
import pytest
import torch

from gaussian_head.checks import InputError
from gaussian_head.media import read_audio
from gaussian_head.speech import ENCODERS, at_frame_rate, encode_speech, feature_names, log_mel, phone_names
from gaussian_head.speech.mel import _mel_bank
from gaussian_head.speech.phones import phone_posteriors, posteriors_at_scales


def tone(seconds: float, hz: float = 440.0, level: float = 0.3) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hz * np.arange(int(seconds * 16000)) / 16000)).astype(np.float32)


def test_one_row_per_begun_hundredth():
    for samples, rows in ((1, 1), (160, 1), (161, 2), (16000, 100)):
        features = encode_speech(np.zeros(samples, np.float32))
        assert features.values.shape == (rows, 122)
        assert features.activity.shape == features.closure.shape == (rows,)
        assert features.values.isfinite().all()


def test_frame_is_centred_on_its_time():
    click = np.zeros(16000, np.float32)
    click[8000] = 1.0
    energy = log_mel(click).mean(1)
    assert np.flatnonzero(energy == energy.max()).mean() == pytest.approx(50, abs=0.5)


def test_filters_stay_what_heads_were_taught_with():
    """Bin, band and weight; another version of librosa must give the same."""
    expected = [
        (1, 0, 0.022534560412168503),
        (31, 26, 0.00036916701355949044),
        (61, 43, 0.008729267865419388),
        (91, 54, 0.0005846259882673621),
        (121, 61, 0.003253066213801503),
        (151, 67, 0.0013426479417830706),
        (181, 71, 0.004470178857445717),
        (211, 75, 0.00380701688118279),
        (241, 79, 0.0014305532677099109),
    ]
    bank = _mel_bank()
    assert bank.shape == (257, 80)
    assert bank.sum() == pytest.approx(2.5582607, rel=1e-6)
    for bin, band, weight in expected:
        assert bank[bin, band] == pytest.approx(weight, rel=1e-5)


def test_tone_lands_in_its_band_whatever_its_level():
    mel = log_mel(tone(1.0, 1000.0))
    import librosa

    centres = librosa.mel_frequencies(82, fmin=0, fmax=8000)[1:-1]
    assert abs(centres[mel[50].argmax()] - 1000) < 60
    np.testing.assert_allclose(mel, log_mel(tone(1.0, 1000.0, level=0.003)), atol=0.02)


def test_posteriors_are_probabilities_and_silence_is_silent():
    rng = np.random.default_rng(0)
    sound = np.concatenate([tone(0.5), np.zeros(8000, np.float32), 0.1 * rng.standard_normal(8000).astype(np.float32)])
    posteriors = phone_posteriors(sound)
    assert posteriors.shape == (150, len(phone_names()))
    np.testing.assert_allclose(posteriors.sum(1), 1, atol=1e-4)
    assert encode_speech(sound).activity[60:90].max() == 0
    assert encode_speech(np.zeros(16000, np.float32)).activity.max() == 0


def test_phones_agree_with_pocketsphinx(footage):
    """The model files are read as pocketsphinx reads them: its own phone decoder hears the same sounds."""
    import pocketsphinx

    samples = read_audio(footage / "speech" / "english_radio.wav")
    decoder = pocketsphinx.Decoder(
        lm=None, allphone=pocketsphinx.get_model_path("en-us/en-us-phone.lm.bin"), lw=2.0, loglevel="FATAL"
    )
    decoder.start_utt()
    decoder.process_raw((samples * 32767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    heard = posteriors_at_scales(samples, (0.4,))[0].argmax(1)
    names = phone_names()
    pairs = [
        (segment.word, names[heard[t]])
        for segment in decoder.seg()
        for t in range(segment.start_frame + 1, min(segment.end_frame, len(heard)))
    ]
    assert np.mean([a == b for a, b in pairs]) > 0.6


def test_longer_sound_is_cut_into_blocks_without_a_seam(monkeypatch):
    rng = np.random.default_rng(1)
    sound = (0.1 * rng.standard_normal(48000)).astype(np.float32)
    whole = encode_speech(sound)
    monkeypatch.setattr("gaussian_head.speech.frames.BLOCK_FRAMES", 70)
    pieces = encode_speech(sound)
    torch.testing.assert_close(whole.values, pieces.values, atol=2e-4, rtol=1e-4)


def test_at_frame_rate_reads_the_right_moment():
    features = encode_speech(np.zeros(32000, np.float32), encoder="mel")
    ramp = torch.arange(len(features.values), dtype=torch.float32)[:, None]
    object.__setattr__(features, "values", ramp)
    at = at_frame_rate(features, 25.0, 60)
    torch.testing.assert_close(at[5:40, 0], torch.arange(5, 40) * 4.0)
    torch.testing.assert_close(at_frame_rate(features, 25.0, 60, offset=0.05)[5:40, 0], torch.arange(5, 40) * 4.0 + 5)
    assert at[-1, 0] > 198


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(0, np.float32),
        np.full(100, np.nan, np.float32),
        np.zeros((2, 100), np.float32),
        np.zeros(100, np.int16),
    ],
)
def test_bad_sound_is_refused(samples):
    with pytest.raises(InputError):
        encode_speech(samples)


def test_unknown_encoder_names_the_known_ones():
    with pytest.raises(InputError, match="hubert"):
        encode_speech(tone(0.1), encoder="nonsense")
    assert ENCODERS[0] == "default"
    assert len(feature_names()) == 122


def test_a_missing_acoustic_model_says_what_to_do(monkeypatch):
    from gaussian_head.speech import sphinx

    def missing(name):
        raise InputError(f"the file {name} is not on this machine.")

    sphinx.acoustic_model.cache_clear()
    monkeypatch.setattr(sphinx, "carried_file", missing)
    with pytest.raises(InputError, match=r"sphinx_mdef is not on this machine\. Or choose the encoder 'mel'"):
        encode_speech(tone(0.1))
    assert encode_speech(tone(0.1), encoder="mel").values.shape == (10, 80)


@pytest.mark.parametrize("part", ["mdef", "means", "variances", "sendump", "transition_matrices"])
@pytest.mark.parametrize("damaged", [lambda data: b"text", lambda data: data[:60]], ids=["text", "cut"])
def test_damaged_acoustic_model_is_refused(part, damaged):
    from gaussian_head.carried import carried_file
    from gaussian_head.speech.sphinx import read_acoustic_model

    names = ("mdef", "means", "variances", "sendump", "transition_matrices")
    parts = {name: carried_file(f"sphinx_{name}").read_bytes() for name in names}
    parts[part] = damaged(parts[part])
    with pytest.raises(InputError, match="acoustic model cannot be used"):
        read_acoustic_model(**parts)


@pytest.mark.slow
def test_long_sound_fits_in_little_memory():
    """Peak memory above the features themselves for four minutes stays below 150 MB."""
    import subprocess
    import sys

    code = """
import re, numpy as np
from pathlib import Path
from gaussian_head.speech import encode_speech
rng = np.random.default_rng(0)
encode_speech(rng.standard_normal(16000).astype(np.float32))
def peak():  # of this program; getrusage would tell that of the one which started it
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
before = peak()
features = encode_speech(rng.standard_normal(240 * 16000).astype(np.float32))
assert features.values.shape == (24000, 122)
print(peak() - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 150
