"""Features of a sound that is still coming: the same however it is cut, near to those of the whole, nothing grows."""

import pickle

import numpy as np
import pytest

from gaussian_head.checks import InputError
from gaussian_head.demo.voice import speak
from gaussian_head.speech import at_frame_rate, encode_speech
from gaussian_head.speech.stream import LOOK_AHEAD_SECONDS, RATE, SpeechStream
from gaussian_head.speech.whisper import is_installed

ENCODERS = [
    "default",
    pytest.param("whisper", marks=pytest.mark.skipif(not is_installed("whisper"), reason="no Whisper weights here")),
]


@pytest.fixture(scope="module")
def said():
    return speak(6, 25, 3).samples


@pytest.mark.parametrize("encoder", ENCODERS)
def test_chunks_change_nothing(said, encoder):
    said = said[: 3 * 16000]
    whole = SpeechStream(encoder).hear(said)
    assert len(whole) == int((3 - LOOK_AHEAD_SECONDS) * RATE) + 1
    for milliseconds in (7, 20, 40, 200):
        stream, size, frames = SpeechStream(encoder), 16 * milliseconds, []
        for start in range(0, len(said), size):
            frames += stream.hear(said[start : start + size])
        assert len(frames) == len(whole)
        for ours, theirs in zip(frames, whole, strict=True):
            assert np.array_equal(ours.values, theirs.values)
            assert np.array_equal(ours.activity, theirs.activity)
            assert ours.closure == theirs.closure


def test_a_frame_is_told_a_fixed_time_after_it():
    stream = SpeechStream("default")
    quiet = np.zeros(16, np.float32)
    told = [len(stream.hear(quiet)) for _ in range(400)]
    moments = [i + 1 for i, count in enumerate(told) if count]
    assert moments == [120, 160, 200, 240, 280, 320, 360, 400]  # milliseconds
    assert max(told) == 1


def test_what_it_hears_is_nearly_what_the_whole_sound_tells(said):
    frames = SpeechStream("default").hear(said)
    whole = at_frame_rate(encode_speech(said), RATE, len(frames)).numpy()
    heard = np.stack([frame.values for frame in frames])
    likeness = [np.corrcoef(heard[25:, i], whole[25:, i])[0, 1] for i in range(80) if whole[25:, i].std() > 0.1]
    assert np.median(likeness) > 0.95
    speaking = np.array([frame.activity.max() for frame in frames])
    assert speaking[50:].max() > 0.5


def test_its_state_does_not_grow(said):
    stream = SpeechStream("default")
    sizes = []
    for _ in range(4):
        stream.hear(said)
        sizes.append(len(pickle.dumps(vars(stream))))
    assert sizes[3] <= sizes[2] + 64


def test_bad_sound_and_unknown_ears_are_refused():
    stream = SpeechStream("default")
    assert stream.hear(np.zeros(0, np.float32)) == []
    with pytest.raises(InputError, match="NaN"):
        stream.hear(np.full(100, np.nan, np.float32))
    with pytest.raises(InputError, match="mono"):
        stream.hear(np.zeros((2, 100), np.float32))
    with pytest.raises(InputError, match="default"):
        SpeechStream("wav2vec2")
