"""The prior for a voice that is still speaking, on synthetic people."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from support_voices import JAW, recording

from gaussian_head.checks import InputError
from gaussian_head.face import UNITS
from gaussian_head.training.causal_voice import streamed_examples_of, streamed_version, told_as_it_comes
from gaussian_head.voice import CausalVoice, OwnVoice, VoicePrior
from gaussian_head.voice.causal import Manner
from gaussian_head.voice.learning import learn_prior
from gaussian_head.voice.mouth import JAW_OPEN, MOUTH
from gaussian_head.voice.scores import correlation


@pytest.fixture(scope="module")
def people():
    return streamed_examples_of([recording(seed, 5) for seed in range(4)], encoder="default", copies=1)


@pytest.fixture(scope="module")
def prior(people):
    made = {"encoder": "default", "encoder_version": streamed_version("default")}
    return learn_prior(people[:3], **made, nets=1, causal=True)


@pytest.fixture(scope="module")
def said():
    return recording(3, 5).samples


def spoken(voice: CausalVoice, said: np.ndarray, size: int) -> torch.Tensor:
    parts = [voice.hear(said[start : start + size]) for start in range(0, len(said), size)]
    return torch.cat([*parts, voice.finish()])


def test_chunks_change_nothing_and_nothing_is_left_out(prior, said):
    voice = CausalVoice(prior)
    whole = spoken(voice, said, len(said))
    assert whole.shape == (125, len(UNITS))
    for milliseconds in (20, 40, 200):
        assert torch.equal(spoken(voice, said, 16 * milliseconds), whole)
    assert len(spoken(voice, said[:1600], 1600)) == 2  # a tenth of a second
    assert len(voice.finish()) == 0


def test_it_learns_and_tells_strangers(prior, people):
    stranger = people[3]
    told = told_as_it_comes(prior, stranger)
    assert correlation(told[25:, JAW_OPEN], stranger.units[25:, JAW_OPEN]) > 0.8


def test_what_streams_is_what_was_learnt(prior, people, said):
    told = told_as_it_comes(prior, people[3])
    manner = Manner(closed=torch.zeros(len(MOUTH)), mean=prior.mean, scale=prior.scale)
    voice = CausalVoice(prior, manner=manner, close_in_silence=False)
    streamed = spoken(voice, said, 640)[:, JAW]
    wanted = prior.mean[JAW_OPEN] + told[:, JAW_OPEN] * prior.scale[JAW_OPEN]
    assert correlation(streamed[30:], wanted[30:].clamp(0, 1)) > 0.95


def test_no_frame_knows_what_comes_later(prior, said):
    other = said.copy()
    other[40000:] = 0
    first, second = (spoken(CausalVoice(prior), sound, 640) for sound in (said, other))
    known = int((40000 / 16000 - CausalVoice.delay) * 25)
    assert torch.equal(first[:known], second[:known])
    assert not torch.equal(first[known + 4 :], second[known + 4 :])


def test_the_mouth_shuts_in_silence_and_memory_does_not_grow(prior, said):
    voice = CausalVoice(prior, manner=Manner(closed=torch.full((len(MOUTH),), 0.1), mean=prior.mean, scale=prior.scale))
    voice.hear(said)
    quiet = voice.hear(np.zeros(32000, np.float32))
    assert torch.allclose(quiet[-10:, JAW], torch.tensor(0.1))
    sizes = []
    for _ in range(3):
        voice.hear(said)
        sizes.append(len(pickle.dumps(vars(voice))))
    assert sizes[2] <= sizes[1] + 256


def test_it_speaks_about_a_heads_own_mouth(prior):
    closed = torch.zeros(len(UNITS))
    closed[UNITS.index("mouthPressLeft")] = 0.4
    voice = CausalVoice(prior, manner=Manner.of(OwnVoice.silent(prior, closed)))
    quiet = voice.hear(np.zeros(16000, np.float32))
    assert torch.allclose(quiet[:, UNITS.index("mouthPressLeft")], torch.tensor(0.4))


def test_causal_priors_are_kept_and_others_are_refused(prior, said, tmp_path):
    prior.save(tmp_path / "prior", {})
    again = VoicePrior.load(tmp_path / "prior")
    assert again.causal
    assert torch.allclose(spoken(CausalVoice(again), said, 640), spoken(CausalVoice(prior), said, 640), atol=1e-5)
    with pytest.raises(InputError, match="whole sounds"):
        CausalVoice(replace(prior, causal=False))
    with pytest.raises(InputError, match="version"):
        CausalVoice(replace(prior, hearing=replace(prior.hearing, encoder_version="1")))
    voice = CausalVoice(prior)
    with pytest.raises(InputError, match="NaN"):
        voice.hear(np.full(700, np.nan, np.float32))
    assert torch.equal(spoken(voice, said, 640), spoken(CausalVoice(prior), said, 640))
