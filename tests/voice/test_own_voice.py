"""A prior told how one person speaks, on synthetic people."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from support_voices import FPS, JAW, recording

from gaussian_head.checks import InputError
from gaussian_head.face import UNITS
from gaussian_head.speech import encode_speech
from gaussian_head.training.recordings import examples_of
from gaussian_head.voice.learning import learn_prior
from gaussian_head.voice.mouth import COLUMNS, GAP, lip_measures
from gaussian_head.voice.own import OwnVoice, learn_own
from gaussian_head.voice.scores import correlation

SNEER = UNITS.index("mouthUpperUpLeft")


@pytest.fixture(scope="module")
def prior():
    heard = examples_of([recording(seed) for seed in range(3)], encoder="mel", copies=1)
    _, features = heard[0]
    made = {"encoder": features.encoder, "encoder_version": features.version}
    return learn_prior([example for example, _ in heard], **made, nets=0)


@pytest.fixture(scope="module")
def stranger():
    """Somebody who opens the mouth twice as far as all others, and lifts one side of the upper lip meanwhile."""
    person = recording(77, 12)
    units = person.units.clone()
    units[:, JAW] *= 2
    units[:, SNEER] = 0.5 * units[:, JAW]
    return units, encode_speech(person.samples, encoder="mel")


def error(voice: OwnVoice, stranger) -> tuple[float, float]:
    units, features = stranger
    told = voice.predict_from(features, FPS, len(units))[200:]
    return float((told - units[200:]).square().mean()), correlation(told[:, SNEER], units[200:, SNEER])


def apart(units):
    """How far the lips are apart by what the units say."""
    return units[:, COLUMNS] @ lip_measures()[:, GAP]


def test_a_silent_clip_speaks_by_the_prior(prior, stranger):
    _, features = stranger
    voice = OwnVoice.silent(prior)
    assert torch.equal(voice.predict_from(features, FPS, 50), prior.predict_from(features, FPS, 50))
    closed = torch.zeros(len(UNITS))
    closed[UNITS.index("mouthPressLeft")] = 0.4
    quiet = OwnVoice.silent(prior, closed).predict(np.zeros(16000, np.float32), FPS, 25)
    assert quiet[12, UNITS.index("mouthPressLeft")] == pytest.approx(0.4)


def test_more_seconds_of_the_person_are_better(prior, stranger):
    units, features = stranger
    errors = [error(OwnVoice.silent(prior), stranger)]
    for seconds in (2, 4, 8):
        frames = torch.arange(round(seconds * FPS))
        errors.append(error(learn_own(prior, features, units, apart(units), frames, fps=FPS), stranger))
    assert all(later[0] < 1.05 * earlier[0] for earlier, later in pairwise(errors))
    assert errors[-1][0] < 0.5 * errors[0][0]
    assert errors[-1][1] > 0.8


def test_frames_that_are_not_named_are_not_looked_at(prior, stranger):
    units, features = stranger
    other = units.clone()
    other[100:] = 7
    frames = torch.arange(100)
    voices = [learn_own(prior, features, u, apart(u), frames, fps=FPS) for u in (units, other)]
    assert torch.equal(voices[0].weights, voices[1].weights)
    with pytest.raises(InputError, match="silent"):
        learn_own(prior, features, units, apart(units), torch.arange(0), fps=FPS)


def test_the_closed_mouth_is_the_one_seen_most_shut(prior, stranger):
    units, features = stranger
    seen = apart(units)
    seen[40:60] = -1.0  # shut beyond what units say
    voice = learn_own(prior, features, units, seen, torch.arange(len(units)), fps=FPS)
    shut = seen.argsort()[: len(units) // 20]
    torch.testing.assert_close(voice.closed, units[shut][:, COLUMNS].median(0).values)
    assert set(shut.tolist()) <= set(range(40, 60))
