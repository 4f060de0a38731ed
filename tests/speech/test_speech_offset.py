"""Where the sound lies against the picture."""

import numpy as np
import pytest
import torch

from gaussian_head.checks import InputError
from gaussian_head.speech import estimate_offset
from gaussian_head.speech.offset import LIP_LEAD

FPS = 25.0


def talk(seconds: float, shift: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A buzzing voice whose loudness follows a mouth, and that mouth; the sound lags by ``shift`` seconds."""
    rng = np.random.default_rng(seed)
    knots = rng.random(int(seconds * 6) + 12)

    def opening(t: np.ndarray) -> np.ndarray:
        return np.interp(t, np.arange(len(knots)) / 6 - 1, knots)

    t = np.arange(int(seconds * 16000)) / 16000
    voice = np.sign(np.sin(2 * np.pi * 120 * t)) + 0.1 * rng.standard_normal(len(t))
    return (0.3 * opening(t - shift) * voice).astype(np.float32), opening(np.arange(int(seconds * FPS)) / FPS)


@pytest.mark.parametrize("shift", [-0.3, -0.08, 0.0, 0.21, 0.36])
def test_known_shift_is_found_to_a_frame(shift):
    samples, mouth = talk(16, shift + LIP_LEAD)
    found = estimate_offset(samples, mouth, FPS)
    assert found.offset == pytest.approx(shift, abs=0.03)
    assert found.confidence > 0.5


def test_sound_of_someone_else_is_not_trusted():
    samples, _ = talk(16, 0.0, seed=1)
    _, mouth = talk(16, 0.0, seed=2)
    assert estimate_offset(samples, mouth, FPS).confidence < 0.3


def test_lost_faces_do_not_matter():
    samples, mouth = talk(16, 0.1 + LIP_LEAD)
    mouth[50:80] = np.nan
    assert estimate_offset(samples, torch.from_numpy(mouth), FPS).offset == pytest.approx(0.1, abs=0.03)


def test_nothing_to_go_by_gives_zero():
    samples, mouth = talk(4, 0.0)
    assert estimate_offset(samples, np.zeros(100), FPS) == (0.0, 0.0)
    assert estimate_offset(samples, mouth[:70], FPS) == (0.0, 0.0)
    assert estimate_offset(np.zeros(64000, np.float32), mouth, FPS).confidence == 0
    with pytest.raises(InputError):
        estimate_offset(samples, mouth, 0.0)
