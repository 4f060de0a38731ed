"""Gradient-domain blending: the new gradients inside, the recording outside, nothing at the rim."""

import numpy as np
import pytest

from gaussian_head.dubbing import seam
from gaussian_head.dubbing.seam import blended, grain_like, grain_of, membrane


def disk(size: int, radius: float) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    return np.hypot(x - size / 2, y - size / 2) < radius


def test_a_membrane_is_harmonic_and_keeps_what_is_around():
    inside = disk(24, 8)
    values = np.random.default_rng(0).random((24, 24, 2)).astype(np.float32)
    out = membrane(values, inside)
    assert np.array_equal(out[~inside], values[~inside])
    around = (out[:-2, 1:-1] + out[2:, 1:-1] + out[1:-1, :-2] + out[1:-1, 2:]) / 4
    assert np.allclose(out[1:-1, 1:-1][inside[1:-1, 1:-1]], around[inside[1:-1, 1:-1]], atol=1e-5)


def test_a_plane_goes_through_the_coarse_grid_as_through_the_fine(monkeypatch):
    inside = disk(80, 30)
    y, x = np.mgrid[:80, :80].astype(np.float32)
    plane = np.stack([x + 2 * y, 3 - y], 2) / 80
    holed = np.where(inside[..., None], 0, plane)
    assert np.allclose(membrane(holed, inside), plane, atol=1e-4)
    monkeypatch.setattr(seam, "MOST_UNKNOWNS", 200)
    assert np.abs(membrane(holed, inside) - plane).max() < 0.1  # of 3


def test_a_patch_that_is_off_by_one_light_shows_no_seam():
    inside = disk(40, 12)
    picture = np.random.default_rng(1).random((40, 40, 3)).astype(np.float32)
    patch = np.where(inside[..., None], picture, picture) - 0.2
    assert np.allclose(blended(picture, patch, inside), picture, atol=1e-5)


def test_outside_is_the_picture_itself():
    inside = disk(40, 12)
    rng = np.random.default_rng(2)
    picture, patch = (rng.random((40, 40, 3)).astype(np.float32) for _ in range(2))
    out = blended(picture, patch, inside)
    assert np.array_equal(out[~inside], picture[~inside])
    assert not np.allclose(out[inside], picture[inside], atol=0.1)


def test_a_mask_that_touches_the_border_is_solved_too():
    inside = np.zeros((20, 20), bool)
    inside[10:, 5:15] = True
    values = np.ones((20, 20, 1), np.float32)
    assert np.allclose(membrane(values, inside), 1, atol=1e-5)
    assert not membrane(values, np.ones((20, 20), bool)).any()
    assert np.array_equal(membrane(values, np.zeros((20, 20), bool)), values)


@pytest.mark.parametrize("strength", [0.004, 0.02])
def test_grain_is_made_as_strong_as_it_is_measured(strength):
    noise = grain_like((200, 200), strength, 3)
    _y, x = np.mgrid[:200, :200]
    picture = (0.5 + 0.001 * x + noise)[..., None]
    assert grain_of(picture, np.ones((200, 200), bool)) == pytest.approx(strength, rel=0.1)
    assert np.array_equal(noise, grain_like((200, 200), strength, 3))
    assert not np.array_equal(noise, grain_like((200, 200), strength, 4))
