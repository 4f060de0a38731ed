"""What the page is told, and what is not served."""

import math

import numpy as np
import pytest
from gaussian_head.viewer import serve
from gaussian_head.viewer.bridge import outline
from support_head import make_actor

from gaussian_head.checks import InputError


@pytest.fixture(scope="module")
def actor():
    return make_actor(num_gaussians=50, size=32)


def test_an_outline_is_peaks_from_0_to_100():
    values = np.zeros(10_000)
    values[5000] = -0.5
    peaks = outline(values, 100)
    assert len(peaks) == 100
    assert peaks[50] == 100
    assert sum(peaks) == 100
    assert outline(np.array([math.nan, 1.0])) == [0, 100]
    assert outline(np.zeros(0)) == [0]


def test_serve_refuses_what_it_cannot_show(tmp_path, actor):
    with pytest.raises(InputError, match="no head"):
        serve([], block=False)
    with pytest.raises(InputError, match="size"):
        serve([actor], size=7, block=False)
    with pytest.raises(InputError, match="nowhere"):
        serve([tmp_path / "nowhere"], block=False)
