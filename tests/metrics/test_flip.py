import numpy as np
import pytest
import torch

from gaussian_head.checks import InputError
from gaussian_head.metrics.flip import flip_map


def pictures():
    h, w = 72, 96
    y, x = np.mgrid[0:h, 0:w] / np.array([h, w]).reshape(2, 1, 1)
    a = np.stack([x, y, 0.5 + 0.5 * np.sin(9 * x * y)], -1).astype(np.float32)
    b = a.copy()
    b[20:40, 30:60] = b[20:40, 30:60] ** 1.5
    b[50:52] = 1 - b[50:52]
    b[..., 1] *= 0.95
    b[:, 70:, 2] = 0.2
    return torch.tensor(a), torch.tensor(b)


# Values of the authors' own evaluator (PyPI flip-evaluator) for this pair of pictures.
PEER_PIXELS = {(30, 45): 0.41280133, (50, 10): 0.8365268, (60, 80): 0.635424, (5, 5): 0.01975337}


def test_flip_matches_the_authors_evaluator():
    a, b = pictures()
    error = flip_map(a, b)
    assert error.mean().item() == pytest.approx(0.37187454, abs=2e-5)
    for pixel, value in PEER_PIXELS.items():
        assert error[pixel].item() == pytest.approx(value, abs=2e-4)
    assert flip_map(a, b, pixels_per_degree=30.0).mean().item() == pytest.approx(0.35712680, abs=2e-5)


def test_flip_is_symmetric_and_zero_for_equal_pictures():
    a, b = pictures()
    assert flip_map(a, a).abs().max().item() < 1e-4
    assert torch.allclose(flip_map(a, b), flip_map(b, a), atol=1e-5)


def test_flip_bounds():
    black, white = torch.zeros(40, 40, 3), torch.ones(40, 40, 3)
    error = flip_map(black, white)
    assert 0.9 < error.min().item() <= error.max().item() <= 1.0 + 1e-6


def test_flip_refuses_grey():
    with pytest.raises(InputError, match="FLIP"):
        flip_map(torch.zeros(40, 40, 1), torch.zeros(40, 40, 1))
