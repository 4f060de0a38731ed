"""Pictures and sound as bytes."""

import io

import numpy as np
import pytest
from PIL import Image

from gaussian_head.checks import InputError
from gaussian_head.media import read_audio
from gaussian_head.media.memory import aac_bytes, jpeg_bytes


@pytest.mark.parametrize("rate", [16000, 44100])
def test_sound_comes_back_in_step(tmp_path, rate):
    burst = np.zeros(2 * rate + 77, np.float32)
    burst[rate : rate + rate // 20] = 0.3 * np.random.default_rng(0).standard_normal(rate // 20)
    (tmp_path / "a.mp4").write_bytes(aac_bytes(burst, rate))
    heard = read_audio(tmp_path / "a.mp4", sample_rate=rate)
    assert len(heard) == pytest.approx(len(burst), abs=0.01 * rate)
    match = np.correlate(heard[rate // 2 : rate * 3 // 2], burst[rate : rate + rate // 20], "valid")
    assert match.argmax() == pytest.approx(rate // 2, abs=0.001 * rate)


def test_a_picture_comes_back():
    picture = np.zeros((20, 30, 3), np.uint8)
    picture[:, 15:] = (200, 30, 60)
    seen = np.asarray(Image.open(io.BytesIO(jpeg_bytes(picture))))
    assert np.abs(seen.astype(int) - picture).mean() < 3


def test_what_cannot_be_encoded_is_named():
    with pytest.raises(InputError, match="empty"):
        aac_bytes(np.zeros(0, np.float32), 16000)
    with pytest.raises(InputError, match="NaN"):
        aac_bytes(np.full(100, np.nan, np.float32), 16000)
    with pytest.raises(InputError, match="u8"):
        jpeg_bytes(np.zeros((4, 4, 3), np.float32))
