"""Two cameras' clocks by what both heard: known fractions of a frame and drift, other rooms, and nothing in common."""

import numpy as np
import pytest

from gaussian_head.checks import InputError
from gaussian_head.conventions import SAMPLE_RATE
from gaussian_head.demo.voice import speak
from gaussian_head.tracking.clocks import clock_of


@pytest.fixture(scope="module")
def voice():
    return speak(20.0, 25.0, 5).samples.astype(np.float32)


def heard(voice, offset, drift, seconds, seed=0):
    """Another microphone in the room: echoes, noise, its own clock."""
    times = offset + (1 + drift) * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    at = np.arange(len(voice)) / SAMPLE_RATE
    echoes = ((0.6, 0.0), (0.3, 0.011), (0.2, 0.037))
    clean = sum(share * np.interp(times - late, at, voice, left=0, right=0) for share, late in echoes)
    noise = np.random.default_rng(seed).normal(size=len(times))
    return (clean + 0.05 * np.abs(voice).max() * noise).astype(np.float32)


@pytest.mark.parametrize(
    ("offset", "drift", "seconds"),
    [(0.0, 0.0, 18.0), (0.2173, 3e-4, 17.0), (-1.3337, -2e-4, 18.0), (4.00391, 0.0, 5.0), (0.0133, 0.0, 3.4)],
)
def test_a_clock_is_told_within_two_milliseconds(voice, offset, drift, seconds):
    clock = clock_of(voice, heard(voice, offset, drift, seconds), "left")
    for at in (0.0, seconds):
        assert abs(clock.offset + clock.rate * at - (offset + (1 + drift) * at)) < 0.002
    tight = seconds > 10
    assert abs(clock.rate - 1 - drift) < (5e-5 if tight else 1e-9 + abs(drift))


@pytest.mark.parametrize("kind", ["somebody else", "noise", "silence", "a moment"])
def test_nothing_in_common_is_a_sentence(voice, kind):
    other = {
        "somebody else": speak(10.0, 25.0, 77).samples.astype(np.float32),
        "noise": np.random.default_rng(0).normal(size=10 * SAMPLE_RATE).astype(np.float32),
        "silence": np.zeros(10 * SAMPLE_RATE, np.float32),
        "a moment": voice[:4000],
    }[kind]
    with pytest.raises(InputError, match="camera 'left' heard nothing that the leading camera heard"):
        clock_of(voice, other, "left")


def test_films_that_hardly_overlap_are_refused(voice):
    late = np.concatenate([voice[-round(1.2 * SAMPLE_RATE) :], speak(8.0, 25.0, 99).samples[: 2 * SAMPLE_RATE]])
    with pytest.raises(InputError, match=r"filmed only|heard nothing"):
        clock_of(voice, late.astype(np.float32), "left")
