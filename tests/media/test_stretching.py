"""Sound made slower or faster keeps its pitch and its channels."""

import numpy as np
import pytest

from gaussian_head.media.stretching import stretched

RATE = 16000


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.4])
def test_length_changes_and_pitch_does_not(factor):
    times = np.arange(2 * RATE) / RATE
    sound = np.stack([np.sin(2 * np.pi * f * times) for f in (220, 330)], 1).astype(np.float32)
    out = stretched(sound, RATE, factor)
    assert out.shape[1] == 2
    assert len(out) == pytest.approx(len(sound) / factor, rel=0.02)
    for channel, pitch in enumerate((220, 330)):
        spectrum = np.abs(np.fft.rfft(out[:, channel]))
        assert spectrum.argmax() / len(out) * RATE == pytest.approx(pitch, abs=2)
