import numpy as np
import pytest

from gaussian_head.metrics.steadiness import SteadinessMeter

T, H, W = 40, 32, 48


def frames(rng, sigma, moving=True):
    """Grey pictures with noise; the right half slides where ``moving``."""
    stripes = 40 * (np.arange(W)[None, :] // 4 % 2) + 90 + np.zeros((H, 1))
    for t in range(T):
        picture = stripes.copy()
        if moving:
            picture[:, W // 2 :] = np.roll(stripes, t, 1)[:, W // 2 :]
        yield np.clip(np.round(picture[..., None] + rng.normal(0, sigma, (H, W, 3))), 0, 255).astype(np.uint8)


def measured(truth_sigma, predicted_sigma, region=None):
    meter = SteadinessMeter(25)
    region = np.ones((H, W), bool) if region is None else region
    rng = np.random.default_rng(0)
    for a, b in zip(frames(rng, truth_sigma), frames(rng, predicted_sigma), strict=True):
        meter.update(a, b, region)
    return meter


def test_noise_of_known_size():
    result = measured(1.0, 3.0).result()
    assert result.truth == pytest.approx(1.0 + 1 / 12, rel=0.1)  # rounding adds a twelfth
    assert result.predicted == pytest.approx(9.0, rel=0.1)
    assert result.ratio == pytest.approx(9.08 / 1.08, rel=0.15)


def test_noise_does_not_choose_the_places():
    result = measured(1.0, 1.0).result()
    assert result.ratio == pytest.approx(1, abs=0.05)


def test_moving_places_do_not_count():
    meter = measured(0.5, 0.5)
    excess = meter.excess()
    assert np.isfinite(excess[:, 2 : W // 2 - 2]).all()
    assert np.isnan(excess[:, W // 2 + 2 : -2]).all()


def test_only_the_region_counts_and_too_little_is_nan():
    assert measured(1.0, 1.0, np.zeros((H, W), bool)).result().pixels == 0
    assert np.isnan(measured(1.0, 1.0, np.zeros((H, W), bool)).result().ratio)
    assert np.isnan(SteadinessMeter(25).result().ratio)
    assert SteadinessMeter(25).excess() is None
